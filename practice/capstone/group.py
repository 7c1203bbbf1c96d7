"""A container group, in Azure Container Instances; version 2 is a second group, NAME-v2.

https://learn.microsoft.com/azure/container-instances/container-instances-container-groups
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from azure.core.exceptions import ResourceNotFoundError
from azure.mgmt.containerinstance import ContainerInstanceManagementClient

from practice.capstone.door import Door
from practice.capstone.service import Beside, NoAddressError, Size
from practice.capstone.terms import AT_ONCE, PER_DAY, REGION, WORK
from practice.pricing import costs, prices
from practice.pricing.decision import GROUP

AFTER = "-v2"  # the second group's name ends like this
QUIET = 5.0  # seconds for which a container has been ended that is not started again


@dataclass(frozen=True)
class GroupService:
    client: ContainerInstanceManagementClient
    resource_group: str
    name: str
    kind: str = GROUP

    def door(self) -> Door:
        return _door(self._get())

    def trouble(self) -> str:
        group = self._get()
        if group.provisioning_state != "Succeeded":
            return f"The group {self.name} is {group.provisioning_state}. Look at its events."
        view = group.instance_view
        if view and view.state == "Stopped":
            return f"The group {self.name} is stopped. Start it."
        return ""

    def exposed_key(self, key: str) -> str:
        group = self._get()
        if key in json.dumps(group.as_dict()):
            return (
                f"Anyone who can look at the group {self.name} can read the key in it. Make a new "
                "one, put it into a secure_value, and give it to the branches."
            )
        kept = [
            variable.name
            for container in group.containers
            for variable in container.environment_variables or []
            if variable.value is None
        ]
        if not kept:
            return (
                f"No variable of the group {self.name} has a secure_value, so the key is in the "
                "image, and everybody who can pull that can read it."
            )
        return ""

    def cold_start(self) -> str:
        return ""  # a group runs until it is stopped

    def crowd(self) -> str:
        return f"{AT_ONCE} come at the same moment: look at the group's log, and at its cores."

    def gone(self) -> str:
        group = self._get()
        view = group.containers[0].instance_view
        state = view.current_state if view else None
        if state is None or state.state != "Terminated":
            return ""
        if (datetime.now(UTC) - state.finish_time).total_seconds() > QUIET:
            return (
                f"The group's restart policy is {group.restart_policy}, so nothing starts its "
                "container again. An API has no reason to end: give it Always."
            )
        return ""

    def beside(self) -> list[Beside]:
        try:
            group = self._get(AFTER)
        except ResourceNotFoundError:
            return []
        stopped = group.instance_view and group.instance_view.state == "Stopped"
        return [Beside(str(group.name), _door(group), closed="it is stopped" if stopped else "")]

    def size(self) -> Size:
        asked = [each.resources.requests for each in self._get().containers]
        vcpu, memory = sum(each.cpu for each in asked), sum(each.memory_in_gb for each in asked)
        group = costs.ContainerGroup(
            prices.container_instances(REGION), WORK, vcpu=vcpu, memory_gb=memory
        )
        return Size(group.bill(PER_DAY).per_month, f"{vcpu:g} cores and {memory:g} GB")

    def _get(self, after: str = "") -> Any:
        """Return the group, whose parts that only Azure writes the SDK types as None."""
        return self.client.container_groups.get(self.resource_group, f"{self.name}{after}")


def _door(group: Any) -> Door:
    if group.ip_address is None or not group.ip_address.fqdn:
        raise NoAddressError(
            f"The group {group.name} has no address. It needs an ip_address of the type Public "
            "with a dns_name_label."
        )
    port = group.ip_address.ports[0].port  # Azure takes no address without one
    return Door(f"http://{group.ip_address.fqdn}:{port}/score")
