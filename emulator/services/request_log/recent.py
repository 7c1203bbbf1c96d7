"""The newest requests, kept in memory: so many of them, and so many bytes of bodies."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator
from heapq import merge

from emulator.arm.exchange import USER_AGENT, ArmExchange
from emulator.services.request_log.sender import read_sender

MOST_KEPT, MOST_BYTES = 2000, 16 * 1024 * 1024
# The portal looks every second. What it reads has a place of its own and drives out nothing else.
WATCHER, MOST_WATCHED = "portal", 200
READS = frozenset({"GET", "HEAD"})
Numbered = tuple[int, ArmExchange]


class RecentRequests:
    """Numbers each request; a number is larger than any before it, also before a restart."""

    def __init__(self, most: int = MOST_KEPT, most_bytes: int = MOST_BYTES) -> None:
        self.last = int(time.time() * 1000) * 1000
        self.most_bytes = most_bytes
        self._requests: deque[Numbered] = deque(maxlen=most)
        self._watched: deque[Numbered] = deque(maxlen=MOST_WATCHED)
        self._bytes = 0

    def add(self, exchange: ArmExchange) -> None:
        self.last += 1
        if exchange.method in READS and _is_watcher(exchange):
            self._watched.append((self.last, exchange))
            return
        if len(self._requests) == self._requests.maxlen:
            self._drop()
        self._requests.append((self.last, exchange))
        self._bytes += _size(exchange)
        while self._bytes > self.most_bytes:
            self._drop()

    def newest_first(self) -> Iterator[Numbered]:
        both = (reversed(self._requests), reversed(self._watched))
        return merge(*both, key=lambda numbered: -numbered[0])

    def find(self, sequence: int) -> ArmExchange | None:
        return next((found for number, found in self.newest_first() if number == sequence), None)

    def notebooks(self) -> list[str]:
        """The names of the notebooks that have sent any of them, in order."""
        agents = {exchange.header(USER_AGENT) for _, exchange in self._requests}
        return sorted({read_sender(agent).notebook for agent in agents} - {""})

    def _drop(self) -> None:
        _, oldest = self._requests.popleft()
        self._bytes -= _size(oldest)


def _is_watcher(exchange: ArmExchange) -> bool:
    return WATCHER in read_sender(exchange.header(USER_AGENT)).name


def _size(exchange: ArmExchange) -> int:
    return len(exchange.received.content or b"") + len(exchange.sent.content or b"")
