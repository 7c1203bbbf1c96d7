"""Operations on a registry and its runs that cross each other, and kills in the middle of them."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError

from emulator.defaults import RESOURCE_GROUP
from tests.emulator.services import arm
from tests.emulator.services.container_machine import Machine
from tests.emulator.services.container_registry.endless_builds import EndlessBuilds
from tests.emulator.services.container_registry.test_bodies import BASIC, REGISTRIES, call
from tests.waiting import until

# Seconds within which a Python environment is made, or taken away, on a machine that is busy.
MADE = 180.0


@pytest.fixture
def builds(machine: Machine) -> Iterator[EndlessBuilds]:
    endless = EndlessBuilds(machine)
    yield endless
    endless.close()


@pytest.fixture
def name(machine: Machine, builds: EndlessBuilds, unique: str):
    machine.registry(f"reg{unique}")
    yield f"reg{unique}"
    machine.registries.begin_delete(RESOURCE_GROUP, f"reg{unique}").result()
    builds.until_gone(MADE)


def test_a_run_that_is_canceled_while_it_builds(machine, builds, name):
    run = machine.schedule(name, "web:1", builds.files()).run_id
    until(builds.under_way, MADE)
    machine.tasks.runs.cancel(RESOURCE_GROUP, name, run)
    builds.until_gone(MADE)
    found = machine.tasks.runs.get(RESOURCE_GROUP, name, run)
    assert (found.status, found.provisioning_state) == ("Canceled", "Canceled")
    log, outcome = machine.log(name, run)
    assert (outcome, "canceled after" in log) == ("canceled", True)
    with pytest.raises(HttpResponseError) as refused:
        machine.tasks.runs.cancel(RESOURCE_GROUP, name, run)
    assert refused.value.error.code == "RunCannotBeCanceled"


def test_a_run_that_is_canceled_many_times_at_once(machine, builds, name):
    run = machine.schedule(name, "web:1", builds.files()).run_id
    until(builds.under_way, MADE)
    with ThreadPoolExecutor() as threads:
        path = f"{REGISTRIES}/{name}/runs/{run}/cancel"
        answers = list(threads.map(lambda _: cancel(path), range(4)))
    assert 200 in answers
    assert set(answers) <= {200, 409}
    assert machine.tasks.runs.get(RESOURCE_GROUP, name, run).status == "Canceled"


def cancel(path: str) -> int:
    return arm.call("POST", path, None, **{"api-version": "2025-03-01-preview"}).status_code


def test_the_deletion_of_a_registry_ends_its_runs(machine, builds, unique):
    name = f"gone{unique}"
    machine.registry(name)
    runs = [machine.schedule(name, "web:1", builds.files()).run_id for _ in range(3)]
    until(builds.under_way, MADE)
    with ThreadPoolExecutor() as threads:
        answers = list(threads.map(lambda _: call("DELETE", f"{REGISTRIES}/{name}"), range(3)))
    assert {answer.status_code for answer in answers} <= {202, 204}
    until(lambda: name not in {one.name for one in machine.registries.list()}, MADE)
    builds.until_gone(MADE)
    # One of the same name knows nothing of them.
    machine.registry(name)
    with pytest.raises(ResourceNotFoundError):
        machine.tasks.runs.get(RESOURCE_GROUP, name, runs[0])
    assert list(machine.tasks.runs.list(RESOURCE_GROUP, name)) == []
    machine.registries.begin_delete(RESOURCE_GROUP, name).result()


def test_killed_in_the_middle_of_everything(own_machine):
    machine, builds = own_machine, EndlessBuilds(own_machine)
    for name in ("stays", "goes1"):
        machine.registry(name)
    run = machine.schedule("stays", "web:1", builds.files()).run_id
    machine.schedule("goes1", "web:1", builds.files())
    until(lambda: builds.under_way() == 2, MADE)
    machine.registries.begin_delete(RESOURCE_GROUP, "goes1")
    machine.registries.begin_create(RESOURCE_GROUP, "comes", BASIC)
    machine.azure.kill()
    machine.azure.start()

    until(lambda: "goes1" not in {one.name for one in machine.registries.list()}, MADE)
    assert machine.registries.get(RESOURCE_GROUP, "comes").provisioning_state == "Succeeded"
    log, outcome = machine.log("stays", run)
    assert outcome == "internalerror"
    # What was built until then is still to be read.
    assert "Downloading source code" in log
    assert log.rstrip().endswith("Local Azure was stopped during the run. Schedule it again.")
    found = machine.tasks.runs.get(RESOURCE_GROUP, "stays", run)
    assert (found.status, found.provisioning_state) == ("Error", "Failed")
    for name in ("stays", "comes"):
        machine.registries.begin_delete(RESOURCE_GROUP, name).result()
    builds.until_gone(MADE)
    builds.close()
