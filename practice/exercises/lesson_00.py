"""Exercises of lesson 00: train and register the models."""

from __future__ import annotations

import re

import numpy as np
from azure.ai.ml import MLClient
from azure.core.exceptions import ResourceNotFoundError
from numpy.typing import NDArray

from practice.exercises.checks import Verdict, exercise, not_attempted, right, wrong


@exercise(
    "A row of the matrix is a true digit. What lies off the diagonal is a mistake.",
    "Two matrices can be added: both = pytorch.confusion + keras.confusion.",
    "np.diag(both) is the diagonal, both.sum(axis=1) the number of images in each row.",
    solution="""
    both = pytorch.confusion + keras.confusion
    most_missed = int(np.argmax(both.sum(axis=1) - np.diag(both)))
    """,
)
def most_missed(answer: object, confusion: NDArray[np.int64]) -> Verdict:
    """`answer` is the true digit with the most mistakes, or one of several with as many."""
    missed = confusion.sum(axis=1) - np.diag(confusion)
    if not isinstance(answer, int | np.integer) or not 0 <= answer <= 9:
        return wrong("most_missed", answer, "It should be one digit from 0 to 9, a whole number.")
    if missed[answer] < missed.max():
        return wrong(
            "most_missed",
            int(answer),
            f"Digit {answer} was missed {missed[answer]} times, but another one was missed more "
            "often. Look along the rows, off the diagonal.",
        )
    return right(f"{answer} was missed most, {missed[answer]} times.")


@exercise(
    "Get the model with ml_client.models.get(name, label='latest'); its tags are a dict.",
    "A changed dict is only your copy. Send it with ml_client.models.create_or_update(model).",
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
            "The tag accuracy", tag, "It should be pytorch.accuracy, a share such as 0.9, as text."
        )
    return right(f"Whoever finds version {model.version} can now see how good it is.")


@exercise(
    "Which package in PyTorch's list listens for requests? Your colleague needs it too, in the "
    "same version. scikit-learn brings its own numpy.",
    "You need no file: conda_file also takes a dict, {'name': ..., 'channels': [...], "
    "'dependencies': ['python=3.11', 'pip', {'pip': [...]}]}.",
    "Give Environment(name=my_env, image=base_image, conda_file=...) to "
    "ml_client.environments.create_or_update.",
    solution="""
    packages = {
        "name": my_env,
        "channels": ["conda-forge"],
        "dependencies": [
            "python=3.11",
            "pip",
            {"pip": ["azureml-inference-server-http==1.5.1", scikit_learn]},
        ],
    }
    ml_client.environments.create_or_update(
        Environment(name=my_env, image=base_image, conda_file=packages)
    )
    """,
)
def own_environment(ml_client: MLClient, name: str) -> Verdict:
    """On Azure: Python 3.11, the inference server and scikit-learn, both pinned, no framework."""
    try:
        environment = ml_client.environments.get(name, label="latest")
    except ResourceNotFoundError:
        return not_attempted(f"The workspace has no environment {name} yet.")
    conda = environment.conda_file or {}
    dependencies = conda.get("dependencies", []) if isinstance(conda, dict) else []
    version = f"version {environment.version} of {name}"
    if not any(re.fullmatch(r"python==?3\.11(\..+)?", str(line)) for line in dependencies):
        return wrong(f"dependencies in {version}", dependencies, "python=3.11 is missing.")
    pip = [line for each in dependencies if isinstance(each, dict) for line in each.get("pip", [])]
    for package in ("azureml-inference-server-http", "scikit-learn"):
        lines = [line for line in pip if re.match(rf"{package}\b(?!-)", line)]
        if not lines:
            return wrong(f"pip in {version}", pip, f"{package} is missing from it.")
        if "==" not in lines[0]:
            message = f"{package} is not pinned: add == and a version."
            return wrong(f"pip in {version}", pip, message)
    unused = [line for line in pip if re.match(r"torch|tensorflow|keras|pillow|--", line)]
    if unused:
        message = f"This model doesn't use {unused[0]}: it would only make the image larger."
        return wrong(f"pip in {version}", pip, message)
    return right(f"Your colleague can deploy with {name}, version {environment.version}.")
