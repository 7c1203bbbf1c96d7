"""The drawing pad's kernel side: what is asked, answered and stored."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import requests

from practice.widgets.drawing import SEVEN, like_training_data
from practice.widgets.pad import DrawingPad

TEN = [0.01] * 7 + [0.91] + [0.01] * 2


def test_a_drawing_is_classified_in_the_data_sets_form() -> None:
    asked = []

    def classify(image: Any) -> list[float]:
        asked.append(image)
        return TEN

    pad = DrawingPad(classify)
    assert (pad.strokes, pad.image, pad.probabilities) == ([], None, None)
    pad.draw(SEVEN)
    (image,) = asked
    np.testing.assert_array_equal(image, like_training_data(SEVEN))
    np.testing.assert_array_equal(pad.image, image)
    np.testing.assert_array_equal(pad.probabilities, TEN)
    assert pad.strokes == SEVEN
    assert pad.answer == {"number": 1, "image": image.ravel().tolist(), "probabilities": TEN}
    assert repr(pad) == "It looks like a 7 (91.0%)."
    pad.draw(SEVEN)  # the same again is asked again
    assert len(asked) == 2
    assert pad.answer["number"] == 2


def test_what_the_browser_sends_and_a_cleared_paper() -> None:
    pad = DrawingPad(lambda image: TEN)
    pad.drawing = {"number": 1, "strokes": [[[0.5, 0.1], [0.5, 0.9]]], "cells": [[0, 0], [0, 1]]}
    assert pad.strokes == [
        [(0.5, 0.1), (0.5, 0.9)],
        [(0.0625, 0.0625), (0.1875, 0.0625)],
        [(0.1875, 0.0625)],
    ]
    pad.drawing = {"number": 2, "strokes": [], "cells": []}
    assert (pad.strokes, pad.image, pad.probabilities) == ([], None, None)
    assert pad.answer == {"number": 2}


def failing(error: Exception) -> Any:
    def classify(image: Any) -> list[float]:
        raise error

    return classify


@pytest.mark.parametrize(
    ("classify", "told"),
    [
        (failing(KeyError("predictions")), "raised KeyError: 'predictions'. Try classify(pad.im"),
        (failing(requests.ConnectionError("x")), "Nothing answers at the address that classify"),
        (failing(ValueError("long " * 200)), "[...]. Try"),
        (lambda image: [0.5, 0.5], "returned no ten probabilities but [0.5, 0.5]. Try"),
        (lambda image: [2.0] * 10, "returned no ten probabilities but [2.0,"),
        (lambda image: None, "returned no ten probabilities but nan"),
        (lambda image: [float("nan")] * 10, "returned no ten probabilities but [nan,"),
        (lambda image: {"digit": 7}, "raised TypeError"),
    ],
)
def test_an_error_is_told_with_what_to_do(classify: Any, told: str) -> None:
    pad = DrawingPad(classify)
    pad.draw(SEVEN)
    assert told.replace("[...]", "...") in pad.answer["error"]
    assert "probabilities" not in pad.answer
    assert pad.image is not None
    assert pad.probabilities is None
    assert repr(pad) == pad.answer["error"]


def test_without_widgets_it_says_what_it_is() -> None:
    data, _ = DrawingPad(lambda image: TEN)._repr_mimebundle_()
    assert data["text/plain"].startswith("A drawing pad. In Jupyter, run this cell and draw")
    assert data["text/html"].startswith("<p><strong>Drawing pad.</strong> <em>In Jupyter")
