"""Exercises of lesson 03: scoring script."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import requests
from sklearn.datasets import load_digits

from helpers.checks import Verdict, exercise, right, wrong

SEVEN_ROWS = {"data": [[[0] * 8] * 7]}


@exercise(
    "score.run(raw_data)['predictions'] has a dict for each digit, with its ten 'probabilities'.",
    "np.argsort(probabilities) sorts from the least probable digit to the most probable one; "
    "[::-1] turns that round.",
    "JSON knows no NumPy numbers: .tolist() makes plain ones.",
    solution="""
    def top_three(raw_data):
        predictions = score.run(raw_data)["predictions"]
        return {"top": [np.argsort(p["probabilities"])[::-1][:3].tolist() for p in predictions]}
    """,
)
def top_three(function: object, run: Callable[[str], Any]) -> Verdict:
    """Three digits for each one sent, most probable first; equal probabilities in any order."""
    if not callable(function):
        return wrong("top_three", function, "It should be a function: def top_three(raw_data).")
    raw_data = json.dumps({"data": load_digits().images[:20].tolist()})
    try:
        answer = function(raw_data)
    except Exception as error:
        return wrong("top_three(...)", error, "It raised this exception: try it on five digits.")
    if isinstance(answer, str):
        return wrong(
            "The type of top_three(...)", "str", "The server makes the JSON; return the dict."
        )
    try:
        top = json.loads(json.dumps(answer))["top"]
    except (TypeError, KeyError) as error:
        return wrong("top_three(...)", error, 'It should be a dict {"top": [...]} of plain lists.')
    predictions = run(raw_data)["predictions"]
    if len(top) != len(predictions):
        return wrong("len(top)", len(top), f"{len(predictions)} digits were sent.")
    for number, (best, prediction) in enumerate(zip(top, predictions, strict=True)):
        probabilities = np.array(prediction["probabilities"])
        if not isinstance(best, list) or len(set(best)) != 3 or not set(best) <= set(range(10)):
            return wrong(f"top[{number}]", best, "It should be three different digits.")
        if not np.array_equal(probabilities[best], np.sort(probabilities)[::-1][:3]):
            return wrong(
                f"top[{number}]", best, f"The most probable digits there: {_three(probabilities)}."
            )
    return right("Now a client can show a second guess when the first is doubtful.")


@exercise(
    "Look at the section about wrong requests: what did [[1, 2, 3]] get?",
    "The script cannot score it, and it is not the server that is at fault.",
    solution="status = 400",
)
def status(answer: object, url: str) -> Verdict:
    """The status that a running inference server gives a digit of seven rows."""
    if not isinstance(answer, int):
        return wrong("status", answer, "It should be a whole number, such as 200.")
    got = requests.post(url, json=SEVEN_ROWS, timeout=30)
    if answer != got.status_code:
        kind = {2: "means that all is well", 4: "blames the client", 5: "blames the server"}
        told = kind.get(answer // 100, "is rarely seen here")
        return wrong("status", answer, f"That {told}. Who made the mistake here?")
    return right(f"{got.status_code}: {got.json()['error']['message']}")


def _three(probabilities: np.ndarray[Any, np.dtype[np.float64]]) -> list[int]:
    best: list[int] = np.argsort(probabilities)[::-1][:3].tolist()
    return best
