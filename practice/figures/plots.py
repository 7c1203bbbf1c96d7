"""The course's figures, each with a description. Each function shows its figure and closes it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import matplotlib.pyplot as plt
import numpy as np
from IPython.display import display
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import FormatStrFormatter, FuncFormatter, StrMethodFormatter
from numpy.typing import ArrayLike

from practice.figures.style import BLUE, DIGIT_PAPER, GREEN, GREY, GRID, INK, NAME, ORANGE, RED
from practice.pricing import costs as bills

# Lines differ in more than their colour.
_LINES = ("solid", "dashed", "dashdot", "dotted")
_INK_ON_PAPER = LinearSegmentedColormap.from_list("ink on paper", [DIGIT_PAPER, "black"])


def show(figure: Figure, alt: str, place: Callable[..., object] | None = None) -> None:
    """Show a figure with a description for those who cannot see it, and close it.

    `place` shows it instead of IPython's `display`: in place of an earlier figure, for example.
    """
    put: Callable[..., object] = place or display
    put(figure, metadata={"image/png": {"alt": alt, "style": NAME}})
    plt.close(figure)


def digits(images: ArrayLike, titles: Sequence[object], heading: str = "") -> None:
    """Draw digits (n, 8, 8), pixel values 0 to 16, in one row, each with its title."""
    pictures = np.asarray(images)
    columns = max(len(pictures), 4)  # a heading needs some room
    size = (0.9 * columns, 1.55 if heading else 1.3)
    figure, axes = plt.subplots(1, columns, figsize=size, layout="constrained")
    figure.suptitle(heading, x=0, ha="left", fontsize=11)
    for axis in axes:
        axis.set_axis_off()
    for axis, picture, title in zip(axes, pictures, titles, strict=False):
        _digit(axis, picture, str(title))
    told = ", ".join(str(title) for title in titles)
    show(figure, f"{heading or 'Digits'}: {len(pictures)} of them, titled {told}.")


def predictions(
    images: ArrayLike, probabilities: ArrayLike, truth: ArrayLike | None = None
) -> None:
    """Draw digits (n, 8, 8) and below each one its probabilities (n, 10) as bars.

    With `truth` (n), each digit's title says what was written as well as what was read.
    """
    pictures, shares = np.asarray(images), np.asarray(probabilities)
    figure, axes = plt.subplots(
        2,
        len(pictures),
        figsize=(1.55 * len(pictures), 3.1),
        layout="constrained",
        squeeze=False,
        sharey="row",
        height_ratios=[1.1, 1],
    )
    written = [None] * len(pictures) if truth is None else np.asarray(truth).tolist()
    for axis, below, picture, row, digit in zip(*axes, pictures, shares, written, strict=True):
        best = int(row.argmax())
        title = f"{best}  ({row[best]:.0%})"
        _digit(axis, picture, title if digit is None else f"{title}\nwritten: {digit}")
        colours = [BLUE if each == best else GREY for each in range(10)]
        below.bar(range(10), row, color=colours)
        below.set(xticks=range(10), ylim=(0, 1.02))
        below.tick_params(labelsize=7, length=0)
        below.spines[["top", "right"]].set_visible(False)
    axes[1][0].set_ylabel("probability", fontsize=8)
    best_of = ", ".join(str(row.argmax()) for row in shares)
    said = f"Digits, each above the ten probabilities predicted for it; highest: {best_of}"
    show(figure, said + ("." if truth is None else f"; written: {', '.join(map(str, written))}."))


def confusion(matrices: Mapping[str, ArrayLike]) -> None:
    """Draw confusion matrices (10, 10), rows the truth, side by side; mistakes stand out."""
    figure, axes = plt.subplots(
        1, len(matrices), figsize=(4 * len(matrices), 4), layout="constrained", squeeze=False
    )
    for axis, (name, values) in zip(axes[0], matrices.items(), strict=True):
        matrix = np.asarray(values)
        for (truth, prediction), count in np.ndenumerate(matrix):
            if count:
                colour = BLUE if truth == prediction else RED
                axis.add_patch(Rectangle((prediction - 0.5, truth - 0.5), 1, 1, color=colour))
                axis.text(prediction, truth, str(count), ha="center", va="center", color="white")
        axis.set(title=name, xlabel="prediction", xticks=range(10), yticks=range(10))
        axis.set(xlim=(-0.5, 9.5), ylim=(9.5, -0.5), aspect="equal")
        axis.set_xticks(np.arange(0.5, 9), minor=True)
        axis.set_yticks(np.arange(0.5, 9), minor=True)
        axis.grid(which="minor", color=GRID, linewidth=0.8)
        axis.tick_params(which="both", length=0)
        axis.set_axisbelow(True)
    axes[0][0].set_ylabel("truth")
    wrong = "; ".join(
        f"{name}: {np.asarray(m).sum() - np.trace(np.asarray(m))} mistakes"
        for name, m in matrices.items()
    )
    show(figure, f"Confusion matrices of the held-out digits. {wrong}.")


def latency(milliseconds: Mapping[str, Sequence[float]]) -> None:
    """Draw each way's times as dots, with the median written beside them, on a log scale."""
    figure, axis = plt.subplots(figsize=(8, 0.55 * len(milliseconds) + 1), layout="constrained")
    rng = np.random.default_rng(0)
    for row, times in enumerate(milliseconds.values()):
        median = float(np.median(times))
        axis.scatter(times, row + rng.uniform(-0.15, 0.15, len(times)), s=9, color=BLUE, alpha=0.55)
        axis.plot([median, median], [row - 0.3, row + 0.3], color=RED, linewidth=2)
        axis.annotate(
            f"{_two_figures(median)} ms",
            (median, row - 0.32),
            ha="center",
            va="bottom",
            fontsize=9,
            color=RED,
        )
    axis.set(
        xscale="log",
        xlabel="milliseconds for one digit (log scale); the line is the median",
        yticks=range(len(milliseconds)),
        yticklabels=list(milliseconds),
        ylim=(len(milliseconds) - 0.5, -0.7),
    )
    axis.xaxis.set_major_formatter(FormatStrFormatter("%g"))
    axis.spines[["top", "right"]].set_visible(False)
    medians = "; ".join(
        f"{name}: {_two_figures(np.median(times))}" for name, times in milliseconds.items()
    )
    show(figure, f"Milliseconds for one digit, medians. {medians}.")


