"""What is seen of a container from outside: its state, its restarts and its events.

https://learn.microsoft.com/rest/api/container-instances/container-groups/get#containerstate

    state        detailStatus                  while                              followed by
    Waiting      (empty), ErrImagePull         it has not started yet             Running
    Running      (empty)                       its program runs                   Terminated
    Terminated   Completed, Error, OOMKilled   its program has ended              Waiting
    Waiting      CrashLoopBackOff              it waits before the next start     Running
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

NORMAL, WARNING = "Normal", "Warning"
MOST_EVENTS = 50
View = dict[str, Any]


def new_view() -> View:
    """The view of a container that was never started, as JSON."""
    return {"restartCount": 0, "currentState": waiting(""), "events": []}


def moment(when: datetime | None = None) -> str:
    """A time (now if None) as Container Instances writes it: UTC, milliseconds, Z."""
    found = (when or datetime.now(UTC)).astimezone(UTC)
    return found.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def waiting(detail: str) -> dict[str, Any]:
    return {"state": "Waiting", "detailStatus": detail}


def running(started: datetime | None, detail: str) -> dict[str, Any]:
    return {"state": "Running", "startTime": moment(started), "detailStatus": detail}


def terminated(
    started: datetime | None, finished: datetime | None, exit_code: int, detail: str
) -> dict[str, Any]:
    return {
        "state": "Terminated",
        "startTime": moment(started),
        "exitCode": exit_code,
        "finishTime": moment(finished),
        "detailStatus": detail,
    }


def turn(view: View, state: dict[str, Any]) -> None:
    """Move to another state. The last run stays to be seen as the previous state."""
    if view["currentState"]["state"] == "Terminated":
        view["previousState"] = view["currentState"]
    view["currentState"] = state


def add_event(events: list[dict[str, Any]], name: str, message: str, kind: str = NORMAL) -> None:
    """Add an event; one that has happened before is counted and gets the new time."""
    now = moment()
    for event in events:
        if (event["name"], event["message"]) == (name, message):
            event["count"] += 1
            event["lastTimestamp"] = now
            return
    events.append(
        {
            "count": 1,
            "firstTimestamp": now,
            "lastTimestamp": now,
            "name": name,
            "message": message,
            "type": kind,
        }
    )
    del events[:-MOST_EVENTS]


def is_terminated(view: View) -> bool:
    return bool(view["currentState"]["state"] == "Terminated")


def group_state(views: list[View], inits: list[View], *, pending: bool, stopped: bool) -> str:
    """The group's own state, from those of its containers and init containers."""
    if stopped:
        return "Stopped"
    if pending:
        return "Pending"
    failed_inits = [
        view for view in inits if is_terminated(view) and view["currentState"]["exitCode"]
    ]
    if not failed_inits and not all(is_terminated(view) for view in views):
        return "Running"
    if failed_inits and not all(is_terminated(view) for view in inits + views):
        # A failed one that will not be tried again is the last that anything happens to.
        return "Failed"
    codes = [view["currentState"]["exitCode"] for view in views if is_terminated(view)]
    return "Failed" if failed_inits or any(codes) else "Succeeded"
