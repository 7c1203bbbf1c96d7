"""Exercises of lesson 05: traffic."""

from __future__ import annotations

import numpy as np
from azure.ai.ml import MLClient

from practice.exercises.checks import Verdict, exercise, not_attempted, right, wrong

ALL_BLUE = {"blue": 100}
DEFAULT_TIMEOUT, WANTED_TIMEOUT = 5_000, 10_000  # milliseconds


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
    "binom.interval(0.99, 400, 0.2) gives the two numbers between which chance stays.",
    "Is 110 between them?",
    solution="""
    low, high = binom.interval(0.99, 400, 0.2)
    still_chance = low <= 110 <= high
    """,
)
def still_chance(answer: object) -> Verdict:
    """110 of 400 is far outside of the band for 20 per cent, which is 60 to 101."""
    if not isinstance(answer, bool | np.bool_):
        return wrong("still_chance", answer, "It should be True or False.")
    if answer:
        return wrong(
            "still_chance",
            bool(answer),
            "Work out the band for 400 requests and 20 per cent: is 110 in?",
        )
    return right("Chance would stay between 60 and 101. Somebody should look at the traffic rule.")


@exercise(
    "Copies are mirror_traffic, in per cent of the requests.",
    "green can have real traffic or copies, not both: set traffic and mirror_traffic in one go.",
    solution="""
    endpoint = ml_client.online_endpoints.get(endpoint_name)
    endpoint.traffic = {"blue": 100}
    endpoint.mirror_traffic = {"green": 25}
    wait(ml_client.online_endpoints.begin_create_or_update(endpoint), endpoint_name)
    """,
)
def copies(ml_client: MLClient, endpoint_name: str) -> Verdict:
    """On Azure, blue has all the traffic and 25 per cent of it are mirrored to green."""
    traffic, mirrored = _traffic(ml_client, endpoint_name)
    if not mirrored:
        return not_attempted("On Azure, nothing is mirrored.")
    if mirrored != {"green": 25}:
        return wrong(
            "mirror_traffic on Azure", mirrored, "A quarter of the requests is 25 per cent."
        )
    if traffic != ALL_BLUE:
        return wrong("The traffic on Azure", traffic, "blue should answer everything.")
    return right("green sees a quarter of the requests, and no client sees its answers.")


def _traffic(ml_client: MLClient, endpoint_name: str) -> tuple[dict[str, int], dict[str, int]]:
    """Return the traffic and the mirrored traffic that Azure has."""
    endpoint = ml_client.online_endpoints.get(endpoint_name)
    return _above_zero(endpoint.traffic), _above_zero(endpoint.mirror_traffic or {})


def _above_zero(shares: dict[str, int]) -> dict[str, int]:
    return {name: share for name, share in shares.items() if share}
