"""A container group as it is stored, and as it is shown: with its views, without its secrets.

`Resource.private` holds the spec with its secrets ("spec") and what is seen of each container
("views"), `Resource.body` what is shown of the rest.
"""

from __future__ import annotations

import copy
from typing import Any

from emulator.arm.fields import Fields
from emulator.services.container_instances.group_spec import GroupSpec
from emulator.services.container_instances.paths import GROUP_TYPE
from emulator.services.container_instances.views import ContainerView, group_state
from emulator.store import Resource

CREATING, STARTING, RESTARTING = "Creating", "Starting", "Restarting"
RUNNING, FAILED = "Running", "Failed"
STOPPING, STOPPED = "Stopping", "Stopped"
UPDATING, DELETING = "Updating", "Deleting"
# What provisioningState says when a group comes into a state. A stopped one is provisioned.
_PROVISIONING = {
    CREATING: "Pending",
    STARTING: "Pending",
    RESTARTING: "Pending",
    RUNNING: "Succeeded",
    STOPPING: "Succeeded",
    STOPPED: "Succeeded",
    FAILED: "Failed",
    DELETING: "Deleting",
}


def new_record(
    group_id: str, location: str, tags: dict[str, str], zones: list[str], spec: GroupSpec
) -> Resource:
    """A group to be stored, before it has an address and anything is seen of it."""
    return Resource(
        group_id,
        GROUP_TYPE,
        {
            "location": location,
            "tags": tags,
            **({"zones": zones} if zones else {}),
            "properties": spec.to_body(secrets=False),
        },
        {"spec": spec.to_body(secrets=True), "views": {}},
    )


def spec_of(group: Resource) -> GroupSpec:
    return GroupSpec.read(group.name, Fields(group.private["spec"]))


def views_of(group: Resource) -> dict[str, ContainerView]:
    """What is seen of the group's containers and init containers, by their names."""
    stored = group.private["views"]
    names = [
        container["name"]
        for field in ("initContainers", "containers")
        for container in group.properties[field]
    ]
    return {name: ContainerView.from_stored(stored.get(name)) for name in names}


def show_state(group: Resource) -> None:
    """Write the state of the group's lifecycle into its body."""
    group.properties["provisioningState"] = _PROVISIONING[group.state]


def shown_group(group: Resource, *, whole: bool = True) -> dict[str, Any]:
    """The group as Azure shows it; a list has it without instance views."""
    body = copy.deepcopy(group.body)
    if whole:
        properties, views = body["properties"], views_of(group)
        for field in ("initContainers", "containers"):
            for container in properties[field]:
                view = views[container["name"]]
                if view.runs or view.events:  # before that there is none
                    container["properties"]["instanceView"] = view.to_body()
        properties["instanceView"] = {
            "events": [],
            "state": group_state(
                [views[one["name"]] for one in properties["containers"]],
                [views[one["name"]] for one in properties["initContainers"]],
                pending=group.state in (CREATING, STARTING, RESTARTING),
                stopped=group.state in (STOPPING, STOPPED),
            ),
        }
    return {"id": group.id, "name": group.name, "type": GROUP_TYPE, **body}
