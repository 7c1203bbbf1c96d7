"""What Azure charges, from the Azure Retail Prices API: public prices, no sign-in needed.

https://learn.microsoft.com/rest/api/cost-management/retail-prices/azure-retail-prices

All prices are in US dollars (USD), pay as you go, without discounts. A region is named as in code:
"westeurope", not "West Europe". The free monthly grants of Container Apps are in costs.py.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import requests

URL = "https://prices.azure.com/api/retail/prices"
API_VERSION = "2023-01-01-preview"
TIMEOUT = 60  # seconds; the real API is slow at times


class PriceNotFoundError(LookupError):
    """The price list has no such price; the message says what was looked for."""


@dataclass(frozen=True)
class Price:
    """One price of the list.

    `usd` is what one `unit` costs; `unit` is the API's text, such as "1 Hour"; `since` is the
    day from which the price holds, None where the list does not say.
    """

    usd: float
    unit: str
    meter: str
    product: str
    region: str
    since: date | None


@dataclass(frozen=True)
class ContainerInstancesPrices:
    """USD for one vCPU for an hour, and for one GB of memory for an hour, Linux."""

    vcpu_hour: float
    gb_hour: float


@dataclass(frozen=True)
class ContainerAppsPrices:
    """USD in the consumption plan: vCPUs and GiB by the second, requests by the million.

    A replica is *idle* while it waits for requests and is one of the replicas that always run.
    """

    vcpu_second: float
    vcpu_second_idle: float
    gib_second: float
    gib_second_idle: float
    million_requests: float


def items(query: str) -> list[dict[str, Any]]:
    """Return all entries of the price list that a `$filter` selects, in the API's own form.

    `query` is OData, such as "serviceName eq 'Virtual Machines' and armRegionName eq 'eastus'";
    values are case-sensitive. Raises requests.HTTPError, with Azure's words, when it is refused.
    """
    found: list[dict[str, Any]] = []
    link: str | None = URL
    parameters: dict[str, str] | None = {"api-version": API_VERSION, "$filter": query}
    while link:
        answer = requests.get(link, params=parameters, timeout=TIMEOUT)
        if not answer.ok:
            message = f"{answer.status_code} from {URL}: {answer.text}"
            raise requests.HTTPError(message, response=answer)
        page = answer.json()
        found += page["Items"]
        # The link to the next page repeats the query.
        link, parameters = page.get("NextPageLink"), None
    return found


def machine(region: str, size: str = "Standard_D4as_v4") -> Price:
    """Return the price of a Linux machine for an hour, which an online endpoint pays for each.

    Raises PriceNotFoundError.
    """
    query = f"serviceName eq 'Virtual Machines' and armSkuName eq '{size}'"
    return _only(
        _standing(query, region),
        # The same size is listed for Windows too, and cheaper where Azure may take it away.
        lambda item: (
            not item["productName"].endswith("Windows")
            and not item["skuName"].endswith(("Spot", "Low Priority"))
            and "Expired" not in item["meterName"]
        ),
        f"a machine of the size {size} in {region}",
    )


def container_instances(region: str) -> ContainerInstancesPrices:
    """Return the prices of Azure Container Instances, Linux. Raises PriceNotFoundError."""
    found = _standing(
        "serviceName eq 'Container Instances' and productName eq 'Container Instances' "
        "and skuName eq 'Standard'",
        region,
    )
    what = f"Container Instances in {region}"
    return ContainerInstancesPrices(
        vcpu_hour=_meter(found, "Standard vCPU Duration", "1 Hour", what).usd,
        gb_hour=_meter(found, "Standard Memory Duration", "1 GB Hour", what).usd,
    )


def container_apps(region: str) -> ContainerAppsPrices:
    """Return the prices of Azure Container Apps, consumption plan. Raises PriceNotFoundError."""
    found = _standing("serviceName eq 'Azure Container Apps' and skuName eq 'Standard'", region)
    what = f"Container Apps in {region}"
    return ContainerAppsPrices(
        vcpu_second=_meter(found, "Standard vCPU Active Usage", "1 Second", what).usd,
        vcpu_second_idle=_meter(found, "Standard vCPU Idle Usage", "1 Second", what).usd,
        gib_second=_meter(found, "Standard Memory Active Usage", "1 GiB Second", what).usd,
        gib_second_idle=_meter(found, "Standard Memory Idle Usage", "1 GiB Second", what).usd,
        million_requests=_meter(found, "Standard Requests", "1M", what).usd,
    )


def registry(region: str, tier: str = "Basic") -> Price:
    """Return the price of a container registry for a day. Raises PriceNotFoundError."""
    found = _standing(f"serviceName eq 'Container Registry' and skuName eq '{tier}'", region)
    what = f"a registry of the tier {tier} in {region}"
    return _meter(found, f"{tier} Registry Unit", "1/Day", what)


def _standing(query: str, region: str) -> list[dict[str, Any]]:
    """Return the pay-as-you-go prices of a region that are valid today."""
    now = datetime.now(UTC).isoformat()
    found = items(f"{query} and armRegionName eq '{region}' and priceType eq 'Consumption'")
    # A price that is to change is listed twice for a while, with an end and with a later start.
    return [
        item
        for item in found
        if (item["effectiveStartDate"] or "") <= now <= (item.get("effectiveEndDate") or "9")
    ]


def _meter(found: list[dict[str, Any]], name: str, unit: str, what: str) -> Price:
    price = _only(found, lambda item: item["meterName"] == name, f"{name} of {what}")
    if price.unit != unit:
        raise PriceNotFoundError(f"{name} of {what} is priced by '{price.unit}', not by '{unit}'.")
    return price


def _only(
    found: list[dict[str, Any]], wanted: Callable[[dict[str, Any]], bool], what: str
) -> Price:
    """Return the one price that is wanted: the one above the free part, where there is one."""
    chosen = sorted(filter(wanted, found), key=lambda item: item["tierMinimumUnits"])
    if not chosen:
        raise PriceNotFoundError(
            f"The price list has no price for {what}. Look for another region, written as "
            "'swedencentral', or for another size; docs/prices.md says what local Azure's list has."
        )
    item = chosen[-1]
    since = item["effectiveStartDate"]
    return Price(
        usd=float(item["retailPrice"]),
        unit=item["unitOfMeasure"],
        meter=item["meterName"],
        product=item["productName"],
        region=item["armRegionName"],
        since=since and datetime.fromisoformat(since).date(),
    )
