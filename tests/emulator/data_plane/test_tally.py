"""Tallies: quantiles against the true ones, merged, and stored."""

from __future__ import annotations

import json
import math
import statistics
from random import Random

import pytest

from emulator.data_plane.tally import ACCURACY, Tally

PARTS = (0.5, 0.9, 0.95, 0.99)
RANDOM = Random(20)
SPREADS = {
    "even": [float(n) for n in range(1, 1001)],
    "latencies": [RANDOM.lognormvariate(3, 1) for _ in range(5000)],
    "two humps": [5.0] * 900 + [4000.0] * 100,
    "one": [12.5],
}


def tally_of(values: list[float]) -> Tally:
    tally = Tally()
    for value in values:
        tally.add_spread(value)
    return tally


@pytest.mark.parametrize("name", SPREADS)
def test_a_quantile_is_within_one_per_cent_of_the_true_one(name: str):
    values = sorted(SPREADS[name])
    tally = tally_of(RANDOM.sample(values, len(values)))
    for part in PARTS:
        true = values[math.ceil(part * len(values)) - 1]
        assert tally.quantile(part) == pytest.approx(true, rel=ACCURACY * 1.01)
    assert (tally.count, tally.least, tally.most) == (len(values), values[0], values[-1])
    assert tally.total / tally.count == pytest.approx(statistics.fmean(values))


def test_merged_it_is_as_if_counted_together_and_stored_it_stays_the_same():
    values = SPREADS["latencies"]
    parts = [tally_of(values[start::7]) for start in range(7)]
    merged = Tally()
    for part in parts:
        merged.merge(Tally.stored(json.loads(json.dumps(part.to_stored()))))
    whole = tally_of(values)
    assert merged.spread == whole.spread
    assert (merged.count, merged.least, merged.most) == (whole.count, whole.least, whole.most)
    assert [merged.quantile(part) for part in PARTS] == [whole.quantile(part) for part in PARTS]


def test_what_takes_no_time_at_all_is_counted():
    assert tally_of([0.0, 0.0, 3.0]).quantile(0.5) == pytest.approx(0, abs=1e-6)
