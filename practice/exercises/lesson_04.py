"""Exercises of lesson 04: deployment."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import requests
from azure.ai.ml import MLClient
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
            f"The endpoint gives that digit {highest[answer]:.1%}, and another one even less.",
        )
    return right(f"Digit number {answer} gets no more than {highest[answer]:.1%}. Look at it!")


def copy_with_a_mistake(folder: Path) -> None:
    """Copy the PyTorch scoring script to `folder`, and put the exercise's mistake into it."""
    shutil.copytree(SCORING, folder, dirs_exist_ok=True)
    script = folder / "score.py"
    script.write_text((SCORING / "score.py").read_text().replace(RIGHT_PATTERN, WRONG_PATTERN))


@exercise(
    'Run bring_up("mystery", build / "mystery"), then LogPane(get_log("mystery")). Look for the '
    "traceback, and in it for the last step that is in score.py.",
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
        return not_attempted("Azure has no deployment mystery yet.")
    if state != "Succeeded":
        return wrong(
            "The state of mystery on Azure",
            state,
            "Look at the traceback in LogPane(get_log('mystery')).",
        )
    answer = _ask(ml_client, endpoint_name, **{"azureml-model-deployment": "mystery"})
    if answer.status_code != 200:
        return wrong(
            "The status with which mystery answers",
            answer.status_code,
            "It's up, but run() fails. Did you repair the mistake, or only hide it?",
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


class KeyHolder:
    """A client that holds one key of an endpoint, at first the primary one.

    `before` has the endpoint's keys of that time; `refused` counts the 401s that the client got.
    """

    def __init__(self, ml_client: MLClient, endpoint_name: str) -> None:
        self.uri = ml_client.online_endpoints.get(endpoint_name).scoring_uri
        self.before = ml_client.online_endpoints.get_keys(endpoint_name)
        self.refused = 0
        self._key = str(self.before.primary_key)

    @property
    def key(self) -> str:
        return self._key

    @key.setter
    def key(self, new: str) -> None:
        self.ask()
        self._key = new

    def ask(self) -> None:
        """Ask for one digit with the key that the client holds, and count it when refused."""
        headers = {"Authorization": f"Bearer {self._key}"}
        body = {"data": [[0] * 64]}
        answer = requests.post(self.uri, json=body, headers=headers, timeout=60)
        self.refused += answer.status_code == 401


@exercise(
    "The client holds the primary key. Which key can you replace without it noticing?",
    "Give the client the new secondary key: client.key = "
    "ml_client.online_endpoints.get_keys(endpoint_name).secondary_key. Then nobody holds the "
    "primary key any more.",
    solution="""
    def renew(key_type):
        wait(
            ml_client.online_endpoints.begin_regenerate_keys(
                name=endpoint_name, key_type=key_type
            ),
            f"new {key_type} key",
        )
        return ml_client.online_endpoints.get_keys(name=endpoint_name)

    client.key = renew("secondary").secondary_key
    keys = renew("primary")
    """,
)
def both_keys(ml_client: MLClient, endpoint_name: str, client: KeyHolder) -> Verdict:
    """Both keys are new, and the client, which holds one of them, was never refused."""
    now = ml_client.online_endpoints.get_keys(endpoint_name)
    client.ask()
    if client.refused:
        return wrong(
            "The number of times that the client was refused",
            client.refused,
            "It held a key that was no longer valid. Which key can you replace while it holds the "
            "primary one? Run the cell above again to start with a new client.",
        )
    leaked = {client.before.primary_key, client.before.secondary_key}
    kinds = {"primary": now.primary_key, "secondary": now.secondary_key}
    old = [kind for kind, key in kinds.items() if key in leaked]
    if len(old) == 2:
        return not_attempted("Both keys are still the old ones.")
    if old:
        return wrong("The key that is still the old one", old[0], "Both have leaked.")
    return right("Both keys are new, and the client noticed nothing.")


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
