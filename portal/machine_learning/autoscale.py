"""Which deployments of an endpoint Azure Monitor scales, and within which limits.

https://learn.microsoft.com/rest/api/monitor/autoscale-settings
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from portal.azure import Azure, Json, RefusedError
from portal.machine_learning.endpoint import Endpoint

API_VERSION = "2022-10-01"


@dataclass(frozen=True)
class Autoscaled:
    """An autoscale setting that is enabled, and the fewest and the most instances that its
    profiles allow."""

    setting: str
    least: int
    most: int

    @property
    def limits(self) -> str:
        return str(self.most) if self.least == self.most else f"{self.least} to {self.most}"


async def autoscaled(azure: Azure, endpoint: Endpoint) -> dict[str, Autoscaled]:
    """Return the settings of its deployments, by the deployment's name in lower case."""
    subscription = "/".join(endpoint.id.split("/")[:3])
    path = f"{subscription}/providers/Microsoft.Insights/autoscaleSettings"
    try:
        settings = await azure.list(path, API_VERSION)
    except RefusedError:
        return {}  # who may see the endpoint need not be allowed to see these
    return dict(_of(settings, f"{endpoint.id}/deployments/".lower()))


def _of(settings: list[Json], prefix: str) -> Iterator[tuple[str, Autoscaled]]:
    for setting in settings:
        properties = setting["properties"]
        target = str(properties.get("targetResourceUri") or "").lower()
        if not properties.get("enabled") or not target.startswith(prefix):
            continue
        capacities = [profile["capacity"] for profile in properties["profiles"]]
        least = min(int(one["minimum"]) for one in capacities)
        most = max(int(one["maximum"]) for one in capacities)
        yield target.removeprefix(prefix), Autoscaled(str(setting["name"]), least, most)
