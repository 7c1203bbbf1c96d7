"""A pad to draw a digit on, in a notebook.

pad = DrawingPad(classify)   # image (8, 8), values 0 to 16 -> ten probabilities
pad
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from textwrap import shorten
from typing import Any

import numpy as np
import requests
import traitlets
from numpy.typing import NDArray

from practice.widgets.drawing import Image, Point, Stroke, like_training_data, through_cells
from practice.widgets.widget import FOLDER, Widget, script

Classify = Callable[[Image], Sequence[float] | NDArray[Any]]
INVITATION = "In Jupyter, run this cell and draw a digit: with mouse, pen, finger or arrow keys."
SEE_ALL = "Try classify(pad.image) in a cell of its own to see all of it."


class DrawingPad(Widget):
    """Asks `classify` about each drawing and shows the digit with the ten probabilities.

    `classify` gets an image (8, 8) of floats from 0 to 16 and returns ten probabilities. What it
    raises is shown under the pad. After a drawing `strokes`, `image` and `probabilities` are those
    of the drawing; before, they are empty or None.
    """

    _esm = script("pad.js")
    _css = FOLDER / "pad.css"

    # From the browser: number (so that each drawing is a new one), strokes, cells.
    drawing = traitlets.Dict().tag(sync=True)
    # To the browser: the drawing's number, image, and either probabilities or error.
    answer = traitlets.Dict().tag(sync=True)

    def __init__(self, classify: Classify) -> None:
        super().__init__()
        self.classify = classify
        self.strokes: list[list[Point]] = []
        self.image: Image | None = None
        self.probabilities: NDArray[np.float64] | None = None
        self.observe(self._ask, "drawing")

    def draw(self, strokes: Sequence[Stroke]) -> None:
        """Draw as a hand would, where there are no widgets. Points: 0 to 1, right and down."""
        plain = [[(float(right), float(down)) for right, down in each] for each in strokes]
        number = self.drawing.get("number", 0) + 1
        self.drawing = {"number": number, "strokes": plain, "cells": []}

    def _ask(self, change: Any) -> None:
        drawing = change.new
        self.strokes = [[(x, y) for x, y in each] for each in drawing["strokes"] if each]
        self.strokes += through_cells((row, column) for row, column in drawing["cells"])
        self.image = self.probabilities = None
        answer: dict[str, Any] = {"number": drawing["number"]}
        if self.strokes:
            self.image = like_training_data(self.strokes)
            answer["image"] = self.image.ravel().tolist()
            answer |= self._answer(self.image)
        self.answer = answer

    def _answer(self, image: Image) -> dict[str, Any]:
        try:
            probabilities = np.asarray(self.classify(image), dtype=float)
        except requests.ConnectionError:
            return {
                "error": "Nothing answers at the address that classify asks. Run the cells that "
                "start it, then draw again."
            }
        except Exception as error:  # whatever a learner's function raises is to be shown
            told = shorten(f"{type(error).__name__}: {error}", 300, placeholder=" ...")
            return {"error": f"classify(image) raised {told}. {SEE_ALL}"}
        if probabilities.shape != (10,) or not np.all((probabilities >= 0) & (probabilities <= 1)):
            told = shorten(repr(probabilities.tolist()), 100, placeholder=" ...")
            return {"error": f"classify(image) returned no ten probabilities but {told}. {SEE_ALL}"}
        self.probabilities = probabilities
        return {"probabilities": probabilities.tolist()}

    def as_text(self) -> str:
        if self.probabilities is None:
            return str(self.answer.get("error", f"A drawing pad. {INVITATION}"))
        best = int(self.probabilities.argmax())
        return f"It looks like a {best} ({self.probabilities[best]:.1%})."

    def as_html(self) -> str:
        return f"<p><strong>Drawing pad.</strong> <em>{INVITATION}</em></p>"
