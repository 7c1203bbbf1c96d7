"""Exercises of lesson 04: deployment."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import requests
from azure.ai.ml import MLClient
from azure.ai.ml.entities import EndpointAuthKeys
from azure.core.exceptions import ResourceNotFoundError
from sklearn.datasets import load_digits

from practice.exercises.checks import Verdict, exercise, not_attempted, right, wrong

SCORING = Path(__file__).parent.parent.parent / "scoring" / "pytorch"
RIGHT_PATTERN, WRONG_PATTERN = 'rglob("*.pt")', 'rglob("*.pth")'


@exercise(
    "ask(keys.primary_key, {'data': images[:100].tolist()}) brings all hundred in one answer.",
    "Make a list of the highest probability of each digit; "
    "highest.index(min(highest)) is where the smallest of them is.",
    solution="""
    answer = ask(keys.primary_key, {"data": images[:100].tolist()}).json()
    highest = [max(prediction["probabilities"]) for prediction in answer["predictions"]]
    least_sure = highest.index(min(highest))
    """,
)
def least_sure(ml_client: MLClient, endpoint_name: str, answer: object) -> Verdict:
    """The index of the digit, among the first hundred, that the endpoint is least sure about."""
    if not isinstance(answer, int | np.integer) or not 0 <= answer < 100:
        return wrong("least_sure", answer, "It should be an index from 0 to 99, a whole number.")
    highest = _highest_probabilities(ml_client, endpoint_name)
    if highest[answer] > min(highest):
        return wrong(
            "least_sure",
            int(answer),
            f"The endpoint gives that digit {highest[answer]:.1%}, and another one less.",
        )
    return right(f"Digit number {answer} gets no more than {highest[answer]:.1%}. Draw it!")


def copy_with_a_mistake(folder: Path) -> None:
    """Copy the PyTorch scoring script to `folder`, and put the exercise's mistake into it."""
    shutil.copytree(SCORING, folder, dirs_exist_ok=True)
    script = folder / "score.py"
    script.write_text((SCORING / "score.py").read_text().replace(RIGHT_PATTERN, WRONG_PATTERN))


@exercise(
    'Run bring_up("mystery", build / "mystery"), then telling_lines("mystery"): the last line is '
    "the exception, and the line before it says where it was raised.",
    "No file was found. Lesson 00 saved the model as digits.pt. What does model_file() look for?",
    'rglob("*.pth") finds files that end in .pth. Write the pattern that finds digits.pt.',
    solution="""
    script = build / "mystery" / "score.py"
    script.write_text(script.read_text().replace("*.pth", "*.pt"))
    bring_up("mystery", build / "mystery")
    """,
)
def mystery(ml_client: MLClient, endpoint_name: str) -> Verdict:
    """The deployment `mystery` on Azure is up, and reads digits."""
    try:
        state = ml_client.online_deployments.get("mystery", endpoint_name).provisioning_state
    except ResourceNotFoundError:
        return not_attempted("On Azure, there is no deployment mystery yet.")
    if state != "Succeeded":
        return wrong(
            "The state of mystery on Azure",
            state,
            "Look at the last lines of telling_lines('mystery').",
        )
    answer = _ask(ml_client, endpoint_name, **{"azureml-model-deployment": "mystery"})
    if answer.status_code != 200:
        return wrong(
            "The status with which mystery answers",
            answer.status_code,
            "It is up, but run() fails. Was the mistake repaired, or only hidden?",
        )
    digits = [prediction["digit"] for prediction in answer.json()["predictions"]]
    count = int(np.sum(np.array(digits) == load_digits().target[:100]))
    if count < 90:
        return wrong(
            "The number of digits of 100 that mystery reads right",
            count,
            "It answers, but not with the registered model. Does init() still load it?",
        )
    return right(f"mystery reads {count} of 100 digits right.")


@exercise(
    "It is the same call as for the primary key, with another key_type.",
    'key_type="secondary". It is a long operation, so wait for it.',
    solution="""
    wait(
        ml_client.online_endpoints.begin_regenerate_keys(
            name=endpoint_name, key_type="secondary"
        ),
        "new secondary key",
    )
    """,
)
def other_key(ml_client: MLClient, endpoint_name: str, before: EndpointAuthKeys) -> Verdict:
    """The secondary key has changed since `before`, and the primary one has not."""
    now = ml_client.online_endpoints.get_keys(endpoint_name)
    if now.primary_key != before.primary_key:
        return wrong(
            "The primary key",
            "new",
            "Look at key_type. Then run keys = ml_client.online_endpoints.get_keys(endpoint_name) "
            "and try again.",
        )
    if now.secondary_key == before.secondary_key:
        return not_attempted("The secondary key is still the old one.")
    return right("Clients with the primary key noticed nothing.")


def _highest_probabilities(ml_client: MLClient, endpoint_name: str) -> list[float]:
    response = _ask(ml_client, endpoint_name)
    response.raise_for_status()
    return [max(prediction["probabilities"]) for prediction in response.json()["predictions"]]


def _ask(ml_client: MLClient, endpoint_name: str, **headers: str) -> requests.Response:
    """Send the first hundred digits, with these headers besides the key."""
    endpoint = ml_client.online_endpoints.get(endpoint_name)
    key = ml_client.online_endpoints.get_keys(endpoint_name).primary_key
    return requests.post(
        endpoint.scoring_uri,
        json={"data": load_digits().images[:100].tolist()},
        headers={"Authorization": f"Bearer {key}", **headers},
        timeout=60,
    )
