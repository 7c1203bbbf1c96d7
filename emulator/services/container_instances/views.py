"""What is seen of a container from outside: its state, its restarts and its events.

https://learn.microsoft.com/rest/api/container-instances/container-groups/get#containerstate

    state        detailStatus                  while                              followed by
    Waiting      (empty), ErrImagePull         it has not started yet             Running
    Running      (empty)                       its program runs                   Terminated
    Terminated   Completed, Error, OOMKilled   its program has ended              Waiting
    Waiting      CrashLoopBackOff              it waits before the next start     Running
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

NORMAL, WARNING = "Normal", "Warning"
MOST_EVENTS = 50
State = dict[str, Any]  # a ContainerState of the REST reference


def moment(when: datetime | None = None) -> str:
    """A time (now if None) as Container Instances writes it: UTC, milliseconds, Z."""
    found = (when or datetime.now(UTC)).astimezone(UTC)
    return found.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def waiting(detail: str = "") -> State:
    return {"state": "Waiting", "detailStatus": detail}


def running(started: datetime | None, detail: str) -> State:
    return {"state": "Running", "startTime": moment(started), "detailStatus": detail}


def terminated(
    started: datetime | None, finished: datetime | None, exit_code: int, detail: str
) -> State:
    return {
        "state": "Terminated",
        "startTime": moment(started),
        "exitCode": exit_code,
        "finishTime": moment(finished),
        "detailStatus": detail,
    }


@dataclass
class ContainerView:
    """The instance view of a container. `runs` is how often it was started, which is not shown."""

    current: State = field(default_factory=waiting)
    previous: State | None = None
    restart_count: int = 0
    events: list[dict[str, Any]] = field(default_factory=list)
    runs: int = 0

    @property
    def is_terminated(self) -> bool:
        return bool(self.current["state"] == "Terminated")

    @property
    def exit_code(self) -> int:
        """That of its last run; 0 while there is none."""
        return int(self.current.get("exitCode", 0))

    def turn(self, state: State) -> None:
        """Move to another state. The last run stays to be seen as the previous state."""
        if self.is_terminated:
            self.previous = self.current
        self.current = state

    def kill(self) -> None:
        """What ran was ended by force: it is terminated, as after signal 9."""
        if self.current["state"] == "Running":
            started = self.current["startTime"]
            self.turn({**terminated(None, None, 137, "Error"), "startTime": started})

    def add_event(self, name: str, message: str, kind: str = NORMAL) -> None:
        """Add an event; one that has happened before is counted and gets the new time."""
        now = moment()
        for event in self.events:
            if (event["name"], event["message"]) == (name, message):
                event["count"] += 1
                event["lastTimestamp"] = now
                return
        self.events.append(
            {
                "count": 1,
                "firstTimestamp": now,
                "lastTimestamp": now,
                "name": name,
                "message": message,
                "type": kind,
            }
        )
        del self.events[:-MOST_EVENTS]

    def to_body(self) -> dict[str, Any]:
        """As a response shows it: JSON of its own, which no later change touches."""
        body: dict[str, Any] = {
            "restartCount": self.restart_count,
            "currentState": dict(self.current),
            "events": [dict(event) for event in self.events],
        }
        return {**body, "previousState": dict(self.previous)} if self.previous else body

    def to_stored(self) -> dict[str, Any]:
        return {**self.to_body(), "runs": self.runs}

    @classmethod
    def from_stored(cls, stored: dict[str, Any] | None) -> ContainerView:
        """The view as it was kept; that of a container that was never started for None."""
        if stored is None:
            return cls()
        return cls(
            stored["currentState"],
            stored.get("previousState"),
            stored["restartCount"],
            stored["events"],
            stored["runs"],
        )


def group_state(
    views: Sequence[ContainerView],
    inits: Sequence[ContainerView],
    *,
    pending: bool,
    stopped: bool,
) -> str:
    """The group's own state, from those of its containers and init containers."""
    if stopped:
        return "Stopped"
    if pending:
        return "Pending"
    failed_inits = [view for view in inits if view.is_terminated and view.exit_code]
    if not failed_inits and not all(view.is_terminated for view in views):
        return "Running"
    if failed_inits and not all(view.is_terminated for view in (*inits, *views)):
        # A failed one that will not be tried again is the last that anything happens to.
        return "Failed"
    codes = [view.exit_code for view in views if view.is_terminated]
    return "Failed" if failed_inits or any(codes) else "Succeeded"
