"""The number of replicas under a steady load: measured and drawn."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import matplotlib.pyplot as plt
from matplotlib.ticker import MaxNLocator

from practice.figures.plots import show
from practice.figures.style import BLUE, ORANGE


@contextmanager
def steady(ask: Callable[[], object], per_second: float, at_once: int) -> Iterator[None]:
    """Call `ask` so many times a second while the block runs, up to `at_once` at the same time.

    A call that fails is not repeated and stops nothing; the block ends when all have returned.
    """
    stop = threading.Event()

    def send() -> None:
        with ThreadPoolExecutor(at_once) as pool:
            while not stop.is_set():
                pool.submit(ask)
                stop.wait(1 / per_second)

    sender = threading.Thread(target=send)
    sender.start()
    try:
        yield
    finally:
        stop.set()
        sender.join()


class Record:
    """Counts taken one after another, each with the seconds since the record began."""

    def __init__(self, count: Callable[[], int]) -> None:
        self.count = count
        self.began = time.monotonic()
        self.seconds: list[float] = []
        self.counts: list[int] = []

    def now(self) -> float:
        """Return the seconds since the record began."""
        return time.monotonic() - self.began

    def look(self) -> int:
        """Count, note it, and return it."""
        number = self.count()
        self.seconds.append(self.now())
        self.counts.append(number)
        return number


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
    end = seconds[-1] * 1.04  # so that the last count can be seen
    axis.step([*seconds, end], [*counts, counts[-1]], where="post", color=BLUE, linewidth=2)
    axis.set(xlabel="seconds", ylabel="replicas", ylim=(-0.1, max(counts) + 0.4))
    axis.set_xlim(min(seconds), end)
    axis.yaxis.set_major_locator(MaxNLocator(integer=True))
    axis.spines[["top", "right"]].set_visible(False)
    show(
        figure,
        f"Replicas against time: {loaded} from second {load[0]:.0f} to {load[1]:.0f}. "
        f"{counts[0]} at the beginning, {max(counts)} at most, {counts[-1]} at the end, "
        f"after {seconds[-1]:.0f} seconds.",
    )
