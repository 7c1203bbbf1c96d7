"""Exercises of lesson 06: Container Instances."""

from __future__ import annotations

import requests
from azure.core.exceptions import ResourceNotFoundError
from azure.mgmt.containerinstance import ContainerInstanceManagementClient
from azure.mgmt.containerinstance.models import (
    Container,
    ContainerGroup,
    ResourceRequests,
    ResourceRequirements,
)
from azure.mgmt.containerinstance.operations import ContainerGroupsOperations

from helpers.wait import View, answers, until
from practice.exercises.checks import Verdict, exercise, not_attempted, right, wrong
from practice.pricing import prices

TOO_LITTLE = 0.1  # gigabytes for the API in the exercise `ill`
LEAST_MEMORY = 1.0  # gigabytes of a whole group
REGION = "swedencentral"  # whose prices the exercise `month` asks for
PATIENCE = 600  # seconds for a group that has been created to answer


@exercise(
    "The function describe takes the restart policy, and variables by their names.",
    "A policy that starts again after failures only is called OnFailure. It cannot be changed in "
    "a group that exists: delete the group and create it again.",
    solution="""
    mine = describe(my_name, restart_policy="OnFailure", APP_VERSION="2")
    wait(groups.begin_create_or_update(resource_group, my_name, mine), my_name)
    """,
)
def own_group(
    instances: ContainerInstanceManagementClient, resource_group: str, name: str
) -> Verdict:
    """A group of that name, restarted after failures only, that answers as version 2."""
    try:
        group: ContainerGroup = instances.container_groups.get(resource_group, name)
    except ResourceNotFoundError:
        return not_attempted(f"Azure has no container group {name}.")
    if group.restart_policy != "OnFailure":
        return wrong(
            f"restart_policy of {name}",
            str(group.restart_policy),
            "Which policy starts again after failures only? It cannot be changed later: delete "
            "the group first.",
        )
    fqdn = getattr(group.ip_address, "fqdn", None)
    if fqdn is None:
        return wrong(f"The address of {name}", None, "Give it a public one with dns_name_label.")
    url = f"http://{fqdn}"
    try:
        until(lambda: answers(url), name, PATIENCE)
    except TimeoutError:
        return wrong(f"The answer of {url}", None, "Look at the container's log and at its ports.")
    version = requests.get(url, timeout=60).headers.get("X-App-Version")
    if version != "2":
        return wrong(
            f"The version that {url} answers with",
            version,
            "It comes from the container's environment variable APP_VERSION.",
        )
    return right(f"{url} answers as version 2.")


def make_ill(
    groups: ContainerGroupsOperations, resource_group: str, name: str, group: ContainerGroup
) -> None:
    """Create the group with a mistake in it, in place of one that an earlier try has left.

    The rest of the memory that a group has at least goes to a container that waits.
    """
    api = group.containers[0]
    assert api.resources
    api.resources.requests.memory_in_gb = TOO_LITTLE
    rest = ResourceRequests(cpu=0.1, memory_in_gb=LEAST_MEMORY - TOO_LITTLE)
    waits = Container(
        name="waits",
        image=api.image,
        command=["sleep", "infinity"],
        resources=ResourceRequirements(requests=rest),
    )
    group.containers.append(waits)
    groups.begin_delete(resource_group, name).wait()
    groups.begin_create_or_update(resource_group, name, group).result()
    print(f"{name} is there.")


@exercise(
    "watch(ill_name) has its current_state and, once it was started again, its previous_state.",
    "Its log ends in the middle, and the exit code is 137. Which limit does the group have? Look "
    "at groups.get(resource_group, ill_name).containers[0].resources.requests.",
    "Memory cannot be changed in a group that exists: delete the group and create it again.",
    solution="""
    groups.begin_delete(resource_group, ill_name).wait()
    wait(
        groups.begin_create_or_update(resource_group, ill_name, describe(ill_name)), ill_name
    )
    """,
)
def ill(instances: ContainerInstanceManagementClient, resource_group: str, name: str) -> Verdict:
    """The group has enough memory by now, and answers."""
    try:
        group: ContainerGroup = instances.container_groups.get(resource_group, name)
    except ResourceNotFoundError:
        return wrong(f"The group {name}", None, "It is gone. Create it again, without the mistake.")
    resources = group.containers[0].resources
    memory = resources.requests.memory_in_gb if resources else None
    if memory == TOO_LITTLE:
        return not_attempted(f"{name} is as it was.")
    url = f"http://{getattr(group.ip_address, 'fqdn', None)}"

    def came_up_or_was_killed() -> str:
        if answers(url):
            return "up"
        found = instances.container_groups.get(resource_group, name).containers[0].instance_view
        return "killed" if _was_killed(found) else ""

    try:
        outcome = until(came_up_or_was_killed, name, PATIENCE)
    except TimeoutError:
        outcome = ""
    if outcome == "up":
        return right(f"{url} answers, with {memory} gigabytes.")
    if outcome == "killed":
        return wrong(
            "memory_in_gb", memory, "The program was killed again: PyTorch wants more than that."
        )
    return wrong(f"The answer of {url}", None, "Look at the container's log and at its ports.")


def _was_killed(view: View) -> bool:
    states = (view.current_state, view.previous_state) if view else ()
    return any(state and state.exit_code == 137 for state in states)


@exercise(
    "A month of 30 days has 30 * 24 hours.",
    "Each hour costs one core and 1.5 gigabytes: price.vcpu_hour + 1.5 * price.gb_hour.",
    solution="month = (1.0 * price.vcpu_hour + 1.5 * price.gb_hour) * 30 * 24",
)
def month(answer: object) -> Verdict:
    """What one core and 1.5 GB cost in 30 days, in US dollars, by the price list."""
    if isinstance(answer, bool) or not isinstance(answer, int | float):
        return wrong("month", answer, "It should be a number, in US dollars.")
    price = prices.container_instances(REGION)
    expected = (1.0 * price.vcpu_hour + 1.5 * price.gb_hour) * 30 * 24
    if abs(answer - expected) > 0.5:
        return wrong("month", answer, "Price for each hour, times the hours of 30 days.")
    return right(f"{expected:.0f} US dollars, whether anybody asks it something or not.")
