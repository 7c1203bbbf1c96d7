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

from practice.facts import fact
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


@dataclass(frozen=True)
class AzureSeconds:
    """How long something takes on Azure, as published: `least` to `most`, or `least` and more."""

    least: float
    most: float | None = None

    def __str__(self) -> str:
        if self.most is None:
            return f"{_duration(self.least)} and more"
        return f"{_duration(self.least)} to {_duration(self.most)}"


def ready(
    seconds: Mapping[str, tuple[float, float]], azure: Mapping[str, AzureSeconds] | None = None
) -> None:
    """Draw how long each service took from the request on, above what it takes on Azure.

    The two values of each, in seconds, were measured: until Azure said Succeeded, and until the
    first answer. `azure` is what is published of each: the facts, unless it is given.
    """
    azure = _published() if azure is None else azure
    figure, axis = plt.subplots(figsize=(8, 0.95 * len(seconds) + 1), layout="constrained")
    ends = [each.most or 3 * each.least for each in azure.values()]
    right = 1.5 * max(*ends, *(answered for _, answered in seconds.values()))
    told = []
    for row, ((name, (made, answered)), look) in enumerate(
        zip(seconds.items(), LOOKS, strict=False)
    ):
        above, below = row - 0.2, row + 0.2
        axis.plot([made, answered], [above, above], color=look.colour, linewidth=2)
        axis.plot(made, above, "o", color=look.colour, markersize=7)
        axis.plot(answered, above, "o", color=look.colour, markersize=11, mfc="none", mew=2)
        _beside(axis, f"measured: {answered:.1f} s", answered, above)
        told.append(f"{name}: Succeeded after {made:.1f}, first answer after {answered:.1f}")
        if name in azure:
            span = azure[name]
            end = span.most or 3 * span.least
            axis.barh(below, end - span.least, left=span.least, height=0.3, **_filled(look))
            if span.most is None:
                axis.plot(end, below, ">", color=look.colour, markersize=11)
            _beside(axis, f"Azure: {span}", span.least, below, left=True)
            told[-1] += f", on Azure {span}"
    _rows(axis, list(seconds))
    axis.set(xscale="log", xlabel="time since the request; dot Succeeded, ring first answer")
    ticks = {0.1: "0.1 s", 1: "1 s", 10: "10 s", 60: "1 min", 600: "10 min"}
    starts = [each.least for each in azure.values()]
    least = 0.7 * min(*starts, *(made for made, _ in seconds.values()))
    axis.set_xlim(least, right)
    axis.set_xticks([tick for tick in ticks if least <= tick <= right])
    axis.set_xticklabels([text for tick, text in ticks.items() if least <= tick <= right])
    axis.minorticks_off()
    axis.grid(axis="x", linewidth=0.8)
    axis.set_axisbelow(True)
    show(figure, f"Seconds from the request until each service was ready. {'; '.join(told)}.")


def _published() -> dict[str, AzureSeconds]:
    """How long each service takes on Azure, as far as anybody says."""
    endpoint = 60 * fact("online_endpoints.create_minutes").value
    return {
        "managed endpoint": AzureSeconds(
            endpoint + 60 * fact("online_endpoints.deploy_minutes_least").value,
            endpoint + 60 * fact("online_endpoints.deploy_minutes_most").value,
        ),
        "container group": AzureSeconds(fact("container_instances.example_start").value),
        "container app": AzureSeconds(
            fact("container_apps.cold_start_least").value,
            fact("container_apps.cold_start_most").value,
        ),
    }


def _beside(axis: Axes, text: str, x: float, y: float, *, left: bool = False) -> None:
    axis.annotate(
        text,
        (x, y),
        xytext=(-6 if left else 10, 0),
        textcoords="offset points",
        ha="right" if left else "left",
        va="center",
        fontsize=9,
    )


def _duration(seconds: float) -> str:
    return f"{seconds / 60:g} min" if seconds >= 120 else f"{seconds:g} s"


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


def _filled(look: Look) -> dict[str, Any]:
    """How a bar of a service is drawn: its colour, and its hatch in white, without an edge."""
    return {"color": look.colour, "edgecolor": "white", "linewidth": 0, "hatch": look.hatch}


def _rows(axis: Axes, names: Sequence[str]) -> None:
    axis.set(yticks=range(len(names)), yticklabels=names, ylim=(len(names) - 0.5, -0.5))
    axis.tick_params(axis="y", length=0)
    _bare(axis)


def _bare(axis: Axes) -> None:
    axis.spines[["top", "right"]].set_visible(False)