@dataclass(frozen=True)
class Share:
    """A deployment's measured share of the requests, and the band in which it is expected."""

    label: str
    measured: float
    low: float
    high: float


def shares(rows: Sequence[Share], what: str) -> None:
    """Draw measured shares, 0 to 1, as dots over the bands in which they are expected."""
    figure, axis = plt.subplots(figsize=(8, 0.75 * len(rows) + 1), layout="constrained")
    for row, share in enumerate(rows):
        width = max(share.high - share.low, 0.004)  # a band of no width is still seen
        axis.barh(row, width, left=share.low, height=0.6, color=GREEN, alpha=0.35)
        inside = share.low <= share.measured <= share.high
        axis.plot(share.measured, row, marker="o" if inside else "X", color=BLUE if inside else RED)
        axis.annotate(
            f"{share.measured:.1%}",
            (share.measured, row - 0.34),
            ha="center",
            va="bottom",
            fontsize=9,
        )
    axis.set(
        xlim=(-0.03, 1.03),
        ylim=(len(rows) - 0.5, -0.7),
        xlabel=what,
        xticks=np.linspace(0, 1, 11),
        xticklabels=[f"{tenth * 10} %" for tenth in range(11)],
        yticks=range(len(rows)),
        yticklabels=[share.label for share in rows],
    )
    axis.spines[["top", "right"]].set_visible(False)
    told = "; ".join(
        f"{share.label}: {share.measured:.1%}, expected {share.low:.1%} to {share.high:.1%}"
        for share in rows
    )
    show(figure, f"Measured shares over their expected bands. {told}.")


def costs(
    services: Sequence[bills.BilledService], low: float = 10, high: float = 1e7, heading: str = ""
) -> None:
    """Draw what each service (at most four) costs a month against requests per day.

    Both scales are logarithmic, the upright one from 1 USD on. A dot stands where the cheapest
    of all changes, with the requests per day beside it; a ring where two others change places.
    """
    if len(services) > 4:
        raise ValueError(f"plots.costs tells at most 4 services apart, not {len(services)}.")
    requests = np.geomspace(low, high, 500)
    figure, axis = plt.subplots(figsize=(8, 4.8), layout="constrained")
    for service, colour, style in zip(services, (BLUE, GREEN, ORANGE, RED), _LINES, strict=False):
        month = [service.bill(float(n)).per_month for n in requests]
        axis.plot(requests, month, color=colour, linestyle=style, linewidth=2, label=service.name)
    told = []
    for first, second in combinations(services, 2):
        for even in bills.break_evens(first, second, low, high):
            x, y = even.requests_per_day, even.usd_per_month
            lowest = bills.cheapest(services, x).bill(x).per_month
            at_bottom = lowest >= y * 0.99
            axis.plot(x, y, "o", color=INK, mfc=INK if at_bottom else "none", zorder=3)
            if at_bottom:
                # At the right end there is room only beside the axes, below the legend.
                at_end = np.log(x / low) > 0.85 * np.log(high / low)
                axis.annotate(
                    _count(x),
                    (x, y),
                    xytext=(14, -26) if at_end else (6, -14),
                    textcoords="offset points",
                    fontsize=9,
                )
                told.append((x, f"{even.cheaper_above} above {_count(x)} requests a day"))
    axis.set_xscale("log")
    axis.set_yscale("symlog", linthresh=1, linscale=0.5)
    axis.set(xlabel="requests per day (M: a million)", ylabel="US dollars per month")
    axis.set_xlim(low, high)
    axis.set_ylim(bottom=0)
    axis.set_title(heading, loc="left", fontsize=11)
    # Labels in words would touch each other.
    axis.xaxis.set_major_formatter(FuncFormatter(lambda x, _: _count(x).replace("million", "M")))
    axis.yaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    axis.grid(axis="y", color=GRID, linewidth=0.8)
    axis.spines[["top", "right"]].set_visible(False)
    axis.legend(frameon=False, fontsize=9, loc="upper left", bbox_to_anchor=(1.01, 1))
    cheapest = bills.cheapest(services, low).name
    changes = "".join(f"; {text}" for _, text in sorted(told))
    show(
        figure,
        f"Cost per month against requests per day of {', '.join(s.name for s in services)}. "
        f"Cheapest: {cheapest} from {_count(low)} requests a day{changes}.",
    )


def _count(number: float) -> str:
    """Return a count with three figures: 140, 23,500, 1.81 million."""
    number = float(f"{number:.3g}")
    return f"{number / 1e6:g} million" if number >= 1e6 else f"{number:,.0f}"


def _two_figures(number: float) -> str:
    """Return a number with two figures: 380, 54, 2.5, 0.51."""
    return f"{float(f'{number:.2g}'):g}"


def _digit(axis: Axes, picture: ArrayLike, title: str) -> None:
    axis.imshow(picture, cmap=_INK_ON_PAPER, vmin=0, vmax=16)
    axis.spines[:].set_visible(False)
    axis.set_title(title, fontsize=10)
    axis.set(xticks=[], yticks=[])
    axis.set_axis_on()
