"""Figures of what Azure Monitor counts, drawn anew as more comes, and of what it misses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import matplotlib.pyplot as plt
import numpy as np
from IPython.display import DisplayHandle
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from practice.figures.plots import show
from practice.figures.style import BLUE, GREEN, GREY, ORANGE, RED

Series = Mapping[datetime, float]  # a metric's number of each minute
_MARKERS = ("o", "s", "^", "D")
STEP = 5  # seconds


class MinuteChart:
    """Requests and latency by the minute: one figure, which each `draw` replaces."""

    def __init__(self) -> None:
        # IPython ships no types for it.
        self._place = DisplayHandle()  # type: ignore[no-untyped-call]
        self._is_drawn = False

    def draw(self, requests: Mapping[str, Series], milliseconds: Mapping[str, Series]) -> None:
        """Draw the requests by status as bars, and each latency as a line.

        Before anything has been counted, nothing is drawn.
        """
        minutes = sorted({minute for series in requests.values() for minute in series})
        if not minutes:
            return
        figure, (left, right) = plt.subplots(1, 2, figsize=(8, 2.9), layout="constrained")
        bottom = np.zeros(len(minutes))
        for (status, series), colour in zip(
            sorted(requests.items()), (BLUE, ORANGE, RED, GREY), strict=False
        ):
            counts = np.array([series.get(minute, 0.0) for minute in minutes])
            left.bar(range(len(minutes)), counts, 0.7, bottom, color=colour, label=status)
            bottom += counts
        left.set(title="requests a minute, by status")
        for (name, series), colour, marker in zip(
            milliseconds.items(), (BLUE, GREEN), _MARKERS, strict=False
        ):
            values = [series.get(minute, np.nan) for minute in minutes]
            right.plot(range(len(minutes)), values, color=colour, marker=marker, label=name)
        right.set(title="milliseconds a request")
        for axis in (left, right):
            _minutes(axis, minutes)
            axis.set_ylim(bottom=0)
            axis.legend(frameon=False, fontsize=8)
        told = ", ".join(
            f"{sum(series.values()):.0f} with status {status}"
            for status, series in sorted(requests.items())
        )
        self._show(figure, f"Requests and their latency in {len(minutes)} minutes: {told}.")

    def _show(self, figure: Figure, alt: str) -> None:
        show(figure, alt, self._place.update if self._is_drawn else self._place.display)
        self._is_drawn = True


def accuracy(seconds: Sequence[float], right: Sequence[float], changed: float) -> None:
    """Draw the share of right answers in each request, and the mean before and after a moment."""
    at, shares = np.asarray(seconds), np.asarray(right)
    figure, axis = plt.subplots(figsize=(8, 2.6), layout="constrained")
    axis.plot(at, shares, "o", color=GREY, markersize=4, alpha=0.5, markeredgewidth=0)
    told = []
    for part, begin, end in (
        (at < changed, 0.0, changed),
        (at >= changed, changed, float(at.max(initial=changed))),
    ):
        if part.any():
            mean = float(shares[part].mean())
            axis.plot([begin, end], [mean, mean], color=BLUE, linewidth=2.5)
            axis.annotate(
                f"{mean:.0%}",
                ((begin + end) / 2, mean),
                xytext=(0, -5),
                textcoords="offset points",
                ha="center",
                va="top",
                color=BLUE,
            )
            told.append(f"{mean:.0%}")
    axis.set(xlabel="seconds since the first request", ylim=(-0.03, 1.05))
    axis.set_yticks([0, 0.5, 1], ["0 %", "50 %", "100 %"])
    axis.set_title("right answers in each request (dots) and on average (lines)", fontsize=10)
    axis.spines[["top", "right"]].set_visible(False)
    show(figure, f"Share of right answers: {', then '.join(told)}.")


def histograms(measures: Mapping[str, Mapping[str, ArrayLike]]) -> None:
    """Draw for each measure how its values spread in each set (at most three), side by side."""
    figure, axes = plt.subplots(
        1, len(measures), figsize=(8, 2.9), layout="constrained", squeeze=False
    )
    for axis, (name, sets) in zip(axes[0], measures.items(), strict=True):
        values = [np.asarray(each) for each in sets.values()]
        bins = np.linspace(min(map(np.min, values)), max(map(np.max, values)), 25)
        for (label, _), numbers, (colour, line) in zip(
            sets.items(),
            values,
            ((GREY, "solid"), (BLUE, "dashed"), (RED, "solid")),
            strict=False,
        ):
            weights = np.full(len(numbers), 1 / len(numbers))
            axis.hist(
                numbers,
                bins,
                weights=weights,
                histtype="stepfilled" if colour == GREY else "step",
                color=colour,
                alpha=0.4 if colour == GREY else 1,
                linestyle=line,
                linewidth=1.8,
                label=label,
            )
        axis.set(title=name, yticks=[])
        axis.spines[["top", "right", "left"]].set_visible(False)
    figure.legend(
        *axes[0][0].get_legend_handles_labels(),
        loc="outside lower center",
        ncols=3,
        frameon=False,
        fontsize=9,
    )
    told = "; ".join(
        f"{name}: "
        + ", ".join(f"{label} {np.median(np.asarray(each)):.1f}" for label, each in sets.items())
        for name, sets in measures.items()
    )
    show(figure, f"How the values of each measure spread; medians. {told}.")


def _minutes(axis: Axes, minutes: Sequence[datetime]) -> None:
    axis.set_xticks(range(len(minutes)), [f"{minute:%H:%M}" for minute in minutes], fontsize=8)
    axis.set_xlim(-0.6, max(len(minutes), 3) - 0.4)
    axis.spines[["top", "right"]].set_visible(False)


def scaling(
    seconds: Sequence[float],
    counts: Sequence[int],
    answers: Sequence[tuple[float, int]],
    load: tuple[float, float],
    loaded: str,
) -> None:
    """Draw the number of instances over the time in seconds, and below it the answers.

    `answers` has the second and the status of each; they are counted in steps of five seconds.
    `load` is when the load began and ended, `loaded` what it was, in words.
    """
    end = max(seconds[-1], *(second for second, _ in answers)) if answers else seconds[-1]
    figure, (above, below) = plt.subplots(
        2, 1, sharex=True, figsize=(8, 4), layout="constrained", height_ratios=[1, 1.2]
    )
    for axis in (above, below):
        axis.axvspan(*load, color=ORANGE, alpha=0.2, linewidth=0)
        axis.spines[["top", "right"]].set_visible(False)
    above.set_title(loaded, loc="left", x=0.02, fontsize=9)
    above.step([*seconds, end], [*counts, counts[-1]], where="post", color=BLUE, linewidth=2)
    above.set(ylabel="instances", ylim=(0, max(counts) + 0.5), yticks=range(max(counts) + 1))
    edges = np.arange(0, end + STEP, STEP)
    bottom = np.zeros(len(edges) - 1)
    told = []
    statuses = sorted({status for _, status in answers})
    for status, colour in zip(statuses, (BLUE, RED, ORANGE, GREY), strict=False):
        number, _ = np.histogram([at for at, each in answers if each == status], edges)
        below.bar(
            edges[:-1], number, 0.85 * STEP, bottom, align="edge", color=colour, label=str(status)
        )
        bottom += number
        told.append(f"{number.sum()} answers {status}")
    below.set(xlabel="seconds", ylabel="answers in 5 seconds", xlim=(0, end))
    below.legend(frameon=False, fontsize=9)
    show(
        figure,
        f"Instances over time: {counts[0]} at first, {max(counts)} at most, {counts[-1]} at last; "
        f"{loaded} until second {load[1]:.0f}. {', '.join(told)}.",
    )
