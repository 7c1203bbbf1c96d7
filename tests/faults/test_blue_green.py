"""Steady load while what is asked changes: no request is lost, and none goes where it must not.

Endpoints and apps, changed by the real SDKs and asked by real HTTP clients. Short in `make test`;
`make faults` goes round for long. Figures: build/faults/blue-green-*.json.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
import requests
from azure.ai.ml.entities import OnlineRequestSettings

from emulator.defaults import RESOURCE_GROUP
from tests.azure import LocalAzure, azure_in, course_client
from tests.emulator.services.apps_bench import AppsBench
from tests.emulator.services.container_machine import Machine, settings
from tests.emulator.services.deployments import Workbench
from tests.faults.steady_load import IS_LONG, Ask, SteadyLoad, named, rotating
from tests.waiting import until

pytestmark = pytest.mark.slow

ROUNDS = 30 if IS_LONG else 1
# What requests ask the servers to wait (seconds): some are under way whenever something changes.
WAITS = (0, 0, 0.02, 0.4, 0, 0.1)
# Answers who it is, after the time that it is asked to take.
NAMED = """
import json, os, time

VERSION = "{version}"

def init():
    pass

def run(raw_data):
    time.sleep(json.loads(raw_data)["wait"])
    print("was asked")
    return {{"who": os.environ["DEPLOYED_AS"] + " " + VERSION, "pid": os.getpid()}}
