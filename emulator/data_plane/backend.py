"""One server that requests are handed to: an instance of a deployment, a replica of a revision."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(eq=False)
class Backend:
    """`port` is on 127.0.0.1; `under_way` counts the requests that it is at; `session` is what a
    client says that is to come back to it, "" where none does. `name` is the replica's.

    Two are never equal: a server that is given the port of one that has gone is another backend,
    with a count of its own. A backend that was taken out of a route gets nothing new, and may be
    stopped once its count is 0.
    """

    port: int
    under_way: int = 0
    session: str = ""
    name: str = ""


def least_busy(backends: Sequence[Backend], turn: int) -> Backend:
    """The backend with the fewest requests; among equals each has its turn."""
    if len(backends) == 1:
        return backends[0]
    start = turn % len(backends)
    return min((*backends[start:], *backends[:start]), key=lambda backend: backend.under_way)
