"""Values in figures: how many, their sum, the least, the most, and how they are spread.

The spread is a DDSketch: counts of values in logarithmic bins. A quantile read from it is within
ACCURACY of the true one, however many values there are, and two sketches are merged by addition.
https://arxiv.org/abs/1908.10693
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

ACCURACY = 0.01
_GAMMA = (1 + ACCURACY) / (1 - ACCURACY)
_BINS_PER_LOG = 1 / math.log(_GAMMA)
_LEAST = 1e-9  # what is no more than this counts as this much
_FIRST = math.ceil(math.log(_LEAST) * _BINS_PER_LOG)


class Tally:
    __slots__ = ("count", "least", "most", "spread", "total")

    def __init__(self) -> None:
        self.count = 0
        self.total = 0.0
        self.least = math.inf
        self.most = -math.inf
        self.spread: dict[int, int] = {}

    @classmethod
    def of(cls, values: Iterable[float]) -> Tally:
        tally = cls()
        for value in values:
            tally.add(value)
        return tally

    def add(self, value: float) -> None:
        """One more value, of which no quantile will be asked."""
        self.count += 1
        self.total += value
        if value < self.least:
            self.least = value
        if value > self.most:
            self.most = value

    def add_spread(self, value: float) -> None:
        """One more value, with its place in the spread."""
        self.add(value)
        place = math.ceil(math.log(value) * _BINS_PER_LOG) if value > _LEAST else _FIRST
        self.spread[place] = self.spread.get(place, 0) + 1

    def merge(self, other: Tally) -> None:
        self.count += other.count
        self.total += other.total
        self.least = min(self.least, other.least)
        self.most = max(self.most, other.most)
        for place, count in other.spread.items():
            self.spread[place] = self.spread.get(place, 0) + count

    def quantile(self, part: float) -> float:
        """The least value that no fewer than this part of them (0 to 1) are at or below, by the
        nearest rank: the 99th percentile of seven is the greatest."""
        rank = math.ceil(part * self.count)
        seen = 0
        for place in sorted(self.spread):
            seen += self.spread[place]
            if seen >= rank:
                # The middle of the bin, as far as a ratio goes.
                found = 2 * _GAMMA**place / (_GAMMA + 1)
                return min(max(found, self.least), self.most)
        return self.most

    def to_stored(self) -> list[Any]:
        return [self.count, self.total, self.least, self.most, self.spread]

    @classmethod
    def stored(cls, value: list[Any]) -> Tally:
        """As `to_stored` gave it, JSON's texts for numbers included."""
        tally = cls()
        tally.count, tally.total, tally.least, tally.most, spread = value
        tally.spread = {int(place): count for place, count in spread.items()}
        return tally
