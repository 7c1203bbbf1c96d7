"""Exercises of lesson 04: deployment."""

from __future__ import annotations

import numpy as np
import requests
from azure.ai.ml import MLClient
from azure.ai.ml.entities import EndpointAuthKeys
from sklearn.datasets import load_digits

from helpers.checks import Verdict, exercise, not_attempted, right, wrong

DEFAULT_TIMEOUT, WANTED_TIMEOUT = 5_000, 10_000  # milliseconds


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


@exercise(
    "ml_client.online_deployments.get('blue', endpoint_name).request_settings has it.",
    "It is called request_timeout_ms: milliseconds. Then begin_create_or_update, and wait.",
    solution="""
    blue = ml_client.online_deployments.get("blue", endpoint_name)
    blue.request_settings.request_timeout_ms = 10_000
    wait(ml_client.online_deployments.begin_create_or_update(blue), "blue")
    """,
)
def patience(ml_client: MLClient, endpoint_name: str) -> Verdict:
    """Blue's request timeout on Azure is ten seconds."""
    blue = ml_client.online_deployments.get("blue", endpoint_name)
    timeout = blue.request_settings.request_timeout_ms
    if timeout == DEFAULT_TIMEOUT:
        return not_attempted("blue on Azure still waits for 5 seconds.")
    if timeout != WANTED_TIMEOUT:
        return wrong(
            "request_timeout_ms of blue",
            timeout,
            "Ten seconds are wanted, and a second has 1,000 milliseconds.",
        )
    return right("blue now has ten seconds for each request.")


@exercise(
    "It is the same call as for the primary key, with another key_type.",
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
    endpoint = ml_client.online_endpoints.get(endpoint_name)
    key = ml_client.online_endpoints.get_keys(endpoint_name).primary_key
    response = requests.post(
        endpoint.scoring_uri,
        json={"data": load_digits().images[:100].tolist()},
        headers={"Authorization": f"Bearer {key}"},
        timeout=60,
    )
    response.raise_for_status()
    return [max(prediction["probabilities"]) for prediction in response.json()["predictions"]]
