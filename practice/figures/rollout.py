"""Who answered while a release went on: drawn from a client's requests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.ticker import PercentFormatter

from practice.figures.plots import show
from practice.figures.style import BLUE, GREEN, INK, RED

SLICE = 0.5  # seconds that one bar stands for
BEFORE = 3.0  # seconds before the first stage that are drawn


@dataclass(frozen=True)
class Answered:
    """A client's request: the second in which the answer came, its status, and who gave it."""

    second: float
    status: int
    deployment: str


def draw(answers: Sequence[Answered], stages: Sequence[tuple[float, str]]) -> None:
    """Draw blue's and green's shares of the answers over time, and the stages as they began.

    What was not answered with 200 is red, whoever it was. `stages` are seconds and names. The
    figure begins a little before the first of them.
    """
    begin = max(0.0, min(second for second, _ in stages) - BEFORE)
    end = max([answer.second for answer in answers] + [second for second, _ in stages])
    edges = np.arange(0, end + SLICE, SLICE)
    failed = [answer.second for answer in answers if answer.status != 200]
    by_name = {
        name: [a.second for a in answers if a.status == 200 and a.deployment == name]
        for name in ("blue", "green")
    }
    parts = {**by_name, "failed": failed}
    counts = {name: np.histogram(seconds, edges)[0] for name, seconds in parts.items()}
    total = np.maximum(sum(counts.values()), 1)
    figure, axis = plt.subplots(figsize=(8, 2.8), layout="constrained")
    bottom = np.zeros(len(edges) - 1)
    for (name, count), colour in zip(counts.items(), (BLUE, GREEN, RED), strict=True):
        share = count / total
        axis.bar(edges[:-1], share, SLICE, bottom, align="edge", color=colour, label=name)
        bottom += share
    for number, (second, name) in enumerate(stages):
        axis.axvline(second, color=INK, linewidth=1, linestyle="dotted")
        place = (second, 1.02 + 0.09 * (number % 2))  # in two rows: some are close to each other
        axis.annotate(name, place, xycoords=("data", "axes fraction"), fontsize=8, va="bottom")
    axis.set(xlabel="seconds", ylabel="share of the answers", ylim=(0, 1), xlim=(begin, edges[-1]))
    axis.yaxis.set_major_formatter(PercentFormatter(1))
    axis.spines[["top", "right"]].set_visible(False)
    axis.legend(frameon=False, fontsize=9, loc="upper left", bbox_to_anchor=(1.01, 1))
    told = ", ".join(f"{name} {sum(count)}" for name, count in counts.items())
    began = ", ".join(f"{name} at {second:.0f} s" for second, name in stages)
    show(
        figure,
        f"Who answered during a release, over {end:.0f} seconds: {told} of {len(answers)}. "
        f"Stages: {began}.",
    )
