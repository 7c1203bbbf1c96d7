"""The states of environments, apps and revisions, and how Azure shows them.

https://learn.microsoft.com/rest/api/resource-manager/containerapps/container-apps/get

    an app's state   while                      provisioningState   runningStatus
    InProgress       a PUT or a PATCH is        InProgress          Running
    Succeeded        nothing is                 Succeeded           Running
    Failed           nothing is                 Failed              Running
    UpdatingStopped  a PUT of a stopped app is  InProgress          Stopped
    Stopped          nothing is                 Succeeded           Stopped
    StoppedFailed    nothing is                 Failed              Stopped
    Starting         a start is                 InProgress          Progressing
    Stopping         a stop is                  InProgress          Progressing
    Deleting         a DELETE is                Deleting            as before
"""

from __future__ import annotations

from emulator.arm.errors import ArmError, conflict
from emulator.arm.lifecycle import ABSENT, GONE, Move, Work
from emulator.store import Resource

# The moves of an environment are these and those that a PUT and a PATCH share.
IDLE_ENVIRONMENT = ("Succeeded", "Failed")

RUNNING, STOPPED = ("Succeeded", "Failed"), ("Stopped", "StoppedFailed")
IDLE_APP = (*RUNNING, *STOPPED)
# An app in one of these has its active revisions run.
RUNS = (*RUNNING, "InProgress", "Starting")
_SHOWN = {
    "InProgress": ("InProgress", "Running"),
    "Succeeded": ("Succeeded", "Running"),
    "Failed": ("Failed", "Running"),
    "UpdatingStopped": ("InProgress", "Stopped"),
    "Stopped": ("Succeeded", "Stopped"),
    "StoppedFailed": ("Failed", "Stopped"),
    "Starting": ("InProgress", "Progressing"),
    "Stopping": ("InProgress", "Progressing"),
}


def environment_moves(provision: Work) -> tuple[Move, ...]:
    return (
        Move("put", (ABSENT, *IDLE_ENVIRONMENT), "Waiting", "Succeeded", "Failed", provision, True),
        Move("delete", (*IDLE_ENVIRONMENT, "Waiting"), "ScheduledForDelete", GONE),
    )


def app_moves(deploy: Work, start: Work, stop: Work) -> tuple[Move, ...]:
    """A DELETE is taken in every state, and comes before what is under way, as on Azure:
    https://github.com/microsoft/azure-container-apps/issues/1374"""
    return (
        Move("put", (ABSENT, *RUNNING), "InProgress", "Succeeded", "Failed", deploy, True),
        Move("put-stopped", STOPPED, "UpdatingStopped", "Stopped", "StoppedFailed", deploy, True),
        Move("start", IDLE_APP, "Starting", "Succeeded", "Failed", start, True),
        Move("stop", IDLE_APP, "Stopping", "Stopped", "StoppedFailed", stop, True),
        Move("delete", tuple(_SHOWN), "Deleting", GONE),
    )


def show_app(app: Resource) -> None:
    provisioning, running = _SHOWN.get(app.state, ("Deleting", None))
    app.properties["provisioningState"] = provisioning
    app.properties["runningStatus"] = running or app.properties.get("runningStatus", "Running")


def refuse_app(app: Resource | None, _move: str) -> ArmError:
    """https://github.com/microsoft/azure-container-apps/issues/1731"""
    return conflict(
        f"Cannot modify a container app '{app.name if app else ''}' because there is an active "
        f"provisioning operation in progress. OperationId: '{app.generation if app else ''}'",
        code="ContainerAppOperationInProgress",
    )


def refuse_environment(environment: Resource | None, _move: str) -> ArmError:
    """https://github.com/microsoft/azure-container-apps/issues/701"""
    return conflict(
        f"Cannot modify Container Apps environment {environment.name if environment else ''} "
        "because another operation is in progress.",
        code="ManagedEnvironmentOperationInProgress",
    )


# A revision's moves are made at once; what they lead to is its runner's work.
_AT_ONCE = "Changing"
ACTIVE = ("Provisioning", "Provisioned", "Failed")
REVISION_MOVES = (
    Move("create", (ABSENT,), _AT_ONCE, "Provisioning"),
    Move("ready", ACTIVE, _AT_ONCE, "Provisioned"),
    Move("fail", ACTIVE, _AT_ONCE, "Failed"),
    Move("deactivate", ACTIVE, _AT_ONCE, "Deprovisioned"),
    Move("activate", ("Deprovisioned",), _AT_ONCE, "Provisioning"),
)


def show_revision(revision: Resource) -> None:
    revision.properties["provisioningState"] = revision.state
    revision.properties["active"] = revision.state in ACTIVE
