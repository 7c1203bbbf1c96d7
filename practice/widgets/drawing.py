"""From lines drawn by hand to 8x8 images, made as the digits of the data set were made.

Those digits (https://archive.ics.uci.edu/dataset/80) were scanned, and NIST's programs turned each
into a bitmap of 32x32: fitted into a box 20 wide and 32 high, its pen made thinner or thicker until
the amount of ink was right. Then the black pixels of every 4x4 block were counted: 8x8 numbers from
0 to 16.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.float64]  # (8, 8), each pixel 0 to 16
Point = tuple[float, float]  # right and down from the upper left corner of the page, 0 to 1
Stroke = Sequence[Point]  # what the pen does between being put down and lifted

SIDE = 8
FINE = 32  # pixels of the bitmap, a side
BOX = np.array([20, 32])  # of the bitmap, width and height
HALF_PEN = 2.5  # pixels of the bitmap: lines stay this far inside the box
INK = 311  # black pixels of a bitmap; the mean in the data set is 4.88 of 16 in each of 8x8 blocks
PAGE_PEN = 1 / 32  # half the width of the pen on the page

# A seven, for those who cannot draw now. Most sevens in the data set have a bar.
SEVEN: list[list[Point]] = [
    [(0.20, 0.12), (0.80, 0.10), (0.62, 0.45), (0.42, 0.90)],
    [(0.30, 0.48), (0.78, 0.46)],
]


def like_training_data(strokes: Sequence[Stroke]) -> Image:
    """Return the drawing as the data set's digits are: scaled, centred, with as much ink."""
    points = _points(strokes)
    low, high = points.min(axis=0), points.max(axis=0)
    wide, high_up = (BOX - 2 * HALF_PEN) / np.maximum(high - low, 1e-6)
    scale = np.array([min(wide, high_up), high_up])  # a one stays narrow
    lines = [(np.array(each) - (low + high) / 2) * scale + FINE / 2 for each in strokes]
    distances = _distances(lines, FINE)
    return _counts(distances <= np.partition(distances.ravel(), INK - 1)[INK - 1])


def shrunk(strokes: Sequence[Stroke]) -> Image:
    """Return the whole page made smaller; the drawing is neither scaled nor centred.

    Without the three steps of `like_training_data`, for comparison.
    """
    _points(strokes)
    fine = 4 * FINE
    lines = [np.array(each) * fine for each in strokes]
    return _counts(_distances(lines, fine) <= PAGE_PEN * fine)


def through_cells(cells: Iterable[tuple[int, int]]) -> list[list[Point]]:
    """Return strokes that join the neighbours among painted cells (row, column) of an 8x8 grid."""
    painted = set(cells)
    # Half of a cell's neighbours: the other half finds this cell.
    beside = [(0, 1), (1, -1), (1, 0), (1, 1)]
    strokes = []
    for row, column in sorted(painted):
        near = {(row + down, column + right) for down, right in beside} & painted
        strokes += [[_middle(row, column), _middle(*other)] for other in sorted(near)]
        if not near:
            strokes.append([_middle(row, column)])
    return strokes


def _middle(row: int, column: int) -> Point:
    return (column + 0.5) / SIDE, (row + 0.5) / SIDE


def _points(strokes: Sequence[Stroke]) -> NDArray[np.float64]:
    if not any(len(each) for each in strokes):
        raise ValueError("There is nothing on the page: draw a digit first.")
    return np.concatenate([np.asarray(each, dtype=float) for each in strokes if len(each)])


def _distances(lines: Sequence[NDArray[np.float64]], side: int) -> NDArray[np.float64]:
    """Return how far each pixel's middle is from the nearest line, in pixels."""
    down, right = np.mgrid[:side, :side] + 0.5
    pixels = np.stack([right, down], axis=-1)
    nearest = np.full((side, side), np.inf)
    for line in lines:
        for start, end in pairwise([line[0], *line]):  # the first: from a point to itself
            along = end - start
            length = float(along @ along)
            share = np.clip((pixels - start) @ along / length, 0, 1) if length else 0.0
            on_line = start + np.multiply.outer(share, along)
            nearest = np.minimum(nearest, ((pixels - on_line) ** 2).sum(axis=-1))
    distances: NDArray[np.float64] = np.sqrt(nearest)
    return distances


def _counts(black: NDArray[np.bool_]) -> Image:
    """Return the share of each block's pixels that is black, in sixteenths."""
    block = len(black) // SIDE
    shares: Image = black.reshape(SIDE, block, SIDE, block).mean(axis=(1, 3)) * 16
    return shares