"""


@pytest.fixture(scope="module")
def azure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAzure]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in settings("process").items():
            patch.setenv(name, value)
        with azure_in(tmp_path_factory.mktemp("blue-green")) as made:
            yield made


# An endpoint


@dataclass
class Called:
    """An endpoint and the key that its clients have at the moment."""

    bench: Workbench
    name: str
    url: str
    key: str

    def ask(self, deployment: str = "") -> Ask:
        """Ask the endpoint, or this deployment of it by the header."""
        wait = rotating(WAITS)

        def send(session: requests.Session) -> str:
            headers = {"Authorization": f"Bearer {self.key}"}
            if deployment:
                headers["azureml-model-deployment"] = deployment
            answer = session.post(self.url, json={"wait": wait()}, headers=headers, timeout=90)
            assert answer.status_code == 200, f"{answer.status_code}: {answer.text[:200]}"
            who = str(answer.json()["who"])
            named_in_header = answer.headers["azureml-model-deployment"]
            assert who.startswith(f"{named_in_header} "), f"{who} as {named_in_header}"
            assert deployment in ("", named_in_header), f"{named_in_header} for {deployment}"
            return who

        return send

    def deploy(self, name: str, version: int, instances: int = 1) -> None:
        self.bench.deploy(
            self.name,
            name,
            script=NAMED.format(version=version),
            instance_count=instances,
            request_settings=OnlineRequestSettings(
                request_timeout_ms=90_000, max_concurrent_requests_per_instance=6
            ),
        )

    def scale(self, name: str, instances: int) -> None:
        deployment = self.bench.client.online_deployments.get(name, self.name)
        deployment.instance_count = instances
        self.bench.client.online_deployments.begin_create_or_update(deployment).result()

    def share(self, traffic: dict[str, int], mirror: dict[str, int] | None = None) -> None:
        endpoint = self.bench.client.online_endpoints.get(self.name)
        endpoint.traffic, endpoint.mirror_traffic = traffic, mirror or {}
        self.bench.client.online_endpoints.begin_create_or_update(endpoint).result()

    def was_asked(self, name: str) -> bool:
        """Whether a deployment has had a request, by its log."""
        deployments = self.bench.client.online_deployments
        return "was asked" in deployments.get_logs(name, self.name, lines=1000)

    def renew(self, kind: str) -> str:
        """Regenerate a key and return the new one."""
        endpoints = self.bench.client.online_endpoints
        endpoints.begin_regenerate_keys(name=self.name, key_type=kind).result()
        return str(getattr(endpoints.get_keys(self.name), f"{kind}_key"))


@pytest.fixture
def called(azure: LocalAzure, tmp_path: Path, unique: str) -> Iterator[Called]:
    bench = Workbench(course_client(), tmp_path, unique)
    endpoint = bench.endpoint()
    key = bench.client.online_endpoints.get_keys(endpoint.name).primary_key
    assert endpoint.scoring_uri
    yield Called(bench, endpoint.name, endpoint.scoring_uri, key)
    bench.clean()


def test_an_endpoint_loses_nothing(called: Called) -> None:
    called.deploy("blue", 0)
    called.share({"blue": 100})
    clients = named("any", 3, lambda _: called.ask()) | {"pinned": called.ask("blue")}
    anybody = tuple(name for name in clients if name != "pinned")
    with SteadyLoad(clients) as load:
        for number in range(ROUNDS):
            go_round(called, load, anybody, number)
    load.check()
    load.write("blue-green-endpoint")


def go_round(called: Called, load: SteadyLoad, anybody: tuple[str, ...], number: int) -> None:
    """From blue to green and back, which is as it was but for its code."""
    blue, green = f"blue {2 * number}", f"green {2 * number}"
    newer_blue, newer_green = f"blue {2 * number + 2}", f"green {2 * number + 1}"
    load.change("green comes", lambda: called.deploy("green", 2 * number))
    assert load.since_change() == {blue}
    assert not called.was_asked("green")
    load.change("green gets copies", lambda: called.share({"blue": 100, "green": 0}, {"green": 50}))
    assert load.since_change() == {blue}
    until(lambda: called.was_asked("green"))
    load.change("both get half", lambda: called.share({"blue": 50, "green": 50}))
    until(lambda: load.since_change(*anybody) == {blue, green})
    load.change("all goes to green", lambda: called.share({"blue": 0, "green": 100}))
    assert load.since_change(*anybody) == {green}
    assert load.since_change("pinned") == {blue}
    load.change("green has three instances", lambda: called.scale("green", 3))
    load.change("green has one instance", lambda: called.scale("green", 1))
    load.change("green's code is replaced", lambda: called.deploy("green", 2 * number + 1))
    assert load.since_change(*anybody) == {newer_green}
    spare = load.change("the secondary key is new", lambda: called.renew("secondary"))
    called.key = spare
    load.settle()  # so that nobody is under way with the key that goes now
    called.key = load.change("the primary key is new", lambda: called.renew("primary"))
    load.settle()
    load.change("blue's code is replaced", lambda: called.deploy("blue", 2 * number + 2))
    assert load.since_change("pinned") == {newer_blue}
    assert load.since_change(*anybody) == {newer_green}
    load.change("all goes to blue", lambda: called.share({"blue": 100, "green": 0}))
    assert load.since_change() == {newer_blue}
    load.change(
        "green goes",
        lambda: called.bench.client.online_deployments.begin_delete("green", called.name).result(),
    )
    assert load.since_change() == {newer_blue}


def test_the_queue_of_a_deployment_that_goes_is_answered(called: Called) -> None:
    """Deleting a deployment lets those finish who wait for its one instance."""
    called.deploy("blue", 0)
    headers = {"Authorization": f"Bearer {called.key}", "azureml-model-deployment": "blue"}
    all_are_connected = Barrier(4)

    def ask() -> int:
        with requests.Session() as session:

            def send(seconds: int) -> int:
                body = {"wait": seconds}
                return session.post(called.url, json=body, headers=headers, timeout=90).status_code

            assert send(0) == 200
            all_are_connected.wait()
            return send(1)

    with ThreadPoolExecutor(4) as pool:
        asking = [pool.submit(ask) for _ in range(4)]
        assert wait(asking, return_when=FIRST_COMPLETED).not_done  # they stand in the queue
        called.bench.client.online_deployments.begin_delete("blue", called.name).result()
        assert [one.result() for one in asking] == [200] * 4


# An app


@pytest.fixture
def apps(azure: LocalAzure, unique: str) -> Iterator[AppsBench]:
    bench = AppsBench(Machine("process", azure), unique)
    yield bench
    bench.clean()


@dataclass
class Asked:
    """An app's host name, and the revision that one of its clients asks by its own."""

    host: str
    pinned: int | None = None

    def host_of(self, version: int) -> str:
        app, _, domain = self.host.partition(".")
        return f"{app}--v{version}.{domain}"


def ask_app(asked: Asked, *, is_pinned: bool = False) -> Ask:
    """Ask an app, or a revision by its own host name, and return the version that answered."""
    wait = rotating(WAITS)

    def send(session: requests.Session) -> str:
        only = asked.pinned if is_pinned else None
        host = asked.host if only is None else asked.host_of(only)
        answer = session.get(f"https://{host}/sleep/{wait():g}", timeout=90)
        assert answer.status_code == 200, f"{answer.status_code}: {answer.text[:200]}"
        found = answer.json()
        revision = re.sub(r"-[a-z0-9]+-[a-z0-9]+$", "", found["replica"])
        assert revision.endswith(f"--v{found['version']}"), f"{found['version']} from {revision}"
        assert only in (None, int(found["version"])), f"{found['version']} for {only}"
        return str(found["version"])

    return send


