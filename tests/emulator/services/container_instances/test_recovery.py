"""kill -9: groups are as they were, what ran runs again, and nothing is orphaned."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from emulator.defaults import RESOURCE_GROUP
from tests.emulator.services.container_instances.calls import GROUPS, call
from tests.emulator.services.container_instances.marked import (
    marked,
    never_up,
    sleeper,
    stubborn,
)
from tests.waiting import until


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


def test_killed_in_the_middle_of_every_change(own_machine):
    """What was under way goes on or is done again, everything can be deleted, nothing is left."""
    machine = own_machine
    machine.groups.begin_create_or_update(RESOURCE_GROUP, "creating", never_up(machine))
    machine.groups.begin_create_or_update(RESOURCE_GROUP, "starting", never_up(machine))
    for name in ("restarting", "stopping", "deleting"):
        stubborn(machine, name)
    machine.groups.stop(RESOURCE_GROUP, "starting")
    until(lambda: len(marked()) == 4)
    machine.groups.begin_start(RESOURCE_GROUP, "starting")
    # Its poller asks while nobody is there: the default three tries may end before the new start.
    restart = machine.groups.begin_restart(
        RESOURCE_GROUP, "restarting", retry_connect=20, retry_total=20, retry_backoff_max=2
    )
    until(lambda: len(marked()) == 5)
    with ThreadPoolExecutor() as threads:
        # Neither is answered before the end.
        stop = threads.submit(call, "POST", f"{GROUPS}/stopping/stop")
        delete = threads.submit(call, "DELETE", f"{GROUPS}/deleting")
        until(lambda: machine.get("stopping").instance_view.state == "Stopped")
        until(lambda: machine.get("deleting").provisioning_state == "Deleting")
        machine.azure.kill()
        assert stop.exception() is not None
        assert delete.exception() is not None
    machine.azure.start()

    until(lambda: "deleting" not in {group.name for group in machine.groups.list()})
    assert machine.get("stopping").instance_view.state == "Stopped"
    assert restart.result(timeout=60) is None
    assert machine.get("restarting").instance_view.state == "Running"
    for name in ("creating", "starting"):
        until(lambda name=name: machine.get(name).provisioning_state == "Creating")
        assert machine.get(name).instance_view.state == "Pending"
    until(lambda: len(marked()) == 3)
    for group in machine.groups.list():
        machine.groups.begin_delete(RESOURCE_GROUP, group.name).result()
    until(lambda: not marked())


def test_a_put_in_the_first_moment_after_a_start_wins(own_machine):
    machine = own_machine
    group = machine.create("web", machine.group())
    machine.answer(group)
    body = machine.group()
    body["properties"]["containers"][0]["properties"]["environmentVariables"] = [
        {"name": "VERSION", "value": "two"}
    ]
    machine.azure.kill()
    machine.azure.start()
    again = machine.create("web", body)
    assert again.provisioning_state == "Succeeded"
    assert machine.answer(again)["env"]["VERSION"] == "two"
    assert machine.view("web").restart_count == 0
