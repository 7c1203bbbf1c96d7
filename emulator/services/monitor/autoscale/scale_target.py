"""What autoscale can scale: a service hands it this for each of its types."""

from __future__ import annotations

from typing import Protocol

from emulator.store import Resource


class ScaleTarget(Protocol):
    """Resources of one type that have instances."""

    def instance_count(self, resource: Resource) -> int | None:
        """How many instances it runs; None while it is being changed, or cannot be scaled."""

    def begin_scale(self, resource: Resource, count: int) -> str:
        """Begin to have so many, and return the operation's id. Raises ArmError."""
