"""How many replicas a revision should have.

    what                                           Azure                here
    requests at once are counted over              15 s                 5 s
    what replicas use is looked at every           15 s                 5 s
    a revision that needs more replicas gets them  at once              at once
    ... in steps up to                             1, 4, 8, 16, 32 ...  1, 4, 8, 16, 32 ...
    one that needs fewer keeps them for            300 s                30 s
    one that is idle goes to zero after            cooldownPeriod,      a tenth of that, and
                                                   300 s by default     not before 30 s
    a new revision starts with at least            1 replica            1 replica

The 30 seconds are the environment variable AZURE_LOCAL_SCALE_COOLDOWN: all the shorter times are
in proportion to it. On Azure, the concurrency that a rule is compared with is the number of
requests of the last 15 seconds divided by 15; here it is that, or the requests under way if those
are more, so that requests of many seconds count as well.

https://learn.microsoft.com/azure/container-apps/scale-app
https://kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale/#algorithm-details
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

AZURE_COOLDOWN = 300.0  # seconds
DEFAULT_COOLDOWN = 30.0  # seconds
LONGEST_WINDOW = 5.0  # seconds
TOLERANCE = 0.1  # so far from its target, in parts of it, a load changes nothing


@dataclass(frozen=True)
class Pace:
    """How long things take here, in seconds, from AZURE_LOCAL_SCALE_COOLDOWN."""

    cooldown: float = DEFAULT_COOLDOWN

    @property
    def window(self) -> float:
        return min(LONGEST_WINDOW, self.cooldown / 3)

    def here(self, azure_seconds: float) -> float:
        return azure_seconds * self.cooldown / AZURE_COOLDOWN


@dataclass(frozen=True)
class Load:
    """What one replica uses, or may use: cores, and bytes of memory."""

    cores: float
    memory: float


@dataclass(frozen=True)
class LoadTarget:
    """How much each replica is to use of a `resource`, cpu or memory: per cent of what it may use,
    or cores or bytes."""

    resource: str
    value: float
    is_percent: bool

    def needs(self, loads: Sequence[Load], allowed: Load) -> int:
        """How many replicas these loads are for; each may use what is `allowed`."""
        if not loads:
            return 0
        used = sum(map(self._of, loads)) / len(loads)
        target = self.value / 100 * self._of(allowed) if self.is_percent else self.value
        ratio = used / target
        return len(loads) if abs(ratio - 1) <= TOLERANCE else math.ceil(ratio * len(loads))

    def _of(self, load: Load) -> float:
        return load.cores if self.resource == "cpu" else load.memory


@dataclass(frozen=True)
class Limits:
    """What a template's scale settings ask for. `cooldown` is in seconds, as they pass here.

    `concurrency` is None where requests ask for no more replicas than one. With `loads`, which
    only replicas can have, there is one at least.
    """

    least: int
    most: int
    concurrency: int | None
    cooldown: float
    stabilization: float
    loads: tuple[LoadTarget, ...] = ()


class Scaler:
    """Decides by what was needed lately. `now` is in seconds of any one clock."""

    def __init__(self, limits: Limits, now: float) -> None:
        self.limits = limits
        self.needed: deque[tuple[float, int]] = deque()
        self.busy_at = now

    def decide(self, now: float, concurrency: float, replicas: int, for_load: int = 0) -> int:
        """How many replicas there should be, for this many requests at once and replicas now.
        `for_load` is how many the loads are for."""
        limits = self.limits
        if concurrency > 0:
            self.busy_at = now
        for_requests = math.ceil(concurrency / (limits.concurrency or max(concurrency, 1)))
        need = min(max(for_requests, for_load), limits.most)
        self.needed.append((now, need))
        while self.needed[0][0] < now - limits.stabilization:
            self.needed.popleft()
        if need > replicas:
            return max(min(need, next_step(replicas)), limits.least)
        # Down to the most that was needed within the stabilization window, to zero when idle.
        down = min(replicas, max(count for _, count in self.needed))
        if down == 0 and now - self.busy_at < limits.cooldown:
            down = min(replicas, 1)
        return max(down, limits.least)


def next_step(replicas: int) -> int:
    """The most replicas that come after this many."""
    if replicas < 1:
        return 1
    if replicas < 4:
        return 4
    return 1 << replicas.bit_length()
