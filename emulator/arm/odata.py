"""The part of OData that Azure's lists understand in `$filter`.

https://learn.microsoft.com/azure/search/search-query-odata-filter

    filter     = term *( "or" term )
    term       = factor *( "and" factor )
    factor     = "(" filter ")" | field ( "eq" | "ne" ) text
               | function "(" field "," text ")", or the two the other way round for `substringof`

`not`, `in` and comparisons of numbers are refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

Item = Mapping[str, Any]
Test = Callable[[Item], bool]
FUNCTIONS: dict[str, Callable[[str, str], bool]] = {
    "contains": lambda text, part: part in text,
    "endswith": str.endswith,
    "startswith": str.startswith,
}
DEEPEST = 20  # parentheses in one another
_TOKEN = re.compile(r"\s*('(?:[^']|'')*'|[A-Za-z]\w*|[(),]|\S)")


class FilterError(ValueError):
    """The filter is not one that the list understands; the message says at which word."""


class FilterParser:
    """Reads one filter. `fields` are the names that it may use -> the item's own names.

    `most` is how many comparisons it may have. `check` is called with a field of the item and the
    text that it is compared with, and raises FilterError for one that it cannot have.
    """

    def __init__(
        self,
        text: str,
        fields: Mapping[str, str],
        *,
        case_sensitive: bool,
        most: int = 20,
        check: Callable[[str, str], None] = lambda _field, _text: None,
    ) -> None:
        self.tokens = [match[1] for match in _TOKEN.finditer(text)]
        self.fields = fields
        self.most = most
        self.check = check
        self.position = 0
        self.comparisons = 0
        self.depth = 0
        self.fold: Callable[[str], str] = str if case_sensitive else str.lower

    def parse(self) -> Test:
        """What the filter asks of an item. Raises FilterError."""
        test = self._any_of()
        if self.position < len(self.tokens):
            raise FilterError(f"'{self._peek()}' was not expected here")
        return test

    def _peek(self) -> str:
        return self.tokens[self.position] if self.position < len(self.tokens) else "its end"

    def _take(self, *expected: str) -> str:
        token = self._peek()
        if self.position >= len(self.tokens) or (expected and token not in expected):
            wanted = " or ".join(f"'{word}'" for word in expected) or "more"
            raise FilterError(f"{wanted} was expected, not {token}")
        self.position += 1
        return token

    def _any_of(self) -> Test:
        tests = [self._all_of()]
        while self._peek() == "or":
            self._take()
            tests.append(self._all_of())
        return lambda item: any(test(item) for test in tests)

    def _all_of(self) -> Test:
        tests = [self._one()]
        while self._peek() == "and":
            self._take()
            tests.append(self._one())
        return lambda item: all(test(item) for test in tests)

    def _one(self) -> Test:
        if self._peek() == "(":
            self.depth += 1
            if self.depth > DEEPEST:
                raise FilterError(f"it has more than {DEEPEST} parentheses in one another")
            self._take()
            test = self._any_of()
            self._take(")")
            self.depth -= 1
            return test
        self.comparisons += 1
        if self.comparisons > self.most:
            raise FilterError(f"it has more than {self.most} comparisons")
        if self._peek() in FUNCTIONS:
            return self._function(FUNCTIONS[self._take()])
        if self._peek() == "substringof":
            return self._substring_of()
        field = self._field()
        wanted_equal = self._take("eq", "ne") == "eq"
        wanted = self._text()
        self.check(field, wanted)
        folded = self.fold(wanted)
        return lambda item: (self.fold(item[field] or "") == folded) is wanted_equal

    def _function(self, holds: Callable[[str, str], bool]) -> Test:
        self._take("(")
        field = self._field()
        self._take(",")
        part = self.fold(self._text())
        self._take(")")
        return lambda item: holds(self.fold(item[field] or ""), part)

    def _substring_of(self) -> Test:
        self._take()
        self._take("(")
        part = self.fold(self._text())
        self._take(",")
        field = self._field()
        self._take(")")
        return lambda item: part in self.fold(item[field] or "")

    def _field(self) -> str:
        token = self._take()
        if token not in self.fields:
            raise FilterError(f"'{token}' is not a field: the fields are {', '.join(self.fields)}")
        return self.fields[token]

    def _text(self) -> str:
        token = self._take()
        if len(token) < 2 or not token.startswith("'"):
            raise FilterError(f"a value in single quotes was expected, not {token}")
        return token[1:-1].replace("''", "'")
