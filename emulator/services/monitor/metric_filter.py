"""The `$filter` of a request for metrics: which values of which dimensions.

https://learn.microsoft.com/rest/api/monitor/metrics/list

    filter     = choice *( "and" choice )
    choice     = comparison *( "or" comparison ), all of one dimension
    comparison = dimension ( "eq" | "ne" | "sw" ) text; 'eq' with '*' is any value

`or` binds closer than `and`, and cannot join two dimensions.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

MOST_COMPARISONS = 50
_TOKEN = re.compile(r"'(?:[^']|'')*'|[^\s']+|'")
_TESTS: dict[str, Callable[[str, str], bool]] = {
    "eq": lambda value, wanted: wanted == "*" or value == wanted,
    "ne": lambda value, wanted: value != wanted,
    "sw": str.startswith,
}


class MetricFilterError(ValueError):
    """The message says what is wrong with the filter."""


@dataclass(frozen=True)
class Choice:
    """Values of one dimension, in lower case: those of which a comparison holds, or each of them
    where they are excluded (`ne`)."""

    dimension: str
    comparisons: tuple[tuple[str, str], ...]

    def takes(self, value: str) -> bool:
        folded = value.lower()
        excluded = [wanted for operator, wanted in self.comparisons if operator == "ne"]
        others = [one for one in self.comparisons if one[0] != "ne"]
        if folded in excluded:
            return False
        return not others or any(_TESTS[operator](folded, wanted) for operator, wanted in others)


def read_filter(text: str) -> tuple[Choice, ...]:
    """The choices of a filter, dimensions in lower case. Raises MetricFilterError."""
    tokens = _TOKEN.findall(text)
    choices: dict[str, list[tuple[str, str]]] = {}
    last, joined_by = "", ""
    for number in range(0, len(tokens), 4):
        dimension, operator, value, join = (*tokens[number : number + 4], "", "", "")[:4]
        name = dimension.lower()
        if operator.lower() not in _TESTS or len(value) < 2 or not value.startswith("'"):
            raise MetricFilterError(
                f"'{dimension} {operator} {value}' is no comparison like A eq 'b'"
            )
        if joined_by == "or" and name != last:
            raise MetricFilterError("'or' cannot separate two different metadata names")
        if joined_by == "and" and name in choices:
            raise MetricFilterError(f"'{dimension}' is compared twice: join its values with 'or'")
        wanted = value[1:-1].replace("''", "'").lower()
        choices.setdefault(name, []).append((operator.lower(), wanted))
        last, joined_by = name, join.lower()
        if joined_by not in ("", "and", "or"):
            raise MetricFilterError(f"'and' or 'or' was expected, not '{join}'")
    if joined_by or not choices:
        raise MetricFilterError("a comparison is missing")
    if sum(map(len, choices.values())) > MOST_COMPARISONS:
        raise MetricFilterError(f"it has more than {MOST_COMPARISONS} comparisons")
    return tuple(Choice(name, tuple(comparisons)) for name, comparisons in choices.items())
