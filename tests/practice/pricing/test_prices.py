"""The prices that lessons ask for, over the real socket, and what is chosen from a longer list."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from practice.pricing import prices
from practice.pricing.prices import PriceNotFoundError


def test_a_machine(local_azure) -> None:
    price = prices.machine("swedencentral")
    assert (price.usd, price.unit, price.region) == (0.204, "1 Hour", "swedencentral")
    assert (price.meter, price.product) == ("D4as v4", "Virtual Machines Dasv4 Series")
    assert price.since is None
    assert prices.machine("eastus", "Standard_DS3_v2").usd == 0.293


def test_container_instances(local_azure) -> None:
    assert prices.container_instances("swedencentral") == prices.ContainerInstancesPrices(
        vcpu_hour=0.0466, gb_hour=0.00511
    )


def test_container_apps(local_azure) -> None:
    assert prices.container_apps("westeurope") == prices.ContainerAppsPrices(
        vcpu_second=0.000034,
        vcpu_second_idle=0.000004,
        gib_second=0.000004,
        gib_second_idle=0.000004,
        million_requests=0.56,
    )


def test_a_registry(local_azure) -> None:
    price = prices.registry("westeurope")
    assert (price.usd, price.unit) == (0.1666, "1/Day")


@pytest.mark.parametrize(
    ("ask", "says"),
    [
        (lambda: prices.machine("westeurope", "Standard_M416"), "Standard_M416 in westeurope"),
        (lambda: prices.machine("West Europe"), "written as 'swedencentral'"),
        (lambda: prices.container_instances("westeurope"), "Container Instances in westeurope"),
        (lambda: prices.container_apps("mars"), "Container Apps in mars"),
        (lambda: prices.registry("westeurope", "Premium"), "tier Premium"),
    ],
)
def test_a_price_that_is_not_listed(local_azure, ask, says: str) -> None:
    with pytest.raises(PriceNotFoundError, match=says):
        ask()


def test_a_filter_that_is_refused(local_azure) -> None:
    with pytest.raises(requests.HTTPError, match="Invalid OData parameters"):
        prices.items("size eq 'large'")


# What the real list has more of


class List:
    """A price list of two pages."""

    def __init__(self, *items: dict[str, Any]) -> None:
        self.items = items
        self.asked: list[tuple[str, Any]] = []

    def __call__(self, url: str, params: Any, timeout: float) -> requests.Response:
        self.asked.append((url, params))
        page = len(self.asked) - 1
        answer = requests.Response()
        answer.status_code = 200
        more = page + 1 < len(self.items)
        answer.json = lambda **_: {  # type: ignore[method-assign]  # no socket in between
            "Items": [self.items[page]],
            "NextPageLink": f"{prices.URL}?page={page + 1}" if more else None,
        }
        return answer


def registry_item(usd: float, **changes: Any) -> dict[str, Any]:
    return {
        "retailPrice": usd,
        "tierMinimumUnits": 0.0,
        "unitOfMeasure": "1/Day",
        "meterName": "Basic Registry Unit",
        "productName": "Container Registry",
        "armRegionName": "westeurope",
        "effectiveStartDate": "2020-05-01T00:00:00Z",
        **changes,
    }


def test_all_pages_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    both = List(registry_item(1), registry_item(2))
    monkeypatch.setattr(requests, "get", both)
    assert [item["retailPrice"] for item in prices.items("x")] == [1, 2]
    assert both.asked[0][1]["$filter"] == "x"
    assert both.asked[1] == (f"{prices.URL}?page=1", None)


def test_above_a_free_part_the_price_is_the_one_paid(monkeypatch: pytest.MonkeyPatch) -> None:
    paid, free = registry_item(0.2, tierMinimumUnits=100.0), registry_item(0)
    monkeypatch.setattr(requests, "get", List(paid, free))
    assert prices.registry("westeurope").usd == 0.2


def test_a_price_counts_while_it_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    old = registry_item(1, effectiveEndDate="2021-01-31T23:59:00Z")
    coming = registry_item(3, effectiveStartDate="2999-01-01T00:00:00Z")
    monkeypatch.setattr(requests, "get", List(old, registry_item(2), coming))
    price = prices.registry("westeurope")
    assert price.usd == 2
    assert str(price.since) == "2020-05-01"


def test_another_unit_is_not_mistaken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requests, "get", List(registry_item(5, unitOfMeasure="1/Month")))
    with pytest.raises(PriceNotFoundError, match="by '1/Month', not by '1/Day'"):
        prices.registry("westeurope")
