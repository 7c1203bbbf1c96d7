"""kill -9: apps, revisions, traffic and secrets are as they were; containers run again."""

from __future__ import annotations

import random
import time
from collections import Counter
from functools import partial
from typing import Any

import psutil
import pytest
import requests
from azure.core.exceptions import ResourceNotFoundError
from azure.mgmt.appcontainers.models import ContainerApp

from emulator.defaults import REGION, RESOURCE_GROUP
from tests.emulator.services.apps_bench import AppsBench
from tests.emulator.services.container_machine import Machine
from tests.waiting import until


def test_apps_are_as_they_were(own_machine: Machine, unique: str):
    apps = AppsBench(own_machine, unique)
    configuration = {
        "activeRevisionsMode": "Multiple",
        "secrets": [{"name": "key", "value": "s3cret"}],
    }
    for number in ("1", "2"):
        container = apps.container(env={"VERSION": number})
        container["env"].append({"name": "KEY", "secretRef": "key"})
        body = apps.body(container, configuration=configuration, revisionSuffix=f"v{number}")
        apps.put(body)
    shares = [
        {"revisionName": f"{apps.name}--v1", "weight": 50, "label": "old"},
        {"revisionName": f"{apps.name}--v2", "weight": 50},
    ]
    apps.patch({"configuration": {"ingress": {"traffic": shares}}})
    host = apps.fqdn()
    before = [(one.name, one.active, one.traffic_weight) for one in apps.list_revisions()]
    idle = apps.put(apps.body(scale={"minReplicas": 0, "maxReplicas": 1}), f"idle-{unique}")
    apps.put(apps.body(), f"off-{unique}")
    apps.apps.begin_stop(RESOURCE_GROUP, f"off-{unique}").result()
    before_kill = apps.ask(host=host).json()

    own_machine.azure.kill()
    own_machine.azure.start()

    with requests.Session() as session:
        answers = [session.get(f"https://{host}/", timeout=30).json() for _ in range(40)]
    assert {answer["env"]["KEY"] for answer in answers} == {"s3cret"}
    counted = Counter(answer["version"] for answer in answers)
    assert 6 <= counted["1"] <= 34
    assert before_kill["start"] not in {answer["start"] for answer in answers}
    label = apps.ask(host=f"{apps.name}---old.{host.partition('.')[2]}")
    assert label.json()["version"] == "1"
    after = [(one.name, one.active, one.traffic_weight) for one in apps.list_revisions()]
    assert after == before
    assert apps.get().provisioning_state == "Succeeded"
    assert apps.ask(host=idle.configuration.ingress.fqdn).status_code == 200
    off = apps.apps.get(RESOURCE_GROUP, f"off-{unique}")
    assert off.properties.running_status == "Stopped"
    assert apps.ask(host=off.configuration.ingress.fqdn).status_code == 404
    if apps.kind == "process":
        assert not alive(before_kill["pid"])
        names = (apps.name, f"idle-{unique}", f"off-{unique}")
        assert [len(apps.servers(name)) for name in names] == [2, 1, 0]


def alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_killed_while_an_app_is_made(own_machine: Machine, unique: str):
    apps = AppsBench(own_machine, unique)
    apps.begin(apps.body(apps.container(env={"DELAY": "2"})))
    until(lambda: apps.get().latest_revision_name)
    own_machine.azure.kill()
    own_machine.azure.start()
    until(lambda: apps.get().provisioning_state == "Succeeded")
    assert apps.ask().status_code == 200
    assert len(apps.list_revisions()) == 1


def test_a_put_while_an_app_comes_back_wins(own_machine: Machine, unique: str):
    apps = AppsBench(own_machine, unique)
    for number in range(3):
        slow = apps.container(env={"VERSION": f"old {number}", "DELAY": "1"})
        apps.put(apps.body(slow))
        own_machine.azure.kill()
        own_machine.azure.start()
        put = apps.begin(apps.body(apps.container(env={"VERSION": f"new {number}"})))
        assert put.result().provisioning_state == "Succeeded"
        until(lambda: [one.active for one in apps.list_revisions()].count(True) == 1)
        assert {apps.ask().json()["version"] for _ in range(5)} == {f"new {number}"}
        if apps.kind == "process":
            until(lambda: len(apps.servers()) == 1)


@pytest.mark.parametrize("what", ["put", "start", "stop", "delete"])
def test_killed_at_any_moment_everything_settles(own_machine: Machine, unique: str, what: str):
    apps = AppsBench(own_machine, unique)
    chance = random.Random(what)
    for number in range(4):
        name = f"app-{number}-{unique}"
        apps.put(apps.body(apps.container(env={"VERSION": "1"})), name)
        if what == "start":
            apps.apps.begin_stop(RESOURCE_GROUP, name).result()
        if what == "put":
            apps.begin(apps.body(apps.container(env={"VERSION": "2"})), name)
        else:
            getattr(apps.apps, f"begin_{what}")(RESOURCE_GROUP, name)
        time.sleep(chance.choice((0, 0.01, 0.1, 0.5)))  # any moment may be the one
        own_machine.azure.kill()
        own_machine.azure.start()
        if what == "delete":
            until(partial(is_gone, apps, name))
            continue
        app = until(partial(settled, apps, name))
        expected = "Stopped" if what == "stop" else "Running"
        assert (app.provisioning_state, app.properties.running_status) == ("Succeeded", expected)
        if what == "put":
            host = app.configuration.ingress.fqdn
            assert apps.ask(host=host).json()["version"] == "2"
        apps.apps.begin_delete(RESOURCE_GROUP, name).result()
        assert is_gone(apps, name)
        if apps.kind == "process":
            assert apps.servers(name) == set()


def settled(apps: AppsBench, name: str) -> ContainerApp | None:
    """The app, once nothing is under way on it."""
    app = apps.apps.get(RESOURCE_GROUP, name)
    return app if app.provisioning_state in ("Succeeded", "Failed") else None


def is_gone(apps: AppsBench, name: str) -> bool:
    try:
        apps.apps.get(RESOURCE_GROUP, name)
    except ResourceNotFoundError:
        return apps.folders(name) == []
    return False


def test_killed_while_an_environment_is_made_or_deleted(own_machine: Machine, unique: str):
    environments = AppsBench(own_machine, unique).environments
    for number in range(4):
        name = f"env-{number}-{unique}"
        environments.begin_create_or_update(RESOURCE_GROUP, name, {"location": REGION})
        own_machine.azure.kill()
        own_machine.azure.start()
        until(partial(is_in, environments, name, "Succeeded"))
        environments.begin_delete(RESOURCE_GROUP, name)
        own_machine.azure.kill()
        own_machine.azure.start()
        until(partial(is_in, environments, name, "gone"))


def is_in(environments: Any, name: str, state: str) -> bool:
    try:
        return environments.get(RESOURCE_GROUP, name).provisioning_state == state
    except ResourceNotFoundError:
        return state == "gone"


def test_stopping_local_azure_leaves_no_process(own_machine: Machine, unique: str):
    apps = AppsBench(own_machine, unique)
    apps.put(apps.body())
    pid = apps.ask().json()["pid"]
    own_machine.azure.stop()
    if apps.kind == "process":
        until(lambda: not alive(pid))
    own_machine.azure.start()
    assert apps.ask().status_code == 200
