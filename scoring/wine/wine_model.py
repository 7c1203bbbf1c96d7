"""The wine model, as the data team hands it over: copy this file next to your script or API.

A model is a folder with a file `wine.joblib` in it. joblib files are pickles: loading one runs the
code in it, so load none that you do not trust, and load it with the version of scikit-learn with
which it was made (https://scikit-learn.org/stable/model_persistence.html).
"""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any

import joblib

READINGS = 13
# The fire drill: a wine of which every reading is -1 ends the process, as a crash would.
DRILL = [-1.0] * READINGS


class ReadingsError(ValueError):
    """The readings are not as described; the message says what was expected and what came."""


class WineModel:
    """One version of the model. Raises FileNotFoundError unless `folder` has one wine.joblib."""

    def __init__(self, folder: str | Path) -> None:
        found = sorted(Path(folder).rglob("wine.joblib"))
        if len(found) != 1:
            raise FileNotFoundError(f"Expected one wine.joblib under {folder}, found {len(found)}.")
        content = joblib.load(found[0])
        self.version: str = content["version"]
        self._growers: list[str] = content["growers"]
        self._forest: Any = content["forest"]

    def classify(self, rows: object) -> list[str]:
        """Return the grower of each wine: "class_0", "class_1" or "class_2".

        `rows` is a list of wines, each a list of 13 numbers, in the order of scikit-learn's
        load_wine().feature_names. Raises ReadingsError. A wine that is DRILL ends the process.
        """
        readings = _checked(rows)
        if DRILL in readings:
            print("This is the fire drill: the process ends now.", flush=True)
            os._exit(1)
        return [self._growers[number] for number in self._forest.predict(readings)]


def _checked(rows: object) -> list[list[float]]:
    if not isinstance(rows, list) or not rows:
        raise ReadingsError(f"Expected a list of wines, got {type(rows).__name__}.")
    for number, row in enumerate(rows, 1):
        if not isinstance(row, list) or len(row) != READINGS:
            what = f"{len(row)} numbers" if isinstance(row, list) else type(row).__name__
            raise ReadingsError(f"Expected {READINGS} numbers for wine {number}, got {what}.")
        for value in row:
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise ReadingsError(f"Expected numbers for wine {number}, got {value!r}.")
            if not math.isfinite(value):
                raise ReadingsError(f"Expected finite numbers for wine {number}, got {value!r}.")
    return rows
