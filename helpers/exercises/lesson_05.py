"""Exercises of lesson 05: traffic."""

from __future__ import annotations

from azure.ai.ml import MLClient

from helpers.checks import Verdict, exercise, not_attempted, right, wrong

ALL_BLUE = {"blue": 100}


@exercise(
    "The function split in this lesson sets the traffic and waits.",
    "The shares have to add up to 100.",
    solution="split(blue=80, green=20)",
)
def one_in_five(ml_client: MLClient, endpoint_name: str) -> Verdict:
    """On Azure, 80 per cent go to blue and 20 to green."""
    traffic, _ = _traffic(ml_client, endpoint_name)
    if traffic == {"blue": 80, "green": 20}:
        return right("On Azure, green has 20 per cent.")
    if traffic == ALL_BLUE:
        return not_attempted("On Azure, blue still has all the traffic.")
    return wrong("The traffic on Azure", traffic, "One request in five is 20 per cent of them.")


@exercise(
    "binom.interval(0.99, 400, 0.2) gives the two numbers between which chance stays.",
    "Is 110 between them?",
    solution="""
    low, high = binom.interval(0.99, 400, 0.2)
    still_chance = bool(low <= 110 <= high)
    """,
)
def still_chance(answer: object) -> Verdict:
    """110 of 400 is far outside of the band for 20 per cent, which is 60 to 101."""
    if not isinstance(answer, bool):
        return wrong("still_chance", answer, "It should be True or False.")
    if answer:
        return wrong(
            "still_chance", answer, "Work out the band for 400 requests and 20 per cent: is 110 in?"
        )
    return right("Chance would stay between 60 and 101. Somebody should look at the traffic rule.")


@exercise(
    "Copies are mirror_traffic; every fourth request is 25 per cent.",
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
        return wrong("mirror_traffic on Azure", mirrored, "Every fourth request is 25 per cent.")
    if traffic != ALL_BLUE:
        return wrong("The traffic on Azure", traffic, "blue should answer everything.")
    return right("green sees a quarter of the requests, and no client sees its answers.")


def _traffic(ml_client: MLClient, endpoint_name: str) -> tuple[dict[str, int], dict[str, int]]:
    """The traffic and the mirrored traffic that Azure has."""
    endpoint = ml_client.online_endpoints.get(endpoint_name)
    return _above_zero(endpoint.traffic), _above_zero(endpoint.mirror_traffic or {})


def _above_zero(shares: dict[str, int]) -> dict[str, int]:
    return {name: share for name, share in shares.items() if share}
