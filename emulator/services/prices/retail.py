"""Azure Retail Prices: what Azure charges, for everybody to read, without signing in.

https://learn.microsoft.com/rest/api/cost-management/retail-prices/azure-retail-prices

Host: prices.azure.com. The prices are those of snapshot.json, which says for each where and when
it was read; docs/prices.md tells more.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, Router

from emulator.arm.errors import ArmError, not_emulated
from emulator.arm.odata import FilterError
from emulator.services.prices.filters import parse

HOST = "prices.azure.com"
PATH = "/api/retail/prices"
SNAPSHOT = Path(__file__).with_name("snapshot.json")
PAGE = 1000  # items an answer, as the reference says
# From the preview on, and where no version is asked for, values are case-sensitive.
FOLDING_VERSIONS = ("2021-10-01-preview", "2021-10-01")
VERSIONS = (*FOLDING_VERSIONS, "2023-01-01-preview")
PARAMETERS = ("api-version", "currencyCode", "$filter", "$skip")


class RetailPrices:
    """The price list. `page` is how many items one answer holds at most."""

    def __init__(self, snapshot: Path = SNAPSHOT, page: int = PAGE) -> None:
        records = json.loads(snapshot.read_text())["records"]
        self.items: list[dict[str, Any]] = [item for record in records for item in record["Items"]]
        self.page = page

    def application(self) -> Router:
        return Router([Route(PATH, self.list_prices, methods=["GET"])])

    async def list_prices(self, request: Request) -> Response:
        try:
            return JSONResponse(self.answer(request.query_params))
        except ArmError as error:
            return JSONResponse(error.body(), error.status)
        except ValueError as error:
            return JSONResponse({"Error": {"Code": "BadRequest", "Message": str(error)}}, 400)

    def answer(self, query: Mapping[str, str]) -> dict[str, Any]:
        """One page of the list. Raises ValueError for what Azure refuses, ArmError for what is
        not in the snapshot."""
        for name in query:
            if name not in PARAMETERS:
                raise not_emulated(f"the parameter '{name}' of the price list")
        version = query.get("api-version", VERSIONS[-1])
        if version not in VERSIONS:
            raise ValueError(f"Unsupported API version '{version}': one of {', '.join(VERSIONS)}.")
        currency = query.get("currencyCode", "USD").strip("'")
        if currency.upper() != "USD":
            raise not_emulated(f"prices in '{currency}', only in USD, in which Azure sets them")
        skip = query.get("$skip", "0")
        if not re.fullmatch(r"\d{1,9}", skip, re.ASCII):
            raise ValueError(f"Invalid OData parameters supplied: $skip is '{skip}', not a number.")
        found = self.items
        if "$filter" in query:
            try:
                test = parse(query["$filter"], case_sensitive=version not in FOLDING_VERSIONS)
            except FilterError as error:
                raise ValueError(
                    f"Invalid OData parameters supplied: in $filter={query['$filter']}, {error}."
                ) from None
            found = [item for item in found if test(item)]
        end = int(skip) + self.page
        shown = found[int(skip) : end]
        return {
            "BillingCurrency": "USD",
            "CustomerEntityId": "Default",
            "CustomerEntityType": "Retail",
            "Items": shown,
            "NextPageLink": _link(query, end) if end < len(found) else None,
            "Count": len(shown),
        }


def _link(query: Mapping[str, str], skip: int) -> str:
    """The next page's URL, with the port, as Azure writes it."""
    asked = {**query, "$skip": str(skip)}
    parameters = "&".join(f"{name}={quote(value, safe='')}" for name, value in asked.items())
    return f"https://{HOST}:443{PATH}?{parameters}"
