"""What the price list's `$filter` may ask.

https://learn.microsoft.com/rest/api/cost-management/retail-prices/azure-retail-prices#filters
"""

from __future__ import annotations

from emulator.arm.odata import FilterError, FilterParser, Test

# The fields that the reference lists, with the field of an item that each looks at.
FIELDS = {
    "armRegionName": "armRegionName",
    "armSkuName": "armSkuName",
    "location": "location",
    "meterId": "meterId",
    "meterName": "meterName",
    "priceType": "type",
    "productId": "productId",
    "productName": "productName",
    "serviceFamily": "serviceFamily",
    "serviceId": "serviceId",
    "serviceName": "serviceName",
    "skuId": "skuId",
    "skuName": "skuName",
}
PRICE_TYPES = ("Consumption", "DevTestConsumption", "Reservation", "SavingsPlan")
MOST_COMPARISONS = 20  # Azure refuses more, however short they are


def parse(text: str, *, case_sensitive: bool = True) -> Test:
    """What `$filter` asks of an item. Raises FilterError, saying at which word."""
    return FilterParser(
        text, FIELDS, case_sensitive=case_sensitive, most=MOST_COMPARISONS, check=_check
    ).parse()


def _check(field: str, wanted: str) -> None:
    if field == "type" and wanted.lower() not in map(str.lower, PRICE_TYPES):
        raise FilterError(f"priceType is one of {', '.join(PRICE_TYPES)}, not '{wanted}'")