def wanted(apps: AppsBench, version: int, mode: str = "Multiple", **more: Any) -> dict[str, Any]:
    return apps.body(
        apps.container(env={"VERSION": str(version)}),
        configuration={"activeRevisionsMode": mode, **more},
        revisionSuffix=f"v{version}",
        scale={
            "minReplicas": 1,
            "maxReplicas": 3,
            "rules": [{"name": "http", "http": {"metadata": {"concurrentRequests": "12"}}}],
        },
    )


def shared(apps: AppsBench, **weights: int) -> dict[str, Any]:
    shares = [
        {"revisionName": f"{apps.name}--{version}", "weight": weight}
        for version, weight in weights.items()
    ]
    return {"ingress": {"traffic": shares}}


def test_an_app_loses_nothing(apps: AppsBench) -> None:
    apps.put(wanted(apps, 0))
    apps.patch({"configuration": shared(apps, v0=100)})
    asked = Asked(apps.fqdn())
    clients = named("any", 3, lambda _: ask_app(asked))
    clients["pinned"] = ask_app(asked, is_pinned=True)
    with SteadyLoad(clients) as load:
        for number in range(ROUNDS):
            go_round_app(apps, asked, load, tuple(clients)[:3], 3 * number)
    load.check()
    load.write("blue-green-app")


def go_round_app(
    apps: AppsBench, asked: Asked, load: SteadyLoad, anybody: tuple[str, ...], number: int
) -> None:
    """Three revisions on, the first two by weights, the last by the mode that does it alone."""
    one, two, three, four = (number + step for step in range(4))
    v1, v2, v3 = f"v{one}", f"v{two}", f"v{three}"
    first = f"{apps.name}--{v1}"
    asked.pinned = one
    more = shared(apps, **{v1: 100})
    load.change("a second revision comes", lambda: apps.put(wanted(apps, two, **more)))
    assert load.since_change() == {str(one)}
    half = shared(apps, **{v1: 50, v2: 50})
    load.change("both get half", lambda: apps.patch({"configuration": half}))
    until(lambda: load.since_change(*anybody) == {str(one), str(two)})
    second = shared(apps, **{v1: 0, v2: 100})
    load.change("all goes to the second", lambda: apps.patch({"configuration": second}))
    assert load.since_change(*anybody) == {str(two)}
    assert load.since_change("pinned") == {str(one)}
    asked.pinned = two
    load.settle()
    load.change(
        "the first is deactivated",
        lambda: apps.revisions.deactivate_revision(RESOURCE_GROUP, apps.name, first),
    )
    restart(apps, load, f"{apps.name}--{v2}")
    scale(apps, load, f"{apps.name}--{v2}")
    both = shared(apps, **{v2: 0, v3: 100})
    load.change("a third comes with all traffic", lambda: apps.put(wanted(apps, three, **both)))
    assert load.since_change(*anybody) == {str(three)}
    assert load.since_change("pinned") == {str(two)}
    asked.pinned = None
    load.settle()
    load.change("the latest alone is active", lambda: apps.put(wanted(apps, four, "Single")))
    assert load.since_change() == {str(four)}
    last = shared(apps, **{f"v{four}": 100})
    load.change(
        "several may be active again",
        lambda: apps.patch({"configuration": {"activeRevisionsMode": "Multiple", **last}}),
    )
    assert load.since_change() == {str(four)}


def restart(apps: AppsBench, load: SteadyLoad, revision: str) -> None:
    def replicas() -> set[str]:
        return {replica.name for replica in apps.list_replicas(revision)}

    before = replicas()
    load.change(
        "it is restarted",
        lambda: apps.revisions.restart_revision(RESOURCE_GROUP, apps.name, revision),
    )
    until(lambda: replicas() and not replicas() & before, 60)
    load.settle()


def scale(apps: AppsBench, load: SteadyLoad, revision: str) -> None:
    """More requests, more replicas; and the other way round."""

    def replicas() -> int:
        return int(apps.revision(revision).replicas)

    pause, load.pause = load.pause, 0.0
    load.change("requests grow", lambda: until(lambda: replicas() > 1, 60))
    load.pause = 0.5
    load.change("requests shrink", lambda: until(lambda: replicas() == 1, 60))
    load.pause = pause
