"""Home: the resource groups, and everything in them.

https://learn.microsoft.com/rest/api/resources/resources/list
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime

from starlette.requests import Request
from starlette.responses import Response

from portal.azure import Json
from portal.costs import Cost, Costs
from portal.pages import Pages, moment
from portal.resource_ids import ResourceId

# A type -> what people call it, and the portal's page for one, with the names of its id.
KINDS = {
    "microsoft.machinelearningservices/workspaces": ("Workspace", "/machine-learning"),
    "microsoft.machinelearningservices/workspaces/onlineendpoints": (
        "Online endpoint",
        "/machine-learning/endpoints/{1}",
    ),
    "microsoft.machinelearningservices/workspaces/onlineendpoints/deployments": (
        "Online deployment",
        "/machine-learning/endpoints/{1}",
    ),
    "microsoft.containerinstance/containergroups": (
        "Container group",
        "/container-instances/{group}/{0}",
    ),
    "microsoft.containerregistry/registries": ("Container registry", "/registries/{group}/{0}"),
    "microsoft.app/managedenvironments": ("Container Apps environment", "/container-apps"),
    "microsoft.app/containerapps": ("Container app", "/container-apps/{group}/{0}"),
    "microsoft.app/jobs": ("Container Apps job", "/container-apps"),
    "microsoft.storage/storageaccounts": ("Storage account", ""),
}


@dataclass(frozen=True)
class Item:
    """A resource as Home lists it; `page` is "" where the portal has none for it."""

    id: ResourceId
    kind: str
    page: str
    state: str
    location: str
    created: datetime | None
    address: str


class Home:
    ROUTES = (("GET", "/", "show"),)

    def __init__(self, pages: Pages) -> None:
        self.pages = pages
        self.azure = pages.azure
        self.costs = Costs(pages.azure)

    async def show(self, request: Request) -> Response:
        """All resources by group. Raises RefusedError."""
        subscription = self.pages.subscription
        groups, resources, addresses = await asyncio.gather(
            self.azure.list(f"{subscription}/resourcegroups"),
            self.azure.list(
                f"{subscription}/resources", **{"$expand": "createdTime,provisioningState"}
            ),
            self._addresses(),
        )
        items = [item_of(resource, addresses) for resource in resources]
        costs = await asyncio.gather(
            *(self.costs.of(item.id, item.location, item.created) for item in items)
        )
        by_id = {item.id.text: cost for item, cost in zip(items, costs, strict=True) if cost}
        by_group = {
            group["name"]: sorted(
                (item for item in items if item.id.group.lower() == group["name"].lower()),
                key=lambda item: (item.id.type.lower(), item.id.names),
            )
            for group in sorted(groups, key=lambda group: str(group["name"]).lower())
        }
        return self.pages.render(
            request, "home.html", by_group=by_group, costs=by_id, total=total_of(by_id)
        )

    async def _addresses(self) -> dict[str, str]:
        """Return where each resource answers that has an address, by its id in small letters."""
        subscription = self.pages.subscription
        workspaces = await self.azure.list(
            f"{subscription}/providers/Microsoft.MachineLearningServices/workspaces"
        )
        container_groups, apps, registries, *endpoints = await asyncio.gather(
            self.azure.list(
                f"{subscription}/providers/Microsoft.ContainerInstance/containerGroups"
            ),
            self.azure.list(f"{subscription}/providers/Microsoft.App/containerApps"),
            self.azure.list(f"{subscription}/providers/Microsoft.ContainerRegistry/registries"),
            *(self.azure.list(f"{one['id']}/onlineEndpoints") for one in workspaces),
        )
        found = {}
        for endpoint in (one for each in endpoints for one in each):
            found[endpoint["id"].lower()] = endpoint["properties"].get("scoringUri") or ""
        for group in container_groups:
            address = group["properties"].get("ipAddress") or {}
            ports = address.get("ports") or [{}]
            host = address.get("fqdn") or address.get("ip")
            if host:
                found[group["id"].lower()] = f"http://{host}:{ports[0].get('port', 80)}"
        for app in apps:
            ingress = (app["properties"].get("configuration") or {}).get("ingress") or {}
            if ingress.get("fqdn"):
                found[app["id"].lower()] = f"https://{ingress['fqdn']}"
        for registry in registries:
            found[registry["id"].lower()] = registry["properties"].get("loginServer") or ""
        return found


def total_of(costs: dict[str, Cost]) -> Cost:
    return Cost(
        sum(cost.hour or 0 for cost in costs.values()),
        sum(cost.so_far or 0 for cost in costs.values()),
    )


def item_of(resource: Json, addresses: dict[str, str]) -> Item:
    id = ResourceId.parse(resource["id"])
    kind, page = KINDS.get(id.type.lower(), (id.type, ""))
    return Item(
        id,
        kind,
        page.format(*id.names, group=id.group),
        str(resource.get("provisioningState") or ""),
        str(resource.get("location") or ""),
        moment(resource.get("createdTime")),
        addresses.get(resource["id"].lower(), ""),
    )
