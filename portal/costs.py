"""What resources cost on live Azure: an hour as they are now, and so far.

Prices are those of the Azure Retail Prices API: US dollars, pay as you go, without discounts and
free grants. https://learn.microsoft.com/rest/api/cost-management/retail-prices/azure-retail-prices

Deployments and registries cost while they exist; container groups while they run; container apps
by the replicas that run. https://azure.microsoft.com/pricing/details/container-apps/
"""

from __future__ import annotations

import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

from portal.azure import Azure, Json, RefusedError
from portal.metrics import read_metrics
from portal.resource_ids import ResourceId

PRICES = "https://prices.azure.com/api/retail/prices"
FRESH = 5.0  # seconds for which a cost that was worked out is used again
KEPT = timedelta(days=93)  # https://learn.microsoft.com/azure/azure-monitor/data-platform


@dataclass(frozen=True)
class Cost:
    """US dollars; None where it cannot be told."""

    hour: float | None = None
    so_far: float | None = None


class Costs:
    def __init__(self, azure: Azure) -> None:
        self.azure = azure
        self._prices: dict[str, list[Json]] = {}
        self._costs: dict[str, tuple[float, Cost]] = {}
        self._ways: dict[str, Callable[[ResourceId, str, datetime], Awaitable[Cost]]] = {
            "microsoft.machinelearningservices/workspaces/onlineendpoints/deployments": (
                self._deployment
            ),
            "microsoft.containerinstance/containergroups": self._group,
            "microsoft.containerregistry/registries": self._registry,
            "microsoft.app/containerapps": self._app,
        }

    async def of(self, id: ResourceId, region: str, created: datetime | None) -> Cost | None:
        """Return what a resource costs, or None where its type costs nothing of its own."""
        way = self._ways.get(id.type.lower())
        if way is None or created is None:
            return None
        known = self._costs.get(id.text)
        if known and time.monotonic() - known[0] < FRESH:
            return known[1]
        try:
            cost = await way(id, region, created)
        except (RefusedError, LookupError):  # it is on its way out, or has no price here
            cost = Cost()
        self._costs[id.text] = (time.monotonic(), cost)
        return cost

    async def _deployment(self, id: ResourceId, region: str, created: datetime) -> Cost:
        deployment = await self.azure.get(id.text)
        size = deployment["properties"].get("instanceType") or ""
        machines = (deployment.get("sku") or {}).get("capacity") or 1
        price = await self.machine(size, region)
        return Cost(price * machines, price * machines * _hours_since(created))

    async def machine(self, size: str, region: str) -> float:
        """Return what an hour of a virtual machine costs. Raises RefusedError, LookupError."""
        return await self._price(
            "Virtual Machines",
            region,
            lambda item: (
                item["armSkuName"] == size
                and not item["productName"].endswith("Windows")
                and not item["skuName"].endswith(("Spot", "Low Priority"))
                and "Expired" not in item["meterName"]
            ),
            f"armSkuName eq '{size}'",
        )

    async def _registry(self, id: ResourceId, region: str, created: datetime) -> Cost:
        tier = (await self.azure.get(id.text))["sku"]["name"]
        meter = f"{tier} Registry Unit"
        day = await self._price("Container Registry", region, _named(meter), f"skuName eq '{tier}'")
        return Cost(day / 24, day / 24 * _hours_since(created))

    async def _group(self, id: ResourceId, region: str, created: datetime) -> Cost:
        properties = (await self.azure.get(id.text))["properties"]
        cpu = memory = 0.0
        for container in properties["containers"]:
            asked = container["properties"]["resources"]["requests"]
            cpu += asked["cpu"]
            memory += asked["memoryInGB"]
        service = "Container Instances"
        hour = cpu * await self._price(
            service, region, _named("Standard vCPU Duration"), "skuName eq 'Standard'"
        ) + memory * await self._price(
            service, region, _named("Standard Memory Duration"), "skuName eq 'Standard'"
        )
        runs = (properties.get("instanceView") or {}).get("state") == "Running"
        hours = await self._hours(id, "CpuUsage", created, lambda _: 1.0)
        return Cost(hour if runs else 0.0, None if hours is None else hour * hours)

    async def _app(self, id: ResourceId, region: str, created: datetime) -> Cost:
        revisions = await self.azure.list(f"{id.text}/revisions")
        service = "Azure Container Apps"
        second = await self._price(
            service, region, _named("Standard vCPU Active Usage"), "skuName eq 'Standard'"
        )
        gib_second = await self._price(
            service, region, _named("Standard Memory Active Usage"), "skuName eq 'Standard'"
        )
        now = replica = 0.0
        for revision in revisions:
            containers = revision["properties"]["template"]["containers"]
            replica = 3600 * sum(
                float(one["resources"]["cpu"]) * second
                + float(one["resources"]["memory"].removesuffix("Gi")) * gib_second
                for one in containers
            )
            now += replica * (revision["properties"].get("replicas") or 0)
        hours = await self._hours(id, "Replicas", created, float)
        return Cost(now, None if hours is None else replica * hours)

    async def _hours(
        self, id: ResourceId, metric: str, created: datetime, weight: Callable[[float], float]
    ) -> float | None:
        """Return for how many hours something ran, each weighted by what the metric says."""
        end = datetime.now(UTC)
        start = max(created, end - KEPT)
        interval, length = ("PT1M", 1 / 60) if end - start < timedelta(days=1) else ("PT1H", 1.0)
        try:
            found = await read_metrics(
                self.azure,
                id.text,
                metric,
                timespan=f"{start:%Y-%m-%dT%H:%M:%SZ}/{end:%Y-%m-%dT%H:%M:%SZ}",
                interval=interval,
                aggregation="Average",
            )
        except RefusedError as refusal:
            if refusal.status == 404:
                return None
            raise
        lines = [line for one in found for line in one.lines]
        points = [value for line in lines for value in line.points.values() if value is not None]
        return sum(map(weight, points)) * length

    async def _price(
        self, service: str, region: str, wanted: Callable[[Json], bool], more: str
    ) -> float:
        """Return the one price that is wanted, above a free part. Raises LookupError."""
        query = (
            f"serviceName eq '{service}' and armRegionName eq '{region}' "
            f"and priceType eq 'Consumption' and {more}"
        )
        if query not in self._prices:
            self._prices[query] = await self._ask(query)
        now = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S}"
        found = [
            item
            for item in self._prices[query]
            # A price that is to change is listed twice, with an end and with a later start.
            if (item["effectiveStartDate"] or "") <= now <= (item.get("effectiveEndDate") or "9")
            and wanted(item)
        ]
        if not found:
            raise LookupError(query)
        return float(max(found, key=lambda item: item["tierMinimumUnits"])["retailPrice"])

    async def _ask(self, query: str) -> list[Json]:
        url = f"{PRICES}?{urlencode({'api-version': '2023-01-01-preview', '$filter': query})}"
        found: list[Json] = []
        while url:
            answer = await self.azure.request("GET", url, {})
            if answer.status_code != 200:
                raise LookupError(f"{answer.status_code} for {query}")
            page = json.loads(answer.text())
            found += page["Items"]
            url = page.get("NextPageLink")
        return found


def _named(meter: str) -> Callable[[Json], bool]:
    return lambda item: item["meterName"] == meter


def _hours_since(created: datetime) -> float:
    return (datetime.now(UTC) - created).total_seconds() / 3600
