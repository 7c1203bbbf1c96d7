"""What Azure says of itself: prices, limits, defaults and dates, each with its source.

All stand in facts.yaml, so that one that changes is changed in one place. A lesson's text names a
fact as {{container_instances.max_cores}}; its code calls `fact("container_instances.max_cores")`.
The prices that lessons compute with come from the price list: practice/pricing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import yaml

FILE = Path(__file__).with_name("facts.yaml")

Value = bool | int | float | str | date

_PLACE = re.compile(r"\{\{\s*(\w+\.\w+)\s*\}\}")
_MONTHS = "January February March April May June July August September October November December"


class FactError(Exception):
    """A fact cannot be read, or there is none of that name; the message says which."""


@dataclass(frozen=True)
class Fact:
    """`value` in `unit`, as the page at `source` said on the day `read`."""

    name: str
    value: Any
    source: str
    read: date
    unit: str = ""
    note: str = ""

    def __str__(self) -> str:
        """Return the value as a sentence has it: 5, 180,000, Standard_D4as_v4, 1 May 2028."""
        if isinstance(self.value, date):
            month = _MONTHS.split()[self.value.month - 1]
            return f"{self.value.day} {month} {self.value.year}"
        if isinstance(self.value, int) and self.value >= 10_000:
            return f"{self.value:,}"
        return str(self.value)


def fact(name: str) -> Fact:
    """Return the fact of that name, such as "container_instances.max_cores". Raises FactError."""
    known = facts()
    if name not in known:
        raise FactError(f"There is no fact {name!r} in {FILE.name}.")
    return known[name]


@cache
def facts(file: Path = FILE) -> dict[str, Fact]:
    """Return every fact by its name. Raises FactError, which names one that is not whole."""
    sections = yaml.safe_load(file.read_text(encoding="utf-8"))
    return {
        name: _parse(name, entry)
        for section, entries in sections.items()
        for key, entry in entries.items()
        for name in [f"{section}.{key}"]
    }


def fill(text: str) -> str:
    """Return a text with the values of the facts that it names. Raises FactError."""
    return _PLACE.sub(lambda place: str(fact(place[1])), text)


def _parse(name: str, entry: dict[str, Any]) -> Fact:
    try:
        found = Fact(name=name, **entry)
    except TypeError as error:
        raise FactError(f"{name} in {FILE.name} is not a fact: {error}") from None
    if not isinstance(found.value, Value):
        raise FactError(f"The value of {name} is {found.value!r}: write a number, a text, a date.")
    if not isinstance(found.read, date):
        raise FactError(f"{name} was read on {found.read!r}: write a day, such as 2026-11-28.")
    return found
