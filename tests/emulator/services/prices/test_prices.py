"""The price list over the real socket, its filters, and the snapshot that it is answered from."""

from __future__ import annotations

import json
import re
from datetime import date
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from emulator.services.prices.filters import FIELDS, FilterError, parse
from emulator.services.prices.retail import SNAPSHOT, RetailPrices

URL = "https://prices.azure.com/api/retail/prices"
# As the reference shows an item, reservations' and savings plans' fields excepted.
ITEM = {
    "currencyCode": str,
    "tierMinimumUnits": float,
    "retailPrice": float,
    "unitPrice": float,
    "armRegionName": str,
    "location": str,
    "effectiveStartDate": str | None,
    "meterId": str | None,
    "meterName": str,
    "productId": str | None,
    "skuId": str | None,
    "productName": str,
    "skuName": str,
    "serviceName": str,
    "serviceId": str | None,
    "serviceFamily": str | None,
    "unitOfMeasure": str,
    "type": str,
    "isPrimaryMeterRegion": None,
    "armSkuName": str,
}
GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
EUROPE = (
    "serviceName eq 'Virtual Machines' and armRegionName eq 'westeurope' "
    "and armSkuName eq 'Standard_DS3_v2'"
)


@pytest.fixture(scope="module")
def snapshot() -> list[dict[str, Any]]:
    records: list[dict[str, Any]] = json.loads(SNAPSHOT.read_text())["records"]
    return records


@pytest.fixture(scope="module")
def prices() -> RetailPrices:
    return RetailPrices()


def names(answer: dict[str, Any]) -> list[str]:
    return [item["meterName"] for item in answer["Items"]]


# Over the socket


def test_anybody_may_read_it(local_azure) -> None:
    answer = requests.get(URL, params={"$filter": EUROPE}, timeout=30)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("application/json")
    page = answer.json()
    assert list(page) == [
        "BillingCurrency",
        "CustomerEntityId",
        "CustomerEntityType",
        "Items",
        "NextPageLink",
        "Count",
    ]
    assert (page["BillingCurrency"], page["CustomerEntityId"]) == ("USD", "Default")
    assert page["CustomerEntityType"] == "Retail"
    assert page["NextPageLink"] is None
    assert page["Count"] == len(page["Items"]) == 4
    linux = next(i for i in page["Items"] if i["meterId"] == "209fb2f9-c45c-4e6c-bf9d-954686fd3c2c")
    assert linux["retailPrice"] == 0.272
    assert linux["armSkuName"] == "Standard_DS3_v2"


def test_everything_fits_on_one_page(local_azure, snapshot) -> None:
    page = requests.get(URL, timeout=30).json()
    assert page["Count"] == sum(len(record["Items"]) for record in snapshot)


@pytest.mark.parametrize(
    ("query", "status", "says"),
    [
        ({"$filter": "serviceName"}, 400, "'eq' or 'ne' was expected"),
        ({"api-version": "2023-01-01"}, 400, "Unsupported API version"),
        ({"$skip": "-1"}, 400, "$skip"),
        ({"currencyCode": "'EUR'"}, 501, "prices in 'EUR', only in USD"),
        ({"meterRegion": "primary"}, 501, "the parameter 'meterRegion'"),
    ],
)
def test_what_is_refused_says_why(local_azure, query: dict[str, str], status: int, says: str):
    answer = requests.get(URL, params=query, timeout=30)
    assert answer.status_code == status
    error = answer.json().get("Error") or answer.json()["error"]
    assert says in (error.get("Message") or error["message"])


def test_other_paths_and_methods_are_not_there(local_azure) -> None:
    assert requests.get("https://prices.azure.com/api/other", timeout=30).status_code == 404
    assert requests.post(URL, timeout=30).status_code == 405


# Versions, currencies and pages


@pytest.mark.parametrize(
    ("version", "found"),
    [(None, 0), ("2023-01-01-preview", 0), ("2021-10-01-preview", 4)],
)
def test_values_are_case_sensitive_from_2023_on(prices, version: str | None, found: int) -> None:
    query = {"$filter": EUROPE.lower().replace("servicename", "serviceName")}
    query["$filter"] = query["$filter"].replace("armregionname", "armRegionName")
    query["$filter"] = query["$filter"].replace("armskuname", "armSkuName")
    if version:
        query["api-version"] = version
    assert prices.answer(query)["Count"] == found


@pytest.mark.parametrize("currency", ["USD", "'USD'", "usd"])
def test_dollars_are_the_currency(prices, currency: str) -> None:
    assert prices.answer({"currencyCode": currency})["Count"] > 0


