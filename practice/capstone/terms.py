"""What the letter of lesson 12 asks for, and the wines that the checker asks about."""

from __future__ import annotations

from functools import cache

from sklearn.datasets import load_wine

from practice.pricing.costs import Work

BUDGET = 250.0  # USD a month
REGION = "swedencentral"  # whose prices are taken

# The forecast.
PER_DAY = 30_000
WORK = Work(seconds_per_request=0.02, hours_per_day=10)
PER_SECOND = 10  # in a busy minute
AT_ONCE = 20  # all branches at the same moment, on the hour

TARGET = 1.0  # seconds, for so many of the answers in a busy minute:
SHARE = 0.95
PATIENCE = 5.0  # seconds that an answer may take on the hour
ANSWERED = 0.98  # of the requests on the hour
ACCURACY = 0.9  # of the held-out wines

# How long the checker asks, and how long a service may be away after a crash.
SECONDS = 6
BURSTS = 4
BACK = 360.0  # seconds; the longest pause between two starts is five minutes

READINGS = 13
DRILL = [-1.0] * READINGS  # ends the process that classifies it, see scoring/wine/wine_model.py
SHORTEST_KEY = 16  # characters

GOOD, BAD = "1", "2"  # the versions of the model


@cache
def held_out() -> tuple[tuple[list[float], str], ...]:
    """Return the wines on which no version was trained: 13 readings, and the true grower."""
    table = load_wine()
    growers = [str(table.target_names[number]) for number in table.target]
    return tuple(zip(table.data[::3].tolist(), growers[::3], strict=True))
