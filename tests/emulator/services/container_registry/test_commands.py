"""Quick runs of a command, as `az acr run --cmd` asks for them."""

from __future__ import annotations

import base64

import pytest
from azure.core.exceptions import HttpResponseError

from emulator.defaults import RESOURCE_GROUP
from tests.emulator.services.container_machine import Machine
from tests.emulator.services.container_registry.test_runs import FILES


def schedule(machine: Machine, registry: str, task: str):
    body = {
        "type": "EncodedTaskRunRequest",
        "platform": {"os": "Linux"},
        "encodedTaskContent": base64.b64encode(task.encode()).decode(),
    }
    return machine.tasks.registries.schedule_run(RESOURCE_GROUP, registry, body)


def test_a_command_runs_in_an_image_of_the_registry(machine, name):
    machine.run(name, machine.schedule(name, "web:1", FILES).run_id)
    task = """\
version: v1.1.0
steps:
  - cmd: $Registry/web:1 python -c 'import os; print(os.environ["WHO"], "{{.Run.ID}}")'
    env: ["WHO=me"]
    disableWorkingDirectoryOverride: true
  - id: second
    cmd: "{{.Run.Registry}}/web:1 python -c 'print(2)'"
"""
    queued = schedule(machine, name, task)
    assert queued.run_type == "QuickRun"
    log, outcome = machine.log(name, queued.run_id)
    assert outcome == "successful", log
    assert f"me {queued.run_id}" in log
    assert log.index("acb_step_0") < log.index("Executing step ID: second")


def test_a_command_that_fails_ends_the_run(machine, name):
    machine.run(name, machine.schedule(name, "web:1", FILES).run_id)
    task = """\
steps:
  - cmd: $Registry/web:1 python -c 'raise SystemExit(3)'
  - cmd: $Registry/web:1 python -c 'print("never")'
"""
    queued = schedule(machine, name, task)
    log, outcome = machine.log(name, queued.run_id)
    assert outcome == "failed"
    assert "failed to run step ID: acb_step_0: exit status 3" in log
    assert "never" not in log.partition("Executing step ID: acb_step_1")[2]
    run = machine.tasks.runs.get(RESOURCE_GROUP, name, queued.run_id)
    assert (run.status, run.run_error_message) == (
        "Failed",
        "failed during run, err: exit status 3",
    )


@pytest.mark.parametrize(
    ("task", "said"),
    [
        ("steps:\n  - build: -t a:1 .\n", "steps[0].build'"),
        ("steps:\n  - cmd: --privileged image\n", "--privileged"),
        ("secrets: [{id: a}]\nsteps:\n  - cmd: image\n", "secrets'"),
        ("steps: []\n", "steps"),
        ("steps: [", "YAML"),
        ("steps:\n  - cmd: image '\n", "command"),
        ("steps:\n  - cmd: image\n    env: [NOTHING]\n", "NAME=value"),
    ],
)
def test_what_a_task_cannot_have_is_named(machine, name, task, said):
    with pytest.raises(HttpResponseError) as refused:
        schedule(machine, name, task)
    assert said in refused.value.message
    assert list(machine.tasks.runs.list(RESOURCE_GROUP, name)) == []
