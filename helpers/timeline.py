"""The figure of how many replicas there were at what time."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.pyplot as plt
from matplotlib.ticker import MaxNLocator

from helpers.plots import BLUE, ORANGE, show


def replicas(
    seconds: Sequence[float], counts: Sequence[int], load: tuple[float, float], loaded: str
) -> None:
    """Draw the number of replicas against the time in seconds, over the time of the load.

    `load` is when the load began and ended, `loaded` what it was, in words.
    """
    figure, axis = plt.subplots(figsize=(8, 2.6), layout="constrained")
    axis.axvspan(*load, color=ORANGE, alpha=0.25, linewidth=0)
    axis.annotate(
        loaded,
        (sum(load) / 2, 1),
        xycoords=("data", "axes fraction"),
        xytext=(0, 3),
        textcoords="offset points",
        ha="center",
        fontsize=9,
    )
    axis.step(seconds, counts, where="post", color=BLUE, linewidth=2)
    axis.set(xlabel="seconds", ylabel="replicas", ylim=(-0.1, max(counts) + 0.4))
    axis.set_xlim(min(seconds), max(seconds))
    axis.yaxis.set_major_locator(MaxNLocator(integer=True))
    axis.spines[["top", "right"]].set_visible(False)
    show(
        figure,
        f"Replicas against time: {loaded} from second {load[0]:.0f} to {load[1]:.0f}. "
        f"{counts[0]} at the beginning, {max(counts)} at most, {counts[-1]} at the end, "
        f"after {seconds[-1]:.0f} seconds.",
    )
