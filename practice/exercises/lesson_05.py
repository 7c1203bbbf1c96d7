"""Exercises of lesson 05: traffic."""

from __future__ import annotations

import numpy as np
from azure.ai.ml import MLClient

from practice.exercises.checks import Verdict, exercise, not_attempted, right, wrong

ALL_BLUE = {"blue": 100}
PYTORCH, KERAS = "digits-pytorch", "digits-keras"


@exercise(
    "program('--help') lists the options. Which one chooses the model, and which one names the "
    "deployment?",
    "Without a name, the program changes blue. You want another deployment beside it.",
    solution="""
    program(my_endpoint, "--framework", "keras", "--deployment", "green")
    """,
)
def by_program(ml_client: MLClient, endpoint_name: str) -> Verdict:
    """On Azure, green has the Keras model and all the traffic, and blue is as it was."""
    models = {
        each.name: str(each.model).rpartition("/models/")[2].partition("/")[0]
        for each in ml_client.online_deployments.list(endpoint_name)
    }
    if models == {"blue": PYTORCH}:
        return not_attempted(f"Behind {endpoint_name} there is still only blue.")
    if models.get("blue") != PYTORCH:
        return wrong(
            "The model of blue on Azure",
            models.get("blue"),
            f"It should still be {PYTORCH}: now there is nothing to go back to. Run the program "
            "once more as the lesson did, and then give it another name for the deployment.",
        )
    if models.get("green") != KERAS:
        return wrong("The models on Azure", models, f"green should have {KERAS}.")
    traffic, _ = _traffic(ml_client, endpoint_name)
    if traffic != {"green": 100}:
        return wrong("The traffic on Azure", traffic, "green should have all of it.")
    return right("green answers everything, and blue is ready in case you want to go back.")


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
            "Work out the band for 400 requests and 20 per cent. Is 110 in it?",
        )
    return right("Chance stays between 60 and 101. Somebody should look at the traffic.")


@exercise(
    "Copies are mirror_traffic, in per cent of the requests.",
    "green gets either real traffic or copies, so set traffic and mirror_traffic in one go.",
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
        return not_attempted("On Azure, nothing is mirrored yet.")
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
