"""Everything that local Azure has, as a client sees it: each list of each service, read anew."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from emulator.arm.http import Route
from emulator.defaults import SUBSCRIPTION
from tests.api_versions import api_version
from tests.fuzz.message import Message
from tests.fuzz.wire import Answer, Wire

# What changes by itself: how containers and the nodes of clusters are doing.
BY_ITSELF = {
    *("instanceView", "runningState", "runningStatus", "replicas"),
    *("runningStateDetails", "lastActiveTime", "healthState"),
    *("currentState", "previousState", "restartCount"),
    *("allocationState", "allocationStateTransitionTime", "nodeStateCounts"),
    *("currentNodeCount", "targetNodeCount"),
}

# The path of each list, or the host of an account's blobs, and what is in it.
Lists = dict[str, dict[str, Any]]
Wanted = Callable[[str], bool]
# Azure's own environments, which nobody can change, have many lists of versions.
_CURATED = "/environments/azureml-"


class State:
    """Reads the state of one emulator. `token(scope)` is an Authorization header."""

    def __init__(
        self, wire: Wire, routes: list[Route], token: Callable[[str], str], accounts: list[str]
    ) -> None:
        self.wire = wire
        self.token = token
        self.accounts = accounts
        # Lists that were not answered: something is stored that cannot be shown.
        self.unreadable: list[tuple[Message, Answer]] = []
        lists = [route for route in routes if route.method == "GET" and _is_list(route)]
        self.lists = sorted(lists, key=lambda route: len(route.segments))

    def read(self, wanted: Wanted = lambda _: True) -> Lists:
        """Each list that is wanted, told by its path, as the resources in it by their ids."""
        found: Lists = {}
        ids = [f"/subscriptions/{SUBSCRIPTION}"]
        for route in self.lists:
            parent, _, last = route.template.rpartition("/")
            for path in self._parents(parent, ids):
                name = f"{path}/{last}".lower()
                if not wanted(name):
                    continue
                resources = self._get(f"{path}/{last}")
                found[name] = {one["id"].lower(): _still(one) for one in resources}
                ids += [one["id"] for one in resources if _CURATED not in one["id"].lower()]
        for account in self.accounts:
            host = f"{account}.blob.core.windows.net"
            if wanted(host):
                found[host] = self._blobs(host)
        return found

    def _blobs(self, host: str) -> dict[str, bytes]:
        names = self._xml(host, "/", "comp=list")
        found = {f"{host}/": names}
        for name in re.findall(rb"<Name>([^<]+)</Name>", names):
            path = f"/{name.decode()}"
            query = "restype=container&comp=list&include=metadata"
            found[host + path] = self._xml(host, path, query)
        return found

    @staticmethod
    def _parents(template: str, ids: list[str]) -> list[str]:
        """The ids that the template stands for; of `…/providers/P`, what is before it."""
        scope, marker, provider = template.rpartition("/providers/")
        own = f"/providers/{provider}" if marker and "/" not in provider else ""
        pattern = re.sub(r"\{\w+\}", "[^/]+", scope if own else template)
        whole = re.compile(pattern, re.IGNORECASE)
        return [one + own for one in dict.fromkeys(ids) if whole.fullmatch(one)]

    def _get(self, path: str) -> list[dict[str, Any]]:
        headers = (("Authorization", self.token("https://management.azure.com/.default")),)
        query = (("api-version", api_version(path)),)
        message = Message("GET", "management.azure.com", path, query, headers)
        answer = self.wire.send(message)
        if answer.status == 404:  # it went while the state was read
            return []
        if answer.status != 200:
            self.unreadable.append((message, answer))
            return []
        return [one for one in json.loads(answer.body)["value"] if "id" in one]

    def _xml(self, host: str, path: str, query: str) -> bytes:
        token = self.token("https://storage.azure.com/.default")
        headers = (("Authorization", token), ("x-ms-version", "2024-11-04"))
        message = Message("GET", host, f"{path}?{query}", (), headers)
        answer = self.wire.send(message)
        if answer.status != 200:
            self.unreadable.append((message, answer))
        return answer.body


def _is_list(route: Route) -> bool:
    """Whether it lists resources; not replicas, executions and jobs of machine learning, which come
    and go by themselves, nor roles, which nobody can change and which are the same everywhere, nor
    blob containers, of which every upload that is begun makes one, nor metrics, which are measured.
    """
    last = route.segments[-1]
    of_what = route.template.lower()
    left_out = (
        *("/providers", "/resources", "/replicas", "/executions"),
        *("/workspaces/{workspacename}/jobs", "/roledefinitions"),
        "/blobservices/default/containers",
        *("/metrics", "/metricdefinitions", "/metricnamespaces"),
    )
    apart = "/locations" in of_what or of_what.endswith(left_out)
    # A subscription's list of a type shows what the lists of its groups show.
    whole = "/providers/" in of_what and "/resourcegroups/" not in of_what
    return not (last.startswith("{") or apart or whole) and "{subscriptionid}" in of_what


def _still(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _still(item) for key, item in value.items() if key not in BY_ITSELF}
    if isinstance(value, list):
        return [_still(item) for item in value]
    return value
