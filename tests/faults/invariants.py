"""What must hold once all clients have stopped and all operations have ended."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

from emulator.defaults import REGION, SUBSCRIPTION
from tests.faults import estate, processes
from tests.faults.arm_client import Answer, ArmClient
from tests.faults.model import ABSENT, Model

LIMIT = 60.0  # seconds until what was running must be back, and what was deleted gone
GONE = 20.0  # seconds until the processes of what was deleted must have ended
RESTING = {"Succeeded", "Failed", "Canceled", "", "None"}
Report = Callable[[str, str], None]


class Invariants:
    def __init__(self, client: ArmClient, model: Model, report: Report) -> None:
        self.client = client
        self.model = model
        self.report = report
        self.shown: dict[str, dict[str, Any]] = {}

    def check_state(self) -> None:
        """Each resource is one that the model allows, and none is on its way."""
        self.shown = {}
        for resource in estate.ALL:
            answer = self._at_rest(resource)
            possible = self.model.possible(resource)
            if answer.status == 404:
                version = ABSENT
            elif answer.status == 200:
                version = str((answer.body.get("tags") or {}).get("version"))
                self.shown[resource] = answer.body
            else:
                self.report(f"GET is answered {answer.status}", f"{resource}: {answer.body}")
                continue
            if version not in possible:
                name = resource.rpartition("/providers/")[2]
                history = "; ".join(str(one) for one in self.model.changes if _about(one, resource))
                self.report(
                    f"the state is not the model's: {_kind(resource)}",
                    f"{name} is {version}, possible are {sorted(possible)}; {history}",
                )

    def _at_rest(self, resource: str) -> Answer:
        """The resource, when its state is a final one; a report when it does not become one."""
        deadline = time.monotonic() + LIMIT
        while True:
            answer = self.client.call("GET", resource)
            state = _state(answer.body)
            if answer.status != 200 or state in RESTING:
                return answer
            if time.monotonic() > deadline:
                self.report(f"{_kind(resource)} is {state} for ever", resource)
                return answer
            time.sleep(0.1)

    def check_serving(self) -> None:
        """Whoever says Succeeded answers, with the very version that it says it is."""
        for resource, body in self.shown.items():
            if _state(body) != "Succeeded":
                continue
            if resource in estate.ENDPOINTS:
                self._check_traffic(resource, body)
            elif resource in estate.DEPLOYMENTS:
                self._check_deployment(resource, body)
            elif resource in estate.CONTAINER_GROUPS:
                self._check_container_group(resource, body)
            elif resource in estate.APPS:
                self._check_app(resource, body)

    def _check_traffic(self, endpoint: str, body: dict[str, Any]) -> None:
        traffic = body["properties"]["traffic"]
        for colour, share in traffic.items():
            if share and f"{endpoint}/deployments/{colour}" not in self.shown:
                self.report("traffic to a deployment that is not there", f"{endpoint}: {traffic}")
                return
        colours = {colour for colour, share in traffic.items() if share}
        shown = [self.shown[f"{endpoint}/deployments/{colour}"] for colour in colours]
        if shown and all(_state(one) == "Succeeded" for one in shown):
            wanted = {one["tags"]["version"] for one in shown}
            self._expect(endpoint, wanted, lambda: self._score(endpoint, body, {}))

    def _check_deployment(self, deployment: str, body: dict[str, Any]) -> None:
        endpoint, _, name = deployment.rpartition("/deployments/")
        chosen = {"azureml-model-deployment": name}
        if endpoint in self.shown:
            ask = self.shown[endpoint]
            wanted = {body["tags"]["version"]}
            self._expect(deployment, wanted, lambda: self._score(endpoint, ask, chosen))

    def _score(self, endpoint: str, body: dict[str, Any], headers: dict[str, str]) -> Answer:
        keys = self.client.call("POST", f"{endpoint}/listKeys")
        if keys.status != 200:
            return keys
        headers = {**headers, "Authorization": f"Bearer {keys.body['primaryKey']}"}
        return self.client.send("POST", body["properties"]["scoringUri"], json={}, headers=headers)

    def _check_container_group(self, group: str, body: dict[str, Any]) -> None:
        properties = body["properties"]
        if properties["instanceView"]["state"] == "Stopped":
            return
        url = f"http://{properties['ipAddress']['ip']}/"
        self._expect(group, {body["tags"]["version"]}, lambda: self._env(url))

    def _check_app(self, app: str, body: dict[str, Any]) -> None:
        properties = body["properties"]
        revision = f"{app}/revisions/{properties['latestRevisionName']}"
        answer = self.client.call("GET", revision)
        active = answer.status == 200 and answer.body["properties"]["active"]
        if properties["runningStatus"] != "Running" or not active:
            return
        url = f"https://{properties['configuration']['ingress']['fqdn']}/"
        self._expect(app, {body["tags"]["version"]}, lambda: self._env(url))

    def _env(self, url: str) -> Answer:
        answer = self.client.send("GET", url)
        if isinstance(answer.body, dict) and "env" in answer.body:
            answer.body = {"version": answer.body["env"].get("VERSION")}
        return answer

    def _expect(self, resource: str, versions: set[str], ask: Callable[[], Answer]) -> None:
        """It answers so within the limit: what was running may still be coming back."""
        deadline = time.monotonic() + LIMIT
        while True:
            answer = ask()
            said = answer.body.get("version") if isinstance(answer.body, dict) else None
            if answer.status == 200 and str(said) in versions:
                return
            if time.monotonic() > deadline:
                break
            time.sleep(0.2)
        problem = "answers another version" if answer.status == 200 else "does not answer"
        name = resource.rpartition("/providers/")[2]
        self.report(
            f"{_kind(resource)} says Succeeded and {problem}",
            f"{name}, version {sorted(versions)}: {answer.status} {str(answer.body)[:300]}",
        )

    def check_servers(self, home: Path) -> None:
        """As many inference servers run as the deployments say that they have instances."""
        shown = [self.shown[one] for one in estate.DEPLOYMENTS if one in self.shown]
        if any(_state(one) != "Succeeded" for one in shown):
            return  # one that failed may go on running what it was before
        wanted = sum(one["sku"]["capacity"] for one in shown)
        deadline = time.monotonic() + GONE
        while (found := len(processes.inference_servers(home))) != wanted:
            if time.monotonic() > deadline:
                text = f"{found} for {wanted} instances: {[one['sku'] for one in shown]}"
                self.report("more or fewer inference servers than instances", text)
                return
            time.sleep(0.2)

    # The end

    def delete_all(self) -> None:
        """Everything can be deleted: each endpoint, then the group with what is left in it."""
        clusters = tuple(f"{one}{estate.WITH_NODES}" for one in estate.CLUSTERS)
        others = (*estate.APPS, *estate.CONTAINER_GROUPS, estate.GROUP)
        for resource in (*estate.ENDPOINTS, *clusters, *others):
            self._delete(resource)
        for resource in estate.ALL:
            if (answer := self.client.call("GET", resource)).status != 404:
                self.report(
                    f"{_kind(resource)} is there though it was deleted",
                    f"{resource}: {answer.status} {_state(answer.body)}",
                )

    def _delete(self, resource: str) -> None:
        deadline = time.monotonic() + LIMIT
        answer = self.client.call("DELETE", resource)
        url = answer.headers.get("Azure-AsyncOperation") or answer.headers.get("Location")
        if not answer.ok and answer.status != 404:
            self.report(
                f"{_kind(resource)} cannot be deleted",
                f"{resource}: {answer.status} {answer.body}",
            )
        while url and time.monotonic() < deadline:
            polled = self.client.call("GET", url)
            under_way = polled.status == 202 or (
                isinstance(polled.body, dict) and polled.body.get("status") == "InProgress"
            )
            if not under_way:
                return
            time.sleep(0.1)
        if url:
            self.report(f"the deletion of {_kind(resource)} does not end", resource)

    def check_nothing_left(self, emulator: int, home: Path) -> None:
        """No quota is used, no process works for what is gone."""
        scope = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.ContainerInstance"
        usages = self.client.call("GET", f"{scope}/locations/{REGION}/usages")
        used = {one["name"]["value"]: one["currentValue"] for one in usages.body["value"]}
        if any(used.values()):
            self.report("quota is used though all is deleted", str(used))
        deadline = time.monotonic() + GONE
        while time.monotonic() < deadline:
            left = processes.left_over(home, emulator)
            if not left:
                return
            time.sleep(0.2)
        self.report("processes are left", "; ".join(processes.described(one) for one in left))
        for process in left:
            with suppress(psutil.Error):  # so that the next round does not find them again
                process.kill()


def _state(body: Any) -> str:
    properties = body.get("properties") if isinstance(body, dict) else None
    return str(properties.get("provisioningState", "")) if isinstance(properties, dict) else ""


def _kind(resource: str) -> str:
    return resource.rpartition("/")[0].rpartition("/")[2]


def _about(change: Any, resource: str) -> bool:
    return bool(change.resource == resource or resource.startswith(f"{change.resource}/"))
