"""Asks deployments to name digits whose truth is known, and keeps what each of them answers."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle, islice

import requests

TIMEOUT = 60  # seconds that an answer may take
NO_ANSWER = 0  # in place of a status


@dataclass(frozen=True)
class Example:
    """A digit, 8 rows of 8 numbers from 0 to 16, and what was written."""

    image: Sequence[Sequence[float]]
    truth: int


@dataclass(frozen=True)
class Answer:
    """What came back for one example: the HTTP status, after so many seconds, and the digit named.

    `digit` is None unless the status is 200 and the body has the right form. The status is
    NO_ANSWER when the connection failed or nothing came in time.
    """

    status: int
    seconds: float
    digit: int | None
    truth: int


class ScoringClient:
    """Sends examples to chosen deployments of an endpoint, over one connection."""

    def __init__(self, scoring_uri: str, key: str) -> None:
        self.scoring_uri = scoring_uri
        self.session = requests.Session()
        self.session.headers["Authorization"] = f"Bearer {key}"

    def ask(self, deployment: str, example: Example) -> Answer:
        """Ask one deployment by its name, whatever its share of the traffic is."""
        began = time.perf_counter()
        try:
            response = self.session.post(
                self.scoring_uri,
                json={"data": [example.image]},
                headers={"azureml-model-deployment": deployment},
                timeout=TIMEOUT,
            )
        except requests.RequestException:
            return Answer(NO_ANSWER, time.perf_counter() - began, None, example.truth)
        seconds = time.perf_counter() - began
        digit = read_digit(response) if response.status_code == 200 else None
        return Answer(response.status_code, seconds, digit, example.truth)

    def compare(
        self, deployments: Sequence[str], examples: Sequence[Example], count: int
    ) -> Mapping[str, list[Answer]]:
        """Ask each deployment `count` times, in turns: what slows one down, slows all down."""
        answers: dict[str, list[Answer]] = {name: [] for name in deployments}
        for example in islice(cycle(examples), count):
            for name in deployments:
                answers[name].append(self.ask(name, example))
        return answers


def read_digit(response: requests.Response) -> int | None:
    """Return the digit that an answer names, or None when it has not the form of an answer."""
    try:
        [prediction] = response.json()["predictions"]
        digit, probabilities = prediction["digit"], prediction["probabilities"]
        good = (
            digit in range(10) and len(probabilities) == 10 and abs(sum(probabilities) - 1) < 0.01
        )
    except (ValueError, KeyError, TypeError):
        return None
    return int(digit) if good else None
