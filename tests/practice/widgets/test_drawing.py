"""Drawings in the data set's form, and that the trained model reads them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from practice.widgets.drawing import SEVEN, Image, Stroke, like_training_data, shrunk, through_cells
from scoring.train import load_digits_split, train

Drawing = Sequence[Stroke]
ONE = [[(0.42, 0.32), (0.55, 0.18), (0.55, 0.85)]]
ZERO = [[(0.5 + 0.2 * np.sin(t), 0.5 - 0.35 * np.cos(t)) for t in np.linspace(0, 6.3, 30)]]


def moved(strokes: Drawing, scale: float, right: float, down: float) -> list[Stroke]:
    return [[(x * scale + right, y * scale + down) for x, y in each] for each in strokes]


@pytest.fixture(scope="module")
def digit_of():  # type: ignore[no-untyped-def]  # a function of the fixture
    """What the trained PyTorch model says of an image."""
    network = train("pytorch", load_digits_split()).model.eval()

    def ask(image: Image) -> int:
        with torch.inference_mode():
            return int(network(torch.tensor(image[np.newaxis], dtype=torch.float32)).argmax())

    return ask


@pytest.mark.parametrize("drawing", [ONE, SEVEN, ZERO], ids=["one", "seven", "zero"])
def test_an_image_is_like_those_of_the_data_set(drawing: Drawing) -> None:
    known = load_digits().images
    image = like_training_data(drawing)
    assert image.shape == (8, 8)
    assert set(np.unique(image)) <= set(range(17))
    assert image.sum() == pytest.approx(known.sum(axis=(1, 2)).mean(), rel=0.03)
    rows, columns = np.nonzero(image)
    assert (rows.min(), rows.max()) == (0, 7)
    assert abs(columns.min() + columns.max() - 7) <= 1
    assert columns.max() - columns.min() < 6


@pytest.mark.parametrize("scale", [0.15, 0.5])
@pytest.mark.parametrize("place", [(0, 0), (0.4, 0.1), (0.1, 0.4)])
def test_size_and_place_make_no_difference(scale: float, place: tuple[float, float]) -> None:
    image = like_training_data(moved(SEVEN, scale, *place))
    assert np.abs(image - like_training_data(SEVEN)).max() <= 1  # a pixel on the line's edge


@pytest.mark.parametrize(("digit", "drawing"), [(1, ONE), (7, SEVEN), (0, ZERO)])
@pytest.mark.parametrize("scale", [0.3, 0.9])
def test_the_model_reads_it(digit_of, digit: int, drawing: Drawing, scale: float) -> None:  # type: ignore[no-untyped-def]  # the fixture above
    assert digit_of(like_training_data(moved(drawing, scale, 0.02, 0.02))) == digit


def test_shrunk_alone_the_model_misreads_it(digit_of) -> None:  # type: ignore[no-untyped-def]  # the fixture above
    """Lesson 03 counts on it."""
    small = moved(SEVEN, 0.5, 0.05, 0.05)
    assert digit_of(like_training_data(small)) == 7
    assert digit_of(shrunk(SEVEN)) == 7
    assert digit_of(shrunk(small)) != 7
    assert shrunk(small)[:, 5:].sum() == 0  # still in the upper left


@pytest.mark.parametrize(
    ("digit", "cells"),
    [
        (1, "...#/...#/...#/...#/...#/...#/...#/...#"),
        (7, ".#####/.....#/....#/..####/...#/..#/..#"),
        (0, "..##/.#..#/.#..#/.#..#/.#..#/..##"),
        (4, "...#/..#/.#..#/#####/...#/...#"),
    ],
)
def test_the_model_reads_painted_cells(digit_of, digit: int, cells: str) -> None:  # type: ignore[no-untyped-def]  # the fixture above
    rows = enumerate(cells.split("/"))
    painted = [(row, at) for row, line in rows for at, mark in enumerate(line) if mark == "#"]
    assert digit_of(like_training_data(through_cells(painted))) == digit


def test_a_single_cell_is_a_dot() -> None:
    assert through_cells([(0, 7)]) == [[(7.5 / 8, 0.5 / 8)]]
    assert through_cells([(0, 0), (1, 1)])[0] == [(0.5 / 8, 0.5 / 8), (1.5 / 8, 1.5 / 8)]
    assert like_training_data(through_cells([(0, 7)])).sum() >= 311


@pytest.mark.parametrize("form", [like_training_data, shrunk])
@pytest.mark.parametrize("drawing", [[], [[]]])
def test_an_empty_page_is_refused(form, drawing: Drawing) -> None:  # type: ignore[no-untyped-def]  # one of two functions
    with pytest.raises(ValueError, match="draw a digit first"):
        form(drawing)
