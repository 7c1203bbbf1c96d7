"""Line charts over time, as the macro `chart` draws them in SVG."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

# In units of the drawing: its size, and the room for the numbers left and below.
WIDTH, HEIGHT, LEFT, BELOW, ABOVE, RIGHT = 440, 190, 48, 24, 10, 12
STEPS = (1, 2, 2.5, 5, 10)  # of ten: where a scale's highest number may be


@dataclass(frozen=True)
class Series:
    """One line; None where nothing was measured, which is a gap."""

    name: str
    values: Sequence[float | None]


@dataclass(frozen=True)
class Chart:
    """Each series has a value for each of `times`."""

    title: str
    unit: str
    times: Sequence[datetime]
    series: Sequence[Series]

    width, height, left, right = WIDTH, HEIGHT, LEFT, WIDTH - RIGHT
    bottom = HEIGHT - BELOW

    @cached_property
    def highest(self) -> float:
        """The scale's upper end: a round number above all values."""
        most = max((value for one in self.series for value in one.values if value), default=1.0)
        ten: float = 10.0 ** math.floor(math.log10(most))
        return next(step * ten for step in STEPS if step * ten >= most * (1 - 1e-9))

    @property
    def is_empty(self) -> bool:
        return all(value is None for one in self.series for value in one.values)

    @property
    def scale(self) -> list[tuple[float, str]]:
        """Heights of the drawing, and the number at each."""
        return [(self._y(self.highest * part), number(self.highest * part)) for part in (0, 0.5, 1)]

    @property
    def clock(self) -> list[tuple[float, str]]:
        """Places along the drawing, and the time at each, UTC."""
        last = len(self.times) - 1
        places = sorted({round(last * part / 3) for part in range(4)}) if last >= 0 else []
        return [(self._x(place), f"{self.times[place]:%H:%M}") for place in places]

    def path(self, series: Series) -> str:
        """The line of a series: an SVG path that is lifted over gaps."""
        parts, down = [], False
        for place, value in enumerate(series.values):
            if value is not None:
                parts.append(f"{'L' if down else 'M'}{self._x(place):.1f} {self._y(value):.1f}")
            down = value is not None
        return "".join(parts)

    def dots(self, series: Series) -> list[tuple[float, float]]:
        """Where a value stands alone, so that no line shows it."""
        padded = [None, *series.values, None]
        return [
            (round(self._x(place), 1), round(self._y(value), 1))
            for place, value in enumerate(series.values)
            if value is not None and padded[place] is None and padded[place + 2] is None
        ]

    @property
    def rows(self) -> list[tuple[datetime, list[float | None]]]:
        """The times at which anything was measured, newest first, with each series' value."""
        columns = [one.values for one in self.series]
        rows = [(time, [values[at] for values in columns]) for at, time in enumerate(self.times)]
        return [row for row in reversed(rows) if any(value is not None for value in row[1])]

    def _x(self, place: int) -> float:
        return LEFT + (WIDTH - RIGHT - LEFT) * place / max(1, len(self.times) - 1)

    def _y(self, value: float) -> float:
        return HEIGHT - BELOW - (HEIGHT - BELOW - ABOVE) * value / self.highest


def number(value: float) -> str:
    """Return a value with three digits at least where it needs them: 0.25, 12, 1,500, 250 M."""
    for letter, size in (("G", 1e9), ("M", 1e6)):
        if value >= size:
            return f"{value / size:.3g} {letter}"
    return f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:.3g}"
