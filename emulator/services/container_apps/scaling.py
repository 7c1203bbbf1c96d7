"""How many replicas a revision should have.

    what                                           Azure                here
    requests at once are counted over              15 s                 5 s
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
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

AZURE_COOLDOWN = 300.0  # seconds
DEFAULT_COOLDOWN = 30.0  # seconds
LONGEST_WINDOW = 5.0  # seconds


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
class Limits:
    """What a template's scale settings ask for. `cooldown` is in seconds, as they pass here."""

    least: int
    most: int
    concurrency: int
    cooldown: float
    stabilization: float


class Scaler:
    """Decides by what was needed lately. `now` is in seconds of any one clock."""

    def __init__(self, limits: Limits, now: float) -> None:
        self.limits = limits
        self.needed: deque[tuple[float, int]] = deque()
        self.busy_at = now

    def decide(self, now: float, concurrency: float, replicas: int) -> int:
        """How many replicas there should be, for this many requests at once and replicas now."""
        limits = self.limits
        if concurrency > 0:
            self.busy_at = now
        need = min(math.ceil(concurrency / limits.concurrency), limits.most)
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
