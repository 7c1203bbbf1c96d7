"""Exercises of lesson 06b: when a container fails."""

from __future__ import annotations

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
from practice.exercises.pane_lines import line_of_pane

PORT = 8080  # on which the API listens
TOO_LITTLE = 0.1  # gigabytes for the API in the exercise `ill`
LEAST_MEMORY = 1.0  # gigabytes of a whole group
PATIENCE = 600  # seconds for a group that has been created to answer, or to end
MISSING = "models/digits.pt"  # what the crashing API does not find
SENT, CAUSE = "bill sent", "the ledger does not answer"  # what the job of `once` prints


@exercise(
    "Start at the end of the log and go up. Which is the first line with an exception in it?",
    "An exception's line begins with its name, such as ValueError, and goes on with what is wrong.",
    solution="""
    line = next(n for n, text in enumerate(log.splitlines(), 1) if "FileNotFoundError:" in text)
    """,
)
def telling_line(log: str, line: object) -> Verdict:
    """The number of the line, in the pane, that names the file which is not there."""
    shown = line_of_pane(log, line)
    if isinstance(shown, Verdict):
        return shown
    text = shown.strip()
    if MISSING in text:
        return right("It names the file. The folder in the image is called model, not models.")
    if "Traceback (" in text:
        look = "Here the story begins. Its reason is at the end."
    elif text.startswith(("File ", "^")) or shown.startswith("    "):
        look = "That is how the program got there. What did it find?"
    else:
        look = "That says that it failed, not why."
    return wrong("line", line, f"{look} It reads: {text[:60]}")


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
    url = f"http://{getattr(group.ip_address, 'fqdn', None)}:{PORT}"

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
    "What does Azure promise after exit code 0, and what after any other?",
    "Let the program catch its own error, say so in the log, and end as if nothing had happened.",
    "textwrap.indent(job, '    ') puts the job into a try block.",
    solution="""
    caught = "try:\\n" + textwrap.indent(job, "    ")
    caught += "except Exception as error:\\n    print('failed:', error)\\n"
    wait(
        groups.begin_create_or_update(
            resource_group, once_name, short_lived(once_name, "Never", caught)
        ),
        once_name,
    )
    """,
)
def once(instances: ContainerInstanceManagementClient, resource_group: str, name: str) -> Verdict:
    """The job has run once, ended with 0 under the policy Never, and its log has the error."""
    groups = instances.container_groups
    try:
        group: ContainerGroup = groups.get(resource_group, name)
    except ResourceNotFoundError:
        return not_attempted(f"Azure has no container group {name}.")
    if group.restart_policy != "Never":
        look = "Of the three policies, which one is for a program that must run once?"
        return wrong(f"restart_policy of {name}", str(group.restart_policy), look)

    def last_end() -> View:
        view: View = groups.get(resource_group, name).containers[0].instance_view
        states = (view.current_state, view.previous_state) if view else ()
        return next((each for each in states if each and each.state == "Terminated"), None)

    try:
        state = until(last_end, name, PATIENCE)
    except TimeoutError:
        return wrong(f"The state of {name}", "Running", "Its program does not end.")
    if state.exit_code:
        return wrong(
            f"The exit code of {name}",
            state.exit_code,
            "After any code but 0, Azure may start the job again, Never or not.",
        )
    container = group.containers[0].name
    log = instances.containers.list_logs(resource_group, name, container).content or ""
    if SENT not in log:
        return wrong(f"The log of {name}", log, "The bill was never sent: the job has to run.")
    if CAUSE not in log:
        return wrong(f"The log of {name}", log, "Nobody will ever learn what went wrong.")
    return right("One bill, one entry in the log, and no reason for Azure to start it again.")
