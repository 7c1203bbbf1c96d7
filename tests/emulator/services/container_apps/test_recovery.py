"""kill -9: apps, revisions, traffic and secrets are as they were; containers run again."""

from __future__ import annotations

from collections import Counter

import psutil
import requests

from emulator.defaults import RESOURCE_GROUP
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
        servers = [one for one in psutil.process_iter() if _serves(one, own_machine)]
        assert len(servers) == 3


def alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _serves(process: psutil.Process, machine: Machine) -> bool:
    try:
        folder = str(machine.azure.home.root)
        return process.environ().get("AZURE_LOCAL_CONTAINER", "").startswith(folder)
    except psutil.Error:
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


def test_stopping_local_azure_leaves_no_process(own_machine: Machine, unique: str):
    apps = AppsBench(own_machine, unique)
    apps.put(apps.body())
    pid = apps.ask().json()["pid"]
    own_machine.azure.stop()
    if apps.kind == "process":
        until(lambda: not alive(pid))
    own_machine.azure.start()
    assert apps.ask().status_code == 200
