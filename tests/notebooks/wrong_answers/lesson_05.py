"""Wrong answers to the exercises of lesson 05."""

from __future__ import annotations

from tests.notebooks.wrong_answers.answers import Answers

ANSWERS = [
    Answers(
        "05",
        "patience",
        {
            """
blue = ml_client.online_deployments.get("blue", endpoint_name)
blue.request_settings.request_timeout_ms = 10
wait(ml_client.online_deployments.begin_create_or_update(blue), "blue")
""": "is 0.",  # the SDK reads whole seconds
            """
blue = ml_client.online_deployments.get("blue", endpoint_name)
blue.request_settings.request_timeout_ms = 90_000
wait(ml_client.online_deployments.begin_create_or_update(blue), "blue")
""": "is 90000.",
        },
    ),
    Answers(
        "05", "still_chance", {"still_chance = True": "is True", "still_chance = 'no'": "'no'"}
    ),
    Answers(
        "05",
        "copies",
        {
            """
endpoint = ml_client.online_endpoints.get(endpoint_name)
endpoint.mirror_traffic = {"green": 4}
wait(ml_client.online_endpoints.begin_create_or_update(endpoint), endpoint_name)
""": "'green': 4",
            """
endpoint = ml_client.online_endpoints.get(endpoint_name)
endpoint.traffic, endpoint.mirror_traffic = {"green": 100}, {"blue": 25}
wait(ml_client.online_endpoints.begin_create_or_update(endpoint), endpoint_name)
""": "'blue': 25",
        },
    ),
]
