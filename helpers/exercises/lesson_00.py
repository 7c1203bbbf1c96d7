"""Exercises of lesson 00: train and register the models."""

from __future__ import annotations

import numpy as np
from azure.ai.ml import MLClient
from numpy.typing import NDArray

from helpers.checks import Verdict, exercise, not_attempted, right, wrong


@exercise(
    "A row of the matrix is a true digit. What lies off the diagonal is a mistake.",
    "np.diag(matrix) is the diagonal, matrix.sum(axis=1) the number of images in each row.",
    solution="most_missed = int(np.argmax(keras.confusion.sum(axis=1) - np.diag(keras.confusion)))",
)
def most_missed(answer: object, confusion: NDArray[np.int64]) -> Verdict:
    """The true digit with most mistakes; any of them when several have as many."""
    missed = confusion.sum(axis=1) - np.diag(confusion)
    if not isinstance(answer, int | np.integer) or not 0 <= answer <= 9:
        return wrong("most_missed", answer, "It should be one digit from 0 to 9, a whole number.")
    if missed[answer] < missed.max():
        return wrong(
            "most_missed",
            int(answer),
            f"That digit was missed {missed[answer]} times, and another one more often: "
            "look along the rows, off the diagonal.",
        )
    return right(f"{answer} was missed most, {missed[answer]} times.")


@exercise(
    "Get the model with ml_client.models.get(name, label='latest'); its tags are a dict.",
    "Changing the dict changes only your copy. Send it with ml_client.models.create_or_update.",
    solution="""
    model = ml_client.models.get("digits-pytorch", label="latest")
    model.tags["accuracy"] = str(round(pytorch.accuracy, 4))
    ml_client.models.create_or_update(model)
    """,
)
def accuracy_tag(ml_client: MLClient, accuracy: float) -> Verdict:
    """The latest version of digits-pytorch has its accuracy as a tag."""
    model = ml_client.models.get("digits-pytorch", label="latest")
    tag = model.tags.get("accuracy")
    if tag is None:
        return not_attempted(
            f"Version {model.version} of digits-pytorch in the workspace has no tag accuracy."
        )
    try:
        near = abs(float(tag) - accuracy) < 0.0001
    except ValueError:
        near = False
    if not near:
        return wrong(
            "The tag accuracy", tag, "Look at pytorch.accuracy: a share, such as 0.9, as text."
        )
    return right(f"Whoever finds version {model.version} can now see how good it is.")
