"""What goes through the gateway and the ingress, counted by the minute.

It is written to at every request, and so does the least that can be done then. Who keeps it takes
it from here from time to time, and what was taken is forgotten here.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator

from emulator.data_plane.tally import Tally

MINUTE = 60  # seconds

# What is counted. Of a request: milliseconds until it was answered, and bytes of the answer.
REQUESTS = "requests"
MIRRORED = "mirrored requests"  # copies, whose answers nobody gets
SENT = "bytes sent"
OPENED = "connections opened"

Labels = tuple[str, ...]
# Minute (since 1970), the resource's id, what is counted, and how it is told apart.
Key = tuple[int, str, str, Labels]


class TrafficCounts:
    """`active` are the connections that are open, by the id of the resource.

    `clock` returns seconds since 1970.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self.clock = clock
        self.tallies: dict[Key, Tally] = {}
        # Sums by minute and resource, of which nothing but the sum is asked.
        self.sent: defaultdict[tuple[int, str], int] = defaultdict(int)
        self.opened: defaultdict[tuple[int, str], int] = defaultdict(int)
        self.active: dict[str, int] = {}

    def answered(
        self, resource: str, labels: Labels, seconds: float, sent: int, what: str = REQUESTS
    ) -> None:
        """A request was answered, to its end or as far as its client wanted."""
        minute = int(self.clock()) // MINUTE
        key = (minute, resource, what, labels)
        tally = self.tallies.get(key)
        if tally is None:
            tally = self.tallies[key] = Tally()
        tally.add_spread(seconds * 1000)
        self.sent[minute, resource] += sent

    def connected(self, resource: str) -> None:
        """A client has opened a connection."""
        self.active[resource] = self.active.get(resource, 0) + 1
        self.opened[int(self.clock()) // MINUTE, resource] += 1

    def disconnected(self, resource: str) -> None:
        left = self.active[resource] - 1
        if left:
            self.active[resource] = left
        else:
            del self.active[resource]

    def seen(self) -> Iterator[tuple[Key, Tally]]:
        """What was counted and not taken yet."""
        yield from self.tallies.items()
        for what, sums in ((SENT, self.sent), (OPENED, self.opened)):
            for (minute, resource), total in sums.items():
                if total:
                    yield (minute, resource, what, ()), Tally.of((total,))

    def take(self) -> list[tuple[Key, Tally]]:
        """What was counted since it was last taken."""
        taken = list(self.seen())
        self.tallies = {}
        self.sent.clear()
        self.opened.clear()
        return taken
