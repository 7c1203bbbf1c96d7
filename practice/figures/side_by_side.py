"""Figures that put services side by side.

Each service keeps its colour, its marker, its line and its hatch through all of them, so that
nobody has to tell colours apart. At most four services.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FormatStrFormatter

from practice.figures.plots import show
from practice.figures.style import BLUE, GREEN, GREY, GRID, INK, ORANGE, RED
from practice.measure import Load, TimedRequest


@dataclass(frozen=True)
class Look:
    colour: str
    marker: str
    line: str
    hatch: str


LOOKS = (
    Look(BLUE, "o", "-", ""),
    Look(GREEN, "s", "--", "//"),
    Look(ORANGE, "^", "-.", ".."),
    Look(GREY, "D", ":", "xx"),
)


def ready(seconds: Mapping[str, tuple[float, float]]) -> None:
    """Draw how long each service took from the request on.

    The two values of each, in seconds: until Azure said Succeeded, and until the first answer.
    """
    figure, axis = plt.subplots(figsize=(8, 0.6 * len(seconds) + 1), layout="constrained")
    for row, ((made, answered), look) in enumerate(zip(seconds.values(), LOOKS, strict=False)):
        axis.barh(
            row,
            made,
            height=0.55,
            color=look.colour,
            edgecolor="white",
            linewidth=0,
            hatch=look.hatch,
        )
        if answered > made:
            axis.barh(
                row, answered - made, left=made, height=0.55, color="none", edgecolor=look.colour
            )
        axis.annotate(
            f"{answered:.1f} s",
            (answered, row),
            xytext=(4, 0),
            textcoords="offset points",
            va="center",
            fontsize=9,
        )
    _rows(axis, list(seconds))
    axis.set(xlabel="seconds; filled until Succeeded, hollow until the first answer")
    axis.set_xlim(0, 1.12 * max(answered for _, answered in seconds.values()))
    told = "; ".join(
        f"{name}: Succeeded after {made:.1f}, first answer after {answered:.1f}"
        for name, (made, answered) in seconds.items()
    )
    show(figure, f"Seconds from the request until each service was ready. {told}.")


def distributions(milliseconds: Mapping[str, Sequence[float]]) -> None:
    """Draw for each service which share of its requests took at most so many milliseconds."""
    figure, axis = plt.subplots(figsize=(8, 3.4), layout="constrained")
    told = []
    for (name, times), look in zip(milliseconds.items(), LOOKS, strict=False):
        ordered = np.sort(times)
        shares = np.arange(1, len(ordered) + 1) / len(ordered)
        axis.step(
            ordered, shares, where="post", color=look.colour, linestyle=look.line, linewidth=2
        )
        middle, late = np.percentile(ordered, [50, 95])
        axis.plot(
            [middle, late],
            [0.5, 0.95],
            look.marker,
            color=look.colour,
            label=f"{name}: {middle:.1f} ms, {late:.1f} ms",
        )
        told.append(f"{name}: {middle:.1f} and {late:.1f}")
    for share, text in ((0.5, "half of them"), (0.95, "95 of 100")):
        axis.axhline(share, color=GRID, linewidth=0.8, zorder=0)
        axis.annotate(
            text,
            (0, share),
            xycoords=("axes fraction", "data"),
            xytext=(4, 3),
            textcoords="offset points",
            fontsize=8,
        )
    axis.set(xscale="log", xlabel="milliseconds (log scale)", ylabel="share of requests")
    axis.set_ylim(0, 1.06)
    everything = np.concatenate([np.asarray(times) for times in milliseconds.values()])
    low, high = np.percentile(everything, [0, 99.5])
    axis.set_xlim(0.9 * low, 1.3 * high)
    axis.xaxis.set_major_formatter(FormatStrFormatter("%g"))
    axis.xaxis.set_minor_formatter(FormatStrFormatter("%g"))
    axis.tick_params(axis="x", which="minor", labelsize=8)
    axis.legend(frameon=False, fontsize=9, loc="lower right", title="half within, 95 of 100 within")
    _bare(axis)
    show(
        figure,
        "Share of requests against milliseconds. Half of them and 95 of 100 took at most, in "
        f"milliseconds: {'; '.join(told)}.",
    )


def throughput(loads: Mapping[str, Mapping[int, Load]]) -> None:
    """Draw requests per second, and how long one took, against the number of clients."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(8, 3.2), layout="constrained")
    told = []
    for (name, by_clients), look in zip(loads.items(), LOOKS, strict=False):
        clients = sorted(by_clients)
        style = {
            "color": look.colour,
            "linestyle": look.line,
            "marker": look.marker,
            "linewidth": 2,
            "label": name,
        }
        left.plot(clients, [by_clients[n].per_second for n in clients], **style)
        right.plot(clients, [by_clients[n].milliseconds for n in clients], **style)
        each = ", ".join(f"{by_clients[n].per_second:.0f} with {n}" for n in clients)
        told.append(f"{name}: {each}")
    ticks = sorted({n for by_clients in loads.values() for n in by_clients})
    for axis in (left, right):
        axis.set(xscale="log", xlabel="clients", xticks=ticks, xticklabels=ticks)
        axis.minorticks_off()
        axis.set_ylim(bottom=0)
        _bare(axis)
    left.set_ylabel("requests per second, together")
    right.set_ylabel("milliseconds, median")
    figure.legend(
        *left.get_legend_handles_labels(),
        frameon=False,
        fontsize=9,
        ncols=4,
        loc="outside upper center",
    )
    show(figure, f"Requests per second, by the number of clients. {'; '.join(told)}.")


