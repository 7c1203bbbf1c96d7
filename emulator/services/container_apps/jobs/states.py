"""The states of jobs and of their executions, and how Azure shows them.

https://learn.microsoft.com/rest/api/resource-manager/containerapps/jobs/get

    a job's state      while                          provisioningState   runningState
    InProgress         a PUT or a PATCH is            InProgress          Progressing
    Succeeded          nothing is                     Succeeded           Ready
    Failed             nothing is                     Failed              Ready
    UpdatingSuspended  a PUT of a suspended job is    InProgress          Suspended
    Suspended          nothing is                     Succeeded           Suspended
    SuspendedFailed    nothing is                     Failed              Suspended
    Deleting           a DELETE is                    Deleting            as before

    an execution's state   means                                     followed by
    Running                replicas run, or wait to be run again     Succeeded, Failed, Stopping
    Stopping               it was told to stop; shown as Running     Stopped
    Succeeded              as many replicas as asked for succeeded   -
    Failed                 too many failed, or one ran too long      -
    Stopped                it was told to stop                       -

Azure's API also has Processing, Degraded and Unknown, which no execution is in here.
"""

from __future__ import annotations

from emulator.arm.errors import ArmError, conflict
from emulator.arm.lifecycle import ABSENT, GONE, Move, Work
from emulator.store import Resource

READY, SUSPENDED = ("Succeeded", "Failed"), ("Suspended", "SuspendedFailed")
IDLE_JOB = (*READY, *SUSPENDED)
_SHOWN = {
    "InProgress": ("InProgress", "Progressing"),
    "Succeeded": ("Succeeded", "Ready"),
    "Failed": ("Failed", "Ready"),
    "UpdatingSuspended": ("InProgress", "Suspended"),
    "Suspended": ("Succeeded", "Suspended"),
    "SuspendedFailed": ("Failed", "Suspended"),
}
# Suspending and resuming are done at once.
_AT_ONCE = "Changing"


def job_moves(provision: Work) -> tuple[Move, ...]:
    return (
        Move("put", (ABSENT, *READY), "InProgress", "Succeeded", "Failed", provision, True),
        Move(
            "put-suspended",
            SUSPENDED,
            "UpdatingSuspended",
            "Suspended",
            "SuspendedFailed",
            provision,
            resumes=True,
        ),
        Move("suspend", ("Succeeded", "Suspended"), _AT_ONCE, "Suspended"),
        Move("suspend-failed", ("Failed", "SuspendedFailed"), _AT_ONCE, "SuspendedFailed"),
        Move("resume", ("Suspended", "Succeeded"), _AT_ONCE, "Succeeded"),
        Move("resume-failed", ("SuspendedFailed", "Failed"), _AT_ONCE, "Failed"),
        Move("delete", tuple(_SHOWN), "Deleting", GONE),
    )


def show_job(job: Resource) -> None:
    provisioning, running = _SHOWN.get(job.state, ("Deleting", None))
    running = running or job.properties.get("runningState", "Ready")
    job.properties["provisioningState"] = provisioning
    # The API calls it runningState, and what is recorded of Azure runningStatus:
    # https://github.com/Azure/azure-cli-extensions/blob/main/src/containerapp/azext_containerapp/tests/latest/recordings/test_containerappjob_logstream.yaml
    job.properties["runningState"] = job.properties["runningStatus"] = running


def refuse_job(job: Resource | None, _move: str) -> ArmError:
    return conflict(
        f"Cannot modify a container apps job '{job.name if job else ''}' because there is an "
        "active provisioning operation in progress.",
        code="ContainerAppsJobOperationInProgress",
    )


ENDED = ("Succeeded", "Failed", "Stopped")


def execution_moves(stop: Work) -> tuple[Move, ...]:
    """The moves but `stop` are made at once; what leads to them is the work of its runner."""
    return (
        Move("start", (ABSENT,), _AT_ONCE, "Running"),
        Move("succeed", ("Running",), _AT_ONCE, "Succeeded"),
        Move("fail", ("Running",), _AT_ONCE, "Failed"),
        Move("stop", ("Running",), "Stopping", "Stopped", work=stop, resumes=True),
        Move("forget", ENDED, "Forgetting", GONE),
    )


def show_execution(execution: Resource) -> None:
    state = execution.state
    execution.properties["status"] = "Running" if state == "Stopping" else state


def refuse_execution(execution: Resource | None, _move: str) -> ArmError:
    return conflict(
        f"The execution '{execution.name if execution else ''}' is "
        f"{execution.properties['status'] if execution else 'absent'}: it cannot be stopped.",
        code="ContainerAppsJobExecutionNotRunning",
    )
