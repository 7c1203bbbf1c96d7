"""Wrong answers to the exercises of lesson 05."""

from __future__ import annotations

from tests.notebooks.wrong_answers.answers import Answers

ANSWERS = [
    Answers(
        "05",
        "by_program",
        {
            # blue itself is changed
            'program(my_endpoint, "--framework", "keras")': "nothing to go back to",
            # a second blue, by another name
            'program(my_endpoint, "--deployment", "green")': "green should have digits-keras",
            """
program(my_endpoint, "--framework", "keras", "--deployment", "green")
endpoint = ml_client.online_endpoints.get(my_endpoint)
endpoint.traffic = {"blue": 90, "green": 10}
ml_client.online_endpoints.begin_create_or_update(endpoint).result()
""": "green should have all of it",
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