def outages(calls: Mapping[str, Sequence[TimedRequest]]) -> None:
    """Draw the requests around the moment in which each service's process ended.

    A tick for a good answer, a cross for none; a line shows how long a request had to wait.
    """
    figure, axis = plt.subplots(figsize=(8, 0.8 * len(calls) + 1.1), layout="constrained")
    told = []
    for row, ((name, each), look) in enumerate(zip(calls.items(), LOOKS, strict=False)):
        good = [call.sent for call in each if call.ok]
        bad = [call.sent for call in each if not call.ok]
        axis.plot(good, [row] * len(good), "|", color=look.colour, markersize=13)
        axis.plot(bad, [row] * len(bad), "x", color=RED, markersize=7, markeredgewidth=1.8)
        for call in each:
            if call.took > 0.2:
                axis.plot(
                    [call.sent, call.sent + call.took], [row, row], color=look.colour, linewidth=3
                )
        axis.annotate(f"{len(bad)} without an answer", (0.05, row - 0.28), fontsize=9, va="bottom")
        longest = max(call.took for call in each)
        told.append(f"{name}: {len(bad)} of {len(each)} failed, the longest took {longest:.1f} s")
    axis.axvline(0, color=INK, linewidth=1, linestyle=":")
    _rows(axis, list(calls))
    axis.set_ylim(len(calls) - 0.5, -0.8)
    axis.set_xlabel("seconds after the process ended; | good answer, x none")
    show(figure, f"Requests around the end of each service's process. {'; '.join(told)}.")


@dataclass(frozen=True)
class Panel:
    """One comparison: a value for each service, None where it cannot be had."""

    title: str
    values: Mapping[str, float | None]


def panels(measured: Sequence[Panel], columns: int = 3) -> None:
    """Draw several comparisons as small bars, each with its own scale, from zero on."""
    rows = -(-len(measured) // columns)
    figure, axes = plt.subplots(
        rows, columns, figsize=(8, 1.75 * rows), layout="constrained", squeeze=False
    )
    for axis in axes.flat:
        axis.set_axis_off()
    told = []
    for number, (axis, panel) in enumerate(zip(axes.flat, measured, strict=False)):
        axis.set_axis_on()
        most = max((value for value in panel.values.values() if value), default=1.0)
        for row, ((_, value), look) in enumerate(zip(panel.values.items(), LOOKS, strict=False)):
            axis.barh(row, value or 0, **_filled(look))
            axis.annotate(
                "none" if value is None else f"{value:.3g}",
                (value or 0, row),
                xytext=(3, 0),
                textcoords="offset points",
                va="center",
                fontsize=8,
            )
        axis.set_title(panel.title, fontsize=9, loc="left")
        _rows(axis, list(panel.values) if number % columns == 0 else [""] * len(panel.values))
        axis.set(xlim=(0, 1.3 * most), xticks=[])
        axis.tick_params(labelsize=8)
        axis.spines["bottom"].set_visible(False)
        values = ", ".join(
            f"{name} {'none' if value is None else f'{value:.3g}'}"
            for name, value in panel.values.items()
        )
        told.append(f"{panel.title}: {values}")
    show(figure, f"Everything measured, side by side. {'; '.join(told)}.")


def _filled(look: Look) -> dict[str, Any]:
    """How a bar of a service is drawn: its colour, and its hatch in white, without an edge."""
    return {"color": look.colour, "edgecolor": "white", "linewidth": 0, "hatch": look.hatch}


def _rows(axis: Axes, names: Sequence[str]) -> None:
    axis.set(yticks=range(len(names)), yticklabels=names, ylim=(len(names) - 0.5, -0.5))
    axis.tick_params(axis="y", length=0)
    _bare(axis)


def _bare(axis: Axes) -> None:
    axis.spines[["top", "right"]].set_visible(False)
