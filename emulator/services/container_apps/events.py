"""The system log of each app: what the platform did, and why.

https://learn.microsoft.com/azure/container-apps/logging#system-logs
"""

from __future__ import annotations

from collections import deque
from typing import Any

from emulator.arm.ids import name_of, now

MOST = 300  # events of one app that are kept; as many as a log stream can show


class Events:
    """Kept in memory only, as Azure's own log stream has only what is recent."""

    def __init__(self) -> None:
        self.of_app: dict[str, deque[dict[str, Any]]] = {}
        self.count: dict[str, int] = {}

    def tell(
        self,
        app_id: str,
        kind: str,
        reason: str,
        message: str,
        revision: str = "",
        replica: str = "",
    ) -> None:
        event = {
            "TimeStamp": now(),
            "Type": kind,
            "ContainerAppName": name_of(app_id),
            "RevisionName": revision,
            "ReplicaName": replica,
            "Msg": message,
            "Reason": reason,
            "EventSource": "ContainerAppController",
            "Count": 1,
        }
        key = app_id.lower()
        self.of_app.setdefault(key, deque(maxlen=MOST)).append(event)
        self.count[key] = self.count.get(key, 0) + 1

    def since(self, app_id: str, seen: int) -> tuple[list[dict[str, Any]], int]:
        """The events after the first `seen` ones, as many as are kept, and how many there were."""
        key = app_id.lower()
        count = self.count.get(key, 0)
        new = count - seen
        return (list(self.of_app.get(key, ()))[-new:] if new > 0 else []), count

    def forget(self, app_id: str) -> None:
        self.of_app.pop(app_id.lower(), None)
        self.count.pop(app_id.lower(), None)
