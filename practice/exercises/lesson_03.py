"""Exercises of lesson 03: scoring script."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import requests
import torch
from sklearn.datasets import load_digits

from practice.exercises.checks import Verdict, exercise, right, wrong

HUNDRED = slice(100, 200)
ENOUGH = 90  # of the hundred


@exercise(
    "score.run(raw_data)['predictions'] has a dict for each digit, with its ten 'probabilities'.",
    "np.argsort(probabilities) sorts from the least probable digit to the most probable one; "
    "[::-1] turns it around.",
    "JSON has no NumPy numbers. .tolist() makes plain ones.",
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
        return wrong("top_three(...)", error, "It raised this exception. Try it on five digits.")
    if isinstance(answer, str):
        return wrong(
            "The type of top_three(...)", "str", "Return the dict. The server makes the JSON."
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
    return right("Now a client can offer a second guess when the first is doubtful.")


@exercise(
    "Two things differ: which end of the scale is ink, and how long the scale is.",
    "255 - photo makes ink the large number, but its values still go up to 255.",
    "The model's scale ends at 16: divide by 255 and multiply by 16, in this order. A byte ends at "
    "255 and starts again at 0, so don't multiply first, or use photo.astype(float).",
    solution="""
    def as_trained(photo):
        return (255 - photo) / 255 * 16
    """,
)
def as_trained(function: object, url: str) -> Verdict:
    """Photographed digits, turned into what the running server's model knows."""
    if not callable(function):
        return wrong("as_trained", function, "It should be a function: def as_trained(photo).")
    digits = load_digits()
    photos = np.round(255 - digits.images[HUNDRED] * 255 / 16).astype(np.uint8)
    images = [np.asarray(function(photo), dtype=float) for photo in photos]
    shapes = {image.shape for image in images}
    if shapes != {(8, 8)}:
        return wrong(
            "The shape of as_trained(photo)",
            shapes.pop(),
            "It should be (8, 8), like the photo's. Does the function return the image?",
        )
    answer = requests.post(url, json={"data": [image.tolist() for image in images]}, timeout=30)
    if not answer.ok:
        return wrong(
            "The server's answer",
            answer.status_code,
            f"It says: {answer.json()['error']['message']}",
        )
    read = [prediction["digit"] for prediction in answer.json()["predictions"]]
    correct = int(np.sum(read == digits.target[HUNDRED]))
    low, high = np.min(images), np.max(images)
    if correct < ENOUGH:
        return wrong(
            "The number of digits read right, of 100,",
            correct,
            f"Your images go from {low:.3g} to {high:.3g}, and the upper left corner, which is "
            f"paper, is {images[0][0, 0]:.3g}. Which values has the model seen there? (If the "
            "formula is right, think of the bytes: they can't hold more than 255.)",
        )
    return right(f"{correct} of 100 photographs are read right.")


@exercise(
    "Some layers behave differently while a network learns. Which ones are in network.py?",
    "A network starts out ready to learn. One call, once the numbers are loaded, ends that.",
    solution="""
    def steady():
        return moody().eval()
    """,
)
def steady(function: object) -> Verdict:
    """A function that returns the trained network, whose answers stay the same."""
    if not callable(function) or isinstance(function, torch.nn.Module):
        kind = type(function).__name__
        return wrong("The type of steady", kind, "It should be a function: def steady().")
    model = function()
    if not isinstance(model, torch.nn.Module):
        return wrong("steady()", model, "It should return the model.")
    digits = load_digits()
    images = torch.from_numpy(digits.images[HUNDRED].astype(np.float32))
    with torch.inference_mode():
        first, second = model(images), model(images)
    changed = int((first.argmax(dim=1) != second.argmax(dim=1)).sum())
    if not torch.equal(first, second):
        return wrong(
            "The number of digits, of 100, that it read differently the second time,",
            changed,
            "Even where the digit stayed the same, its probabilities changed. Something in the "
            "network is still random.",
        )
    correct = int(np.sum(first.argmax(dim=1).numpy() == digits.target[HUNDRED]))
    if correct < ENOUGH:
        return wrong(
            "The number of digits read right, of 100,",
            correct,
            "It's steady now, but is it still the trained model?",
        )
    return right(f"It reads {correct} of 100 digits right, and says the same every time.")


def _three(probabilities: np.ndarray[Any, np.dtype[np.float64]]) -> list[int]:
    best: list[int] = np.argsort(probabilities)[::-1][:3].tolist()
    return best
