"""Wrong answers to the exercises of lesson 06."""

from __future__ import annotations

from tests.notebooks.wrong_answers.answers import Answers

KEYS = ("api/app/main.py", "api/requirements.txt", "api/model/digits.pt")


def first(*numbers: int) -> str:
    """Code that answers `built_again`, in the order of KEYS."""
    return f"first = {dict(zip(KEYS, numbers, strict=True))}"


GROUP_HOURS = "(price.vcpu_hour + 1.5 * price.gb_hour)"
REGISTRY = "prices.registry('swedencentral').usd * 30"

ANSWERS = [
    Answers(
        "06",
        "built_again",
        {
            first(2, 1, 5): "Which step brings the file?",
            first(4, 2, 5): "Which step brings the file?",
            first(1, 1, 5): "does not see this file",
            first(5, 1, 5): "An earlier step copies this file",
            first(4, 0, 5): "a number from 1 to 6",
            "first = [4, 1, 5]": "It needs these keys",
        },
    ),
    Answers(
        "06",
        "other_port",
        {
            # Nobody tells the program.
            """
mine = describe(my_name)
mine.containers[0].ports = [ContainerPort(port=8000)]
mine.ip_address.ports = [Port(port=8000, protocol="TCP")]
wait(groups.begin_create_or_update(resource_group, my_name, mine), my_name)
""": "the program listens on 8080",
            # Nobody opens the port.
            """
mine = describe(my_name, PORT="8000")
wait(groups.begin_create_or_update(resource_group, my_name, mine), my_name)
""": "Let 8000 through alone",
            """
mine = describe(my_name, PORT="8000")
mine.containers[0].ports = [ContainerPort(port=8080), ContainerPort(port=8000)]
mine.ip_address.ports = [Port(port=8080, protocol="TCP"), Port(port=8000, protocol="TCP")]
wait(groups.begin_create_or_update(resource_group, my_name, mine), my_name)
""": "[8080, 8000]",
        },
    ),
    Answers(
        "06",
        "month",
        {
            "month = 'x'": "'x'",
            f"month = {GROUP_HOURS} * 10 * 22": "The registry is missing",
            f"month = {GROUP_HOURS} * 24 * 30 + {REGISTRY}": "never stopped",
            f"month = {GROUP_HOURS} * 10 * 22 + {REGISTRY} / 30 * 22": "cannot be stopped",
            f"month = {GROUP_HOURS} * 22 + {REGISTRY}": "Add the group's hours",
        },
    ),
]
