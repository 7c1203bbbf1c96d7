"""Wrong answers to the exercises of lesson 06."""

from __future__ import annotations

from tests.notebooks.wrong_answers.answers import Answers

ANSWERS = [
    Answers(
        "06",
        "own_group",
        {
            """
mine = describe(my_name, APP_VERSION="2")
wait(groups.begin_create_or_update(resource_group, my_name, mine), my_name)
""": "'Always'",
            """
groups.begin_delete(resource_group, my_name).wait()
mine = describe(my_name, restart_policy="OnFailure", APP_VERSION="3")
wait(groups.begin_create_or_update(resource_group, my_name, mine), my_name)
""": "'3'",
        },
    ),
    Answers(
        "06",
        "ill",
        {
            "groups.begin_delete(resource_group, ill_name).wait()": "It is gone",
            """
groups.begin_delete(resource_group, ill_name).wait()
again = describe(ill_name)
again.containers[0].resources.requests.memory_in_gb = 1.0
greedy = "taken = []\\nwhile True: taken.append(b'x' * 50_000_000)"
again.containers[0].command = ["python", "-c", greedy]
wait(groups.begin_create_or_update(resource_group, ill_name, again), ill_name)
""": "killed again",
        },
    ),
    Answers(
        "06",
        "month",
        {"month = 'x'": "'x'", "month = price.vcpu_hour + 1.5 * price.gb_hour": "times the hours"},
    ),
]
