"""kill -9: groups are as they were, what ran runs again, and nothing is orphaned."""

from __future__ import annotations

import psutil
import pytest
from azure.core.exceptions import HttpResponseError

from emulator.defaults import RESOURCE_GROUP
from tests.emulator.services.container_machine import WAIT, Machine
from tests.waiting import until

MARK = "azure-local-orphan-check"


def marked() -> list[psutil.Process]:
    """Every process of a container of these tests, in a container or not."""
    found = []
    for process in psutil.process_iter():
        try:
            if any(MARK in word for word in process.cmdline()):
                found.append(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return found


def sleeper(machine: Machine, name: str = "web") -> dict:
    return machine.script(name, f"{WAIT}  # {MARK}")


def test_groups_are_as_they_were_and_run_again(own_machine):
    machine = own_machine
    body = machine.group()
    body["properties"]["ipAddress"]["dnsNameLabel"] = "recovered"
    body["properties"]["containers"][0]["properties"]["environmentVariables"] = [
        {"name": "SECRET", "secureValue": "kept"}
    ]
    group = machine.create("running", {**body, "tags": {"a": "b"}})
    machine.answer(group)
    task = machine.script("task", "print('done'); raise SystemExit(4)")
    machine.create("ended", machine.group(task, restartPolicy="Never"))
    until(lambda: machine.get("ended").instance_view.state == "Failed")
    machine.create("stopped", machine.group())
    machine.groups.stop(RESOURCE_GROUP, "stopped")

    machine.azure.kill()
    machine.azure.start()

    again = machine.answer(group)
    assert again["env"]["SECRET"] == "kept"
    after = machine.get("running")
    assert (after.tags, after.ip_address.ip, after.ip_address.fqdn) == (
        {"a": "b"},
        group.ip_address.ip,
        group.ip_address.fqdn,
    )
    assert (after.provisioning_state, after.instance_view.state) == ("Succeeded", "Running")
    assert after.containers[0].instance_view.previous_state.state == "Terminated"
    ended = machine.get("ended")
    assert ended.instance_view.state == "Failed"
    assert ended.containers[0].instance_view.current_state.exit_code == 4
    assert machine.logs("ended", "task") == "done\n"
    assert machine.get("stopped").instance_view.state == "Stopped"
    machine.groups.begin_start(RESOURCE_GROUP, "stopped").result()
    machine.answer(machine.get("stopped"))


def test_nothing_is_orphaned(own_machine):
    machine = own_machine
    machine.create("sleeping", machine.group(sleeper(machine)))
    [before] = until(marked)
    machine.azure.kill()
    until(lambda: machine.kind == "engine" or not marked())
    machine.azure.start()
    after = until(lambda: [one for one in marked() if one.pid != before.pid])
    until(lambda: not before.is_running())
    assert len(after) == 1
    machine.azure.stop()
    until(lambda: not marked())


def test_killed_while_an_init_container_runs_the_group_comes_up_after_all(own_machine):
    machine = own_machine
    slow = machine.script("slow", "import time; time.sleep(3)")
    slow["properties"].pop("resources")
    body = machine.group(machine.web("web", ports=[{"port": 80}]), initContainers=[slow])
    poller = machine.groups.begin_create_or_update(RESOURCE_GROUP, "slow", body)
    until(
        lambda: (
            machine.get("slow").init_containers[0].instance_view.current_state.state == "Running"
        )
    )
    machine.azure.kill()
    machine.azure.start()
    assert poller.result(timeout=60).provisioning_state == "Succeeded"
    assert machine.get("slow").instance_view.state == "Running"


def test_deleting_the_resource_group_stops_what_runs_in_it(own_machine):
    from azure.identity import DefaultAzureCredential
    from azure.mgmt.resource.resources import ResourceManagementClient

    from emulator.defaults import SUBSCRIPTION

    machine = own_machine
    machine.create("sleeping", machine.group(sleeper(machine)))
    until(marked)
    client = ResourceManagementClient(DefaultAzureCredential(), SUBSCRIPTION)
    client.resource_groups.begin_delete(RESOURCE_GROUP).result()
    assert list(machine.groups.list()) == []
    assert list(machine.registries.list()) == []
    until(lambda: not marked())


def test_one_change_at_a_time_but_a_delete_need_not_wait(own_machine):
    machine = own_machine
    slow = machine.script("slow", f"{WAIT}  # {MARK}")
    slow["properties"].pop("resources")
    body = machine.group(machine.web("web"), initContainers=[slow])
    machine.groups.begin_create_or_update(RESOURCE_GROUP, "slow", body)
    until(marked)
    with pytest.raises(HttpResponseError) as refused:
        machine.groups.begin_create_or_update(RESOURCE_GROUP, "slow", body)
    assert refused.value.error.code == "ContainerGroupTransitioning"
    machine.groups.begin_delete(RESOURCE_GROUP, "slow").result()  # it would wait for ever
    assert list(machine.groups.list()) == []
    until(lambda: not marked())
