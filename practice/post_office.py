"""A post office whose machines ask the digit model: the clients of lesson 09.

Its scanner reads digits off envelopes, ten to a page. A clerk types in later what was written, so
what the model should have said is known in the end. Halfway through its shift the scanner changes:
the paper slips by a pixel, and the ink gets darker. Nobody tells the model.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

PAGE = 10  # digits
BRIGHTEST = 16.0
EVERY = 12  # each so many pages comes from the other machine


@dataclass(frozen=True)
class Page:
    """Digits as they are sent, (10, 8, 8), and what was written, (10,).

    `second` is when it came, counted from the beginning of the shift.
    """

    images: NDArray[np.floating]
    labels: NDArray[np.int64]
    second: float


class PostOffice:
    """Hands out pages for a shift of so many seconds.

    `images` (n, 8, 8), values 0 to 16, and `labels` (n,) are the digits on the envelopes. One page
    of twelve comes from another machine, which sends grey values from 0 to 255.
    """

    def __init__(self, images: ArrayLike, labels: ArrayLike, seconds: float, seed: int = 0) -> None:
        self.images = np.asarray(images, dtype=np.float64)
        self.labels = np.asarray(labels)
        self.half = seconds / 2
        self._random = np.random.default_rng(seed)
        self._lock = threading.Lock()
        self._pages = 0
        self._opened: float | None = None

    def page(self) -> Page:
        """Return the next page; the first one begins the shift."""
        with self._lock:
            now = time.monotonic()
            self._opened = now if self._opened is None else self._opened
            self._pages += 1
            chosen = self._random.choice(len(self.images), PAGE, replace=False)
            second, is_other = now - self._opened, self._pages % EVERY == 0
        images: NDArray[np.floating] = self.images[chosen]
        if is_other:
            images = np.round(images * 255 / BRIGHTEST)
        elif second >= self.half:
            images = slipped(images)
        return Page(images, self.labels[chosen], second)


def slipped(images: NDArray[np.floating]) -> NDArray[np.floating]:
    """Return digits (n, 8, 8) one pixel lower, with twice the ink."""
    lower = np.zeros_like(images)
    lower[:, 1:] = images[:, :-1]
    darker: NDArray[np.floating] = np.clip(lower * 2, 0, BRIGHTEST)
    return darker
