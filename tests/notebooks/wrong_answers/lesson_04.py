"""Wrong answers to the exercises of lesson 04."""

from __future__ import annotations

from tests.notebooks.wrong_answers.answers import Answers

ANSWERS = [
    Answers("04", "least_sure", {"least_sure = 0": "is 0", "least_sure = 100": "from 0 to 99"}),
    Answers(
        "04",
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
        "04",
        "other_key",
        {
            "ml_client.online_endpoints.begin_regenerate_keys(endpoint_name).result()": "primary",
            """
for key_type in ("primary", "secondary"):
    ml_client.online_endpoints.begin_regenerate_keys(endpoint_name, key_type=key_type).result()
""": "primary",
        },
    ),
]
