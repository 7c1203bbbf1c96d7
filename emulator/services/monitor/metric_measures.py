"""How the numbers of a metric come of what was counted in each minute.

A measure is given one tally for each minute of an interval in which something was counted, and
returns the samples that Azure's aggregations are taken of: their average, least, most, sum, number.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from emulator.data_plane.tally import Tally
from emulator.data_plane.traffic_counts import MINUTE

Measure = Callable[[Sequence[Tally]], Tally]


def samples(minutes: Sequence[Tally]) -> Tally:
    """All values that were counted, whatever their minute."""
    return merged(minutes)


def number_in_a_minute(minutes: Sequence[Tally]) -> Tally:
    """How many values there were in each minute."""
    return Tally.of(tally.count for tally in minutes)


def sum_in_a_second(minutes: Sequence[Tally]) -> Tally:
    return Tally.of(tally.total / MINUTE for tally in minutes)


# Of these, a shorter minute has less.
OF_THE_MINUTE: tuple[Measure, ...] = (number_in_a_minute, sum_in_a_second)


def _quantile(part: float, minutes: Sequence[Tally]) -> Tally:
    return Tally.of((merged(minutes).quantile(part),))


def quantile(part: float) -> Measure:
    """The value that this part of all values (0 to 1) is not above."""
    return partial(_quantile, part)


def merged(tallies: Sequence[Tally]) -> Tally:
    """All of them as one, which is not to be changed."""
    if len(tallies) == 1:
        return tallies[0]
    found = Tally()
    for tally in tallies:
        found.merge(tally)
    return found
