"""What goes through the gateway and the ingress, counted by the minute.

It is written to at every request, and so does the least that can be done then. Who keeps it takes
it from here from time to time, and what was taken is forgotten here.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator

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
        self.active: dict[str, int] = {}

    def answered(
        self, resource: str, labels: Labels, seconds: float, sent: int, what: str = REQUESTS
    ) -> None:
        """A request was answered, to its end or as far as its client wanted."""
        minute = int(self.clock()) // MINUTE
        tally = self.tallies.get((minute, resource, what, labels)) or self._new(
            minute, resource, what, labels
        )
        tally.add_spread(seconds * 1000)
        if sent:
            self._tally(minute, resource, SENT).add(sent)

    def opened(self, resource: str) -> None:
        """A client has connected."""
        self.active[resource] = self.active.get(resource, 0) + 1
        self._tally(int(self.clock()) // MINUTE, resource, OPENED).add(1)

    def closed(self, resource: str) -> None:
        left = self.active[resource] - 1
        if left:
            self.active[resource] = left
        else:
            del self.active[resource]

    def _tally(self, minute: int, resource: str, what: str) -> Tally:
        return self.tallies.get((minute, resource, what, ())) or self._new(
            minute, resource, what, ()
        )

    def _new(self, minute: int, resource: str, what: str, labels: Labels) -> Tally:
        tally = self.tallies[minute, resource, what, labels] = Tally()
        return tally

    def seen(self, resource: str, what: str) -> Iterator[tuple[int, Labels, Tally]]:
        """What was counted of a resource, in whatever case its id is, and not taken yet."""
        wanted = resource.lower()
        for (minute, one, kind, labels), tally in self.tallies.items():
            if kind == what and one.lower() == wanted:
                yield minute, labels, tally

    def take(self) -> Iterable[tuple[Key, Tally]]:
        """What was counted since it was last taken."""
        taken, self.tallies = self.tallies, {}
        return taken.items()
