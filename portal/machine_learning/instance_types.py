"""Instance types of a region, with what an hour of one costs.

https://learn.microsoft.com/rest/api/azureml/virtual-machine-sizes/list
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

from portal.azure import Azure, Json, RefusedError
from portal.costs import Costs
from portal.machine_learning.workspaces import PROVIDER

# Where Azure does not list any (local Azure): one that managed online endpoints have.
# https://learn.microsoft.com/azure/machine-learning/reference-managed-online-endpoints-vm-sku-list
DEFAULT = "Standard_D4as_v4"


@dataclass(frozen=True)
class InstanceType:
    """`price`: US dollars an hour, None where it is not known."""

    name: str
    description: str = ""
    price: float | None = None


async def list_instance_types(
    azure: Azure, costs: Costs, subscription: str, location: str
) -> list[InstanceType]:
    """Return those that the region has; where Azure does not say, one that there is."""
    path = f"{subscription}/{PROVIDER}/locations/{location}/vmSizes"
    try:
        found = (await azure.get(path)).get("value") or []
    except RefusedError:
        found = []
    if found:
        return [_read(one) for one in found]
    with suppress(RefusedError, LookupError):
        return [InstanceType(DEFAULT, price=await costs.machine(DEFAULT, location))]
    return [InstanceType(DEFAULT)]


def _read(size: Json) -> InstanceType:
    prices = ((size.get("estimatedVMPrices") or {}).get("values")) or []
    hourly = [
        float(one["retailPrice"])
        for one in prices
        if one.get("osType") == "Linux" and one.get("vmTier") == "Standard"
    ]
    description = f"{size.get('vCPUs')} cores, {size.get('memoryGB')} GB"
    return InstanceType(str(size.get("name")), description, hourly[0] if hourly else None)