def test_the_links_lead_through_all_pages() -> None:
    small = RetailPrices(page=3)
    query = {"$filter": EUROPE, "currencyCode": "'USD'"}
    first = small.answer(query)
    assert first["Count"] == 3
    link = urlsplit(first["NextPageLink"])
    assert first["NextPageLink"].startswith(f"{URL.replace('.com/', '.com:443/')}?")
    following = {name: value for name, [value] in parse_qs(link.query).items()}
    assert following == {**query, "$skip": "3"}
    second = small.answer(following)
    assert (second["Count"], second["NextPageLink"]) == (1, None)
    assert first["Items"] + second["Items"] == RetailPrices().answer(query)["Items"]


# Filters


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("meterName eq 'DS3 v2'", ["DS3 v2", "DS3 v2"]),
        ("meterName ne 'DS3 v2'", ["DS3 v2 Low Priority", "DS3 v2 Spot"]),
        ("contains(meterName, 'Low')", ["DS3 v2 Low Priority"]),
        ("startswith(skuName, 'DS3 v2 S')", ["DS3 v2 Spot"]),
        ("endswith(productName,'Windows')", ["DS3 v2"]),
        ("(skuName eq 'DS3 v2 Spot' or skuName eq 'none')", ["DS3 v2 Spot"]),
        ("skuName eq 'none' or priceType eq 'Consumption' and skuName eq 'DS3 v2 Spot'", None),
        ("priceType eq 'Reservation'", []),
        ("meterId eq '209fb2f9-c45c-4e6c-bf9d-954686fd3c2c'", ["DS3 v2"]),
        ("contains(meterName, 'it''s')", []),
    ],
)
def test_what_a_filter_selects(prices, text: str, found: list[str] | None) -> None:
    selected = names(prices.answer({"$filter": f"{EUROPE} and ({text})"}))
    assert selected == (["DS3 v2 Spot"] if found is None else found)


def test_and_binds_closer_than_or() -> None:
    item = dict.fromkeys(FIELDS.values(), "a")
    assert parse("skuName eq 'a' or skuName eq 'a' and skuId eq 'b'")(item)
    assert not parse("(skuName eq 'a' or skuName eq 'a') and skuId eq 'b'")(item)


@pytest.mark.parametrize("field", FIELDS)
def test_each_field_of_the_reference(prices, field: str) -> None:
    value = next(str(item[FIELDS[field]]) for item in prices.items if item[FIELDS[field]])
    found = prices.answer({"$filter": f"{field} eq '{value}'"})["Items"]
    assert found
    assert {item[FIELDS[field]] for item in found} == {value}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "its end is not a field|more was expected"),
        ("skuName eq DS3", "single quotes"),
        ("skuName eq 'a' and", "its end"),
        ("skuName eq 'a' skuId eq 'b'", "'skuId' was not expected"),
        ("(skuName eq 'a'", r"'\)' was expected"),
        ("not contains(skuName, 'a')", "'not' is not a field"),
        ("skuName in ('a', 'b')", "'eq' or 'ne'"),
        ("retailPrice lt 1", "'retailPrice' is not a field"),
        ("priceType eq 'Spot'", "priceType is one of Consumption"),
        ("contains(skuName 'a')", "',' was expected"),
        ("skuName eq 'a", "single quotes"),
        (" or ".join(["skuName eq 'a'"] * 21), "more than 20"),
    ],
)
def test_filters_that_azure_refuses(text: str, says: str) -> None:
    with pytest.raises(FilterError, match=says):
        parse(text)


# The snapshot


def test_each_record_says_where_and_when_it_was_read(snapshot) -> None:
    assert len(snapshot) >= 4
    for record in snapshot:
        assert len(record["source"]) > 40
        if record["read"]:
            assert date(2026, 8, 1) <= date.fromisoformat(record["read"]) <= date(2026, 11, 23)
        else:
            assert "undated" in record["source"]


def test_items_have_the_shape_of_the_real_ones(prices) -> None:
    assert prices.items
    for item in prices.items:
        assert list(item) == list(ITEM)
        for field, kind in ITEM.items():
            assert item[field] is None if kind is None else isinstance(item[field], kind), field
        assert item["retailPrice"] == item["unitPrice"] > 0
        if item["meterId"]:
            assert GUID.fullmatch(item["meterId"])
        if item["skuId"]:
            assert item["skuId"].startswith(f"{item['productId']}/")


def test_no_price_is_there_twice(prices) -> None:
    keys = ("armRegionName", "productName", "skuName", "meterName")
    listed = [tuple(item[key] for key in keys) for item in prices.items]
    assert len(set(listed)) == len(listed)
