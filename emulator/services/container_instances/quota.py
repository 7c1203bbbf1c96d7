"""How much a subscription may have of Container Instances in one region.

https://learn.microsoft.com/azure/container-instances/container-instances-resource-and-quota-limits
"""

from __future__ import annotations

from typing import Any

from emulator.arm.errors import ArmError
from emulator.services.container_instances.paths import GROUP_TYPE
from emulator.services.container_instances.rules import requested
from emulator.store import Store

# Of a pay-as-you-go subscription, before it asks for more.
LIMITS = {"ContainerGroups": 100, "StandardCores": 10}
DISPLAY = {"ContainerGroups": "Container Groups", "StandardCores": "Standard Cores"}


def used(store: Store, location: str, without: str = "") -> dict[str, float]:
    """What the groups of a region use, leaving out one. A stopped group uses no cores."""
    groups = [
        group
        for group in store.of_type(GROUP_TYPE)
        if group.body["location"] == location and group.id.lower() != without.lower()
    ]
    running = [group for group in groups if not group.body["_stopped"]]
    return {
        "ContainerGroups": len(groups),
        "StandardCores": round(sum(requested(group.properties)[0] for group in running), 3),
    }


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
