"""The system log of each app and each job: what the platform did, and why.

https://learn.microsoft.com/azure/container-apps/logging#system-logs
"""

from __future__ import annotations

from collections import deque
from typing import Any

from emulator.arm.ids import name_of, now

MOST = 300  # events of one app or job that are kept; as many as a log stream can show


class Events:
    """Kept in memory only, as Azure's own log stream has only what is recent.

    `owner` and `part` are what an event calls the app and the revision, or the job and the
    execution, that it is about; `source` is who tells it.
    """

    def __init__(
        self,
        owner: str = "ContainerAppName",
        part: str = "RevisionName",
        source: str = "ContainerAppController",
    ) -> None:
        self.owner = owner
        self.part = part
        self.source = source
        self.of_owner: dict[str, deque[dict[str, Any]]] = {}
        self.count: dict[str, int] = {}

    def tell(
        self,
        owner_id: str,
        kind: str,
        reason: str,
        message: str,
        part: str = "",
        replica: str = "",
    ) -> None:
        event = {
            "TimeStamp": now(),
            "Type": kind,
            self.owner: name_of(owner_id),
            self.part: part,
            "ReplicaName": replica,
            "Msg": message,
            "Reason": reason,
            "EventSource": self.source,
            "Count": 1,
        }
        key = owner_id.lower()
        self.of_owner.setdefault(key, deque(maxlen=MOST)).append(event)
        self.count[key] = self.count.get(key, 0) + 1

    def since(self, owner_id: str, seen: int) -> tuple[list[dict[str, Any]], int]:
        """The events after the first `seen` ones, as many as are kept, and how many there were."""
        key = owner_id.lower()
        count = self.count.get(key, 0)
        new = count - seen
        return (list(self.of_owner.get(key, ()))[-new:] if new > 0 else []), count

    def forget(self, owner_id: str) -> None:
        self.of_owner.pop(owner_id.lower(), None)
        self.count.pop(owner_id.lower(), None)
