"""Exercises of lesson 06: Container Instances."""

from __future__ import annotations

import re

from azure.core.exceptions import ResourceNotFoundError
from azure.mgmt.containerinstance import ContainerInstanceManagementClient
from azure.mgmt.containerinstance.models import ContainerGroup

from helpers.wait import answers, until
from practice.exercises.checks import BLANK, Verdict, exercise, not_attempted, right, wrong
from practice.pricing import prices

REGION = "swedencentral"  # whose prices the exercise `month` asks for
HOURS, WORKING_DAYS, DAYS = 10, 22, 30  # a day, a month, a month
PORT = 8000  # of the exercise `other_port`
PATIENCE = 600  # seconds for a group that has been created to answer

# The first step that is run anew, by what its line begins with.
FIRST = {
    "api/app/main.py": "COPY api/app",
    "api/requirements.txt": "COPY api/requirements.txt",
    "api/model/digits.pt": "COPY api/model",
}


def steps(dockerfile: str) -> list[str]:
    """Return the instructions that copy files or run commands: what a build takes time for."""
    return re.findall(r"^(?:COPY|RUN) .+$", dockerfile, re.MULTILINE)


def show_steps(dockerfile: str) -> None:
    """Print the steps with their numbers."""
    for number, step in enumerate(steps(dockerfile), start=1):
        print(number, step)


@exercise(
    "Docker looks at the steps from the top. A COPY is run anew when one of its files has changed, "
    "and then everything below it.",
    "Find the COPY that brings the file. Could it be the first step of all?",
    solution="""
    first = {"api/app/main.py": 4, "api/requirements.txt": 1, "api/model/digits.pt": 5}
    """,
)
def built_again(dockerfile: str, first: object) -> Verdict:
    """For each changed file, the first step whose layer cannot be taken from before."""
    if not isinstance(first, dict) or first.keys() != FIRST.keys():
        return wrong("first", first, f"It needs these keys: {', '.join(FIRST)}.")
    if any(number is ... for number in first.values()):
        return BLANK
    all_steps = steps(dockerfile)
    for file, number in first.items():
        if isinstance(number, bool) or number not in range(1, len(all_steps) + 1):
            return wrong(f"first[{file!r}]", number, f"It is a number from 1 to {len(all_steps)}.")
        step = all_steps[number - 1]
        if step.startswith(FIRST[file]):
            continue
        if step.startswith("RUN"):
            look = "A RUN is run anew when a step above it was. Which step brings the file?"
        elif not any(each.startswith(FIRST[file]) for each in all_steps[:number]):
            look = f"{step!r} does not see this file, so its layer stays."
        else:
            look = "An earlier step copies this file, so that one is run anew already."
        return wrong(f"first[{file!r}]", number, look)
    return right(
        "pip installs PyTorch again after a change of the list alone. That is why the list is "
        "copied first, and by itself."
    )


@exercise(
    "The port is in three places: where the program listens, what the container opens, and what "
    "the group's address lets through.",
    "CMD reads the variable PORT. So: describe(my_name, PORT='8000').",
    "Change the description before you send it: mine.containers[0].ports and "
    "mine.ip_address.ports.",
    solution="""
    mine = describe(my_name, PORT="8000")
    mine.containers[0].ports = [ContainerPort(port=8000)]
    mine.ip_address.ports = [Port(port=8000, protocol="TCP")]
    wait(groups.begin_create_or_update(resource_group, my_name, mine), my_name)
    """,
)
def other_port(
    instances: ContainerInstanceManagementClient, resource_group: str, name: str
) -> Verdict:
    """A group of that name whose API listens on port 8000, with that port open and no other."""
    try:
        group: ContainerGroup = instances.container_groups.get(resource_group, name)
    except ResourceNotFoundError:
        return not_attempted(f"Azure has no container group {name}.")
    container = group.containers[0]
    variables = {each.name: each.value for each in container.environment_variables or ()}
    told = variables.get("PORT")
    if told != str(PORT):
        return wrong(
            f"The variable PORT of {name}",
            told,
            "Without it the program listens on 8080, and nobody maps one port to another.",
        )
    fqdn = getattr(group.ip_address, "fqdn", None)
    if fqdn is None or group.ip_address is None:
        return wrong(f"The address of {name}", None, "Give it a public one with dns_name_label.")
    opened = [each.port for each in group.ip_address.ports]
    if opened != [PORT]:
        return wrong(f"The open ports of {name}'s address", opened, f"Let {PORT} through alone.")
    url = f"http://{fqdn}:{PORT}"
    try:
        until(lambda: answers(url), name, PATIENCE)
    except TimeoutError:
        return wrong(f"The answer of {url}", None, "Look at the container's log and at its ports.")
    return right(f"{url} answers: program, container and address agree.")


@exercise(
    "An hour of the group costs one core and 1.5 gigabytes: price.vcpu_hour + 1.5 * price.gb_hour.",
    "It runs for 10 hours on 22 days. The registry has no office hours.",
    solution="""
    month = (price.vcpu_hour + 1.5 * price.gb_hour) * 10 * 22
    month += prices.registry("swedencentral").usd * 30
    """,
)
def month(answer: object) -> Verdict:
    """What the group costs in office hours, and its registry all month, in US dollars."""
    if isinstance(answer, bool) or not isinstance(answer, int | float):
        return wrong("month", answer, "It should be a number, in US dollars.")
    price = prices.container_instances(REGION)
    hour = price.vcpu_hour + 1.5 * price.gb_hour
    group, registry = hour * HOURS * WORKING_DAYS, prices.registry(REGION).usd * DAYS
    for forgotten, look in (
        (group, "The registry is missing: it costs money while nobody fetches anything."),
        (hour * 24 * DAYS + registry, "That is a group that is never stopped."),
        (
            group + registry * WORKING_DAYS / DAYS,
            "The registry cannot be stopped: it is billed on every day of the month.",
        ),
    ):
        if abs(answer - forgotten) < 0.05:
            return wrong("month", answer, look)
    if abs(answer - group - registry) > 0.05:
        return wrong("month", answer, "Add the group's hours and the registry's days.")
    return right(
        f"{group + registry:.0f} US dollars. Never stopped, the group alone would cost "
        f"{hour * 24 * DAYS:.0f}."
    )
