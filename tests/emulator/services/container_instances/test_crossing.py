"""Operations on one group that cross: who comes last has the say, and nothing is left."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError

from emulator.defaults import RESOURCE_GROUP
from tests.emulator.services.container_instances.calls import GROUPS, call
from tests.emulator.services.container_instances.marked import (
    marked,
    never_up,
    stubborn,
)
from tests.emulator.services.container_machine import Machine
from tests.waiting import until


@pytest.fixture
def name(machine: Machine, unique: str):
    yield f"group-{unique}"
    machine.groups.begin_delete(RESOURCE_GROUP, f"group-{unique}").result()
    until(lambda: not marked())


def state(machine: Machine, name: str) -> str:
    return machine.get(name).instance_view.state


def put(machine: Machine, name: str, body: dict):
    return machine.groups.begin_create_or_update(RESOURCE_GROUP, name, body)


def test_another_put_waits_for_the_first_to_end(machine, name):
    put(machine, name, never_up(machine))
    until(marked)
    with pytest.raises(HttpResponseError) as refused:
        put(machine, name, never_up(machine))
    assert (refused.value.status_code, refused.value.error.code) == (
        409,
        "ContainerGroupTransitioning",
    )


def test_a_stop_ends_a_create(machine, name):
    poller = put(machine, name, never_up(machine))
    until(marked)
    machine.groups.stop(RESOURCE_GROUP, name)
    assert not marked()
    assert state(machine, name) == "Stopped"
    with pytest.raises(HttpResponseError, match="preempted"):
        poller.result(timeout=60)
    # It is as any other stopped group is.
    machine.groups.begin_start(RESOURCE_GROUP, name)
    until(marked)
    assert state(machine, name) == "Pending"


def test_a_delete_ends_a_create(machine, unique):
    name = f"group-{unique}"
    poller = put(machine, name, never_up(machine))
    until(marked)
    machine.groups.begin_delete(RESOURCE_GROUP, name).result()  # it would wait for ever
    assert not marked()
    with pytest.raises(ResourceNotFoundError):
        machine.get(name)
    with pytest.raises((HttpResponseError, ResourceNotFoundError)):
        poller.result(timeout=60)


def test_a_stop_ends_a_start_and_a_second_start_is_refused(machine, name):
    put(machine, name, never_up(machine))
    machine.groups.stop(RESOURCE_GROUP, name)
    start = machine.groups.begin_start(RESOURCE_GROUP, name)
    with pytest.raises(HttpResponseError) as refused:
        machine.groups.begin_start(RESOURCE_GROUP, name)
    assert refused.value.error.code == "ContainerGroupTransitioning"
    until(marked)
    machine.groups.stop(RESOURCE_GROUP, name)
    assert (state(machine, name), marked()) == ("Stopped", [])
    with pytest.raises(HttpResponseError, match="preempted"):
        start.result(timeout=60)


def test_a_delete_ends_a_restart(machine, unique):
    name = f"group-{unique}"
    stubborn(machine, name)
    restart = machine.groups.begin_restart(RESOURCE_GROUP, name)
    machine.groups.begin_delete(RESOURCE_GROUP, name).result()
    assert not marked()
    with pytest.raises(HttpResponseError, match="preempted"):
        restart.result(timeout=60)
    assert name not in {group.name for group in machine.groups.list()}


@pytest.mark.parametrize(("method", "action"), [("DELETE", ""), ("POST", "/stop")])
def test_the_same_twice_at_once_is_done_once(machine, name, method, action):
    stubborn(machine, name)
    with ThreadPoolExecutor() as threads:
        answers = list(threads.map(lambda _: call(method, f"{GROUPS}/{name}{action}"), range(4)))
    assert {answer.status_code for answer in answers} <= {200, 204}
    assert not marked()
    assert method == "DELETE" or state(machine, name) == "Stopped"


def test_what_crosses_a_stop_is_refused_or_comes_after_it(machine, name):
    stubborn(machine, name)
    with ThreadPoolExecutor() as threads:
        stop = threads.submit(call, "POST", f"{GROUPS}/{name}/stop")
        until(lambda: state(machine, name) == "Stopped")
        for action in ("start", "restart"):
            answer = call("POST", f"{GROUPS}/{name}/{action}")
            assert answer.json()["error"]["code"] == "ContainerGroupTransitioning"
        assert stop.result().status_code == 204
    machine.groups.begin_start(RESOURCE_GROUP, name).result()
    assert state(machine, name) == "Running"
    # It is started before it has become the program that it is to run.
    assert len(until(marked)) == 1
