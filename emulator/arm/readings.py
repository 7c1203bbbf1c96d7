"""What a service measures of its resources while they run, for Azure Monitor."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Reading:
    """One value, read now. `resource` is an ARM id, `what` the name of what was measured; `labels`
    tell one value from another where there are several, a replica's from its neighbour's."""

    resource: str
    what: str
    labels: tuple[str, ...]
    value: float


# Reads a service's gauges. Nothing is read of what does not run.
Gauges = Callable[[], Awaitable[Sequence[Reading]]]
