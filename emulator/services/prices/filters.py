"""The part of OData that the price list's `$filter` understands.

https://learn.microsoft.com/rest/api/cost-management/retail-prices/azure-retail-prices#filters

    filter     = term *( "or" term )
    term       = factor *( "and" factor )
    factor     = "(" filter ")" | field ( "eq" | "ne" ) text
               | ( "contains" | "startswith" | "endswith" ) "(" field "," text ")"

`not`, `in` and comparisons of numbers are refused, as Azure refuses them.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

Item = dict[str, Any]
Test = Callable[[Item], bool]

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
FUNCTIONS: dict[str, Callable[[str, str], bool]] = {
    "contains": lambda text, part: part in text,
    "endswith": str.endswith,
    "startswith": str.startswith,
}
MOST_COMPARISONS = 20  # Azure refuses more, however short they are
_TOKEN = re.compile(r"\s*('(?:[^']|'')*'|[A-Za-z]\w*|[(),]|\S)")


class FilterError(ValueError):
    """The filter is not one that the price list understands."""


def parse(text: str, *, case_sensitive: bool = True) -> Test:
    """What `$filter` asks of an item. Raises FilterError, saying at which word."""
    return _Parser(text, case_sensitive).parse()


class _Parser:
    def __init__(self, text: str, case_sensitive: bool) -> None:
        self.tokens = [match[1] for match in _TOKEN.finditer(text)]
        self.position = 0
        self.comparisons = 0
        self.fold: Callable[[str], str] = str if case_sensitive else str.lower

    def parse(self) -> Test:
        test = self.any_of()
        if self.position < len(self.tokens):
            raise FilterError(f"'{self.peek()}' was not expected here")
        return test

    def peek(self) -> str:
        return self.tokens[self.position] if self.position < len(self.tokens) else "its end"

    def take(self, *expected: str) -> str:
        token = self.peek()
        if self.position >= len(self.tokens) or (expected and token not in expected):
            wanted = " or ".join(f"'{word}'" for word in expected) or "more"
            raise FilterError(f"{wanted} was expected, not {token}")
        self.position += 1
        return token

    def any_of(self) -> Test:
        tests = [self.all_of()]
        while self.peek() == "or":
            self.take()
            tests.append(self.all_of())
        return lambda item: any(test(item) for test in tests)

    def all_of(self) -> Test:
        tests = [self.one()]
        while self.peek() == "and":
            self.take()
            tests.append(self.one())
        return lambda item: all(test(item) for test in tests)

    def one(self) -> Test:
        if self.peek() == "(":
            self.take()
            test = self.any_of()
            self.take(")")
            return test
        self.comparisons += 1
        if self.comparisons > MOST_COMPARISONS:
            raise FilterError(f"it has more than {MOST_COMPARISONS} comparisons")
        if self.peek() in FUNCTIONS:
            return self.function(FUNCTIONS[self.take()])
        field = self.field()
        wanted_equal = self.take("eq", "ne") == "eq"
        wanted = self.text()
        if field == "type" and wanted.lower() not in map(str.lower, PRICE_TYPES):
            raise FilterError(f"priceType is one of {', '.join(PRICE_TYPES)}, not '{wanted}'")
        folded = self.fold(wanted)
        return lambda item: (self.fold(item[field] or "") == folded) is wanted_equal

    def function(self, holds: Callable[[str, str], bool]) -> Test:
        self.take("(")
        field = self.field()
        self.take(",")
        part = self.fold(self.text())
        self.take(")")
        return lambda item: holds(self.fold(item[field] or ""), part)

    def field(self) -> str:
        token = self.take()
        if token not in FIELDS:
            raise FilterError(f"'{token}' is not a field: the fields are {', '.join(FIELDS)}")
        return FIELDS[token]

    def text(self) -> str:
        token = self.take()
        if len(token) < 2 or not token.startswith("'"):
            raise FilterError(f"a value in single quotes was expected, not {token}")
        return token[1:-1].replace("''", "'")
