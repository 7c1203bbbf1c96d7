"""How large a group may be, and how much a subscription may have in one region.

https://learn.microsoft.com/azure/container-instances/container-instances-resource-and-quota-limits
"""

from __future__ import annotations

from typing import Any

from emulator.arm.errors import ArmError, bad_request
from emulator.services.container_instances.group_record import STOPPED, spec_of
from emulator.services.container_instances.group_spec import GroupSpec
from emulator.services.container_instances.paths import GROUP_TYPE
from emulator.store import Store

# Of one group, in every region of local Azure.
MOST_CPU, MOST_MEMORY = 4, 16  # cores, GB
LEAST_CPU, LEAST_MEMORY = 1, 1
# Of a pay-as-you-go subscription, before it asks for more.
LIMITS = {"ContainerGroups": 100, "StandardCores": 10}
DISPLAY = {"ContainerGroups": "Container Groups", "StandardCores": "Standard Cores"}


def check_size(group: str, spec: GroupSpec, location: str) -> None:
    """Raises ArmError: 400 for a group that is too small, 409 for one that is larger than any
    machine of the region.

    https://learn.microsoft.com/azure/container-instances/container-instances-container-groups#resource-allocation
    has the least. To one below it Azure was seen to answer 500, which clients send again:
    https://github.com/hashicorp/terraform-provider-azurerm/issues/26925
    """
    if spec.cores < LEAST_CPU or spec.memory_gb < LEAST_MEMORY:
        raise bad_request(
            f"The container group '{group}' requests {spec.cores:g} CPU and {spec.memory_gb:g} GB "
            f"of memory in all. It must request at least {LEAST_CPU} CPU and {LEAST_MEMORY} GB; a "
            "single one of several containers may request less.",
            code="InvalidResourceRequests",
            target="containers",
        )
    if spec.cores > MOST_CPU or spec.memory_gb > MOST_MEMORY:
        raise ArmError(
            409,
            "ServiceUnavailable",
            f"The requested resource is not available in the location '{location}' at this "
            "moment. Please retry with a different resource request or in another location. "
            f"Resource requested: '{spec.cores:g}' CPU '{spec.memory_gb:g}' GB memory 'Linux' OS; "
            f"a group has at most {MOST_CPU} CPU and {MOST_MEMORY} GB here.",
            target="resources.requests",
        )


def used(store: Store, location: str, without: str = "") -> dict[str, float]:
    """What the groups of a region use, leaving out one. A stopped group uses no cores."""
    groups = [
        group
        for group in store.of_type(GROUP_TYPE)
        if group.body["location"] == location and group.id.lower() != without.lower()
    ]
    cores = sum(spec_of(group).cores for group in groups if group.state != STOPPED)
    return {"ContainerGroups": len(groups), "StandardCores": round(cores, 3)}


def check_quota(store: Store, group_id: str, location: str, cores: float) -> None:
    """Raises ArmError 409 when the region would have more than the quota."""
    usage = used(store, location, without=group_id)
    for name, more in (("ContainerGroups", 1.0), ("StandardCores", cores)):
        if usage[name] + more > LIMITS[name]:
            raise ArmError(
                409,
                "ContainerGroupQuotaReached",
                f"Resource type '{GROUP_TYPE}' container group quota '{name}' exceeded in region "
                f"'{location}'. Limit: '{LIMITS[name]}', Usage: '{usage[name]:g}' "
                f"Requested: '{more:g}'.",
                target="resources.requests.cpu" if name == "StandardCores" else "name",
            )


def usages(store: Store, location: str) -> list[dict[str, Any]]:
    """The rows of `usages`, as the REST reference has them."""
    usage = used(store, location)
    return [
        {
            "unit": "Count",
            # A started core counts.
            "currentValue": -int(-usage[name] // 1),
            "limit": limit,
            "name": {"value": name, "localizedValue": DISPLAY[name]},
        }
        for name, limit in LIMITS.items()
    ]
