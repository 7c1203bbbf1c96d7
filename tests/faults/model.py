"""What may be true, worked out from what was asked and what was answered.

A change has its say from when it was sent until it was accepted: of two that both succeed, the one
that was sent after the other had been accepted is the later one, and wins. Between those that
cross, either may be the last. One whose answer was lost, or whose operation was interrupted, may
have happened or not.
"""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass, field

SUCCEEDED = "Succeeded"
FAILED = "Failed"  # accepted, and then the operation failed
REFUSED = "Refused"  # 4xx: it must have changed nothing
LOST = "Lost"  # the connection went before the answer came

ABSENT = "absent"


@dataclass
class Change:
    """One request that changes `resource`. `value` is what it becomes: a version, ABSENT, or
    "" for what makes no new version, as a restart does.

    Times are of time.monotonic(); `accepted` is when the answer came, `ended` when its operation
    had ended, both infinite as long as that is not known.
    """

    resource: str
    what: str
    value: str
    sent: float
    accepted: float = math.inf
    ended: float = math.inf
    outcome: str = LOST
    status: int = 0
    code: str = ""
    operation: str = ""

    @property
    def result(self) -> str:
        """What was done and how it ended, for the figures."""
        return f"{self.what} {self.outcome} {self.code}".strip()

    def __str__(self) -> str:
        name = self.resource.rpartition("/providers/")[2] or self.resource
        return f"{self.what} {name} ({self.value}): {self.status} {self.code} {self.outcome}"


@dataclass
class Model:
    changes: list[Change] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)
    last_version: int = 0

    def version(self) -> int:
        with self.lock:
            self.last_version += 1
            return self.last_version

    def add(self, change: Change) -> Change:
        with self.lock:
            self.changes.append(change)
        return change

    def possible(self, resource: str) -> set[str]:
        """The versions that the resource may have, ABSENT among them when it may be gone."""
        own = [
            one
            for one in self.changes
            if one.value and one.outcome != REFUSED and concerns(one, resource)
        ]
        sure = [one for one in own if one.outcome == SUCCEEDED]

        def replaced(change: Change) -> bool:
            return any(other.sent > change.accepted for other in sure if other is not change)

        found = {
            one.value if one.resource == resource else ABSENT for one in own if not replaced(one)
        }
        # Nothing there, as at the beginning, unless something certainly changed that.
        return found if sure else found | {ABSENT}

    def under_way(self, change: Change) -> bool:
        """Whether something else was going on at the resource, above or below it, meanwhile."""
        return any(
            other is not change
            and other.outcome != REFUSED
            and related(other.resource, change.resource)
            and other.sent <= change.accepted
            and change.sent <= other.ended
            for other in self.changes
        )


def concerns(change: Change, resource: str) -> bool:
    """Whether it changes the resource: its own change, or a deletion of what it is in."""
    own = change.resource == resource
    return own or (change.value == ABSENT and resource.startswith(f"{change.resource}/"))


def related(one: str, other: str) -> bool:
    return one == other or one.startswith(f"{other}/") or other.startswith(f"{one}/")
