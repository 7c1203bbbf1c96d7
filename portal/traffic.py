"""Shares of traffic, as the form of the macro `traffic` sends them."""

from __future__ import annotations

from typing import Any

from portal.pages import text_field

PREFIX = "share:"
WHOLE = 100  # per cent


def whole_number(name: str, given: str) -> int:
    """Return per cent. Raises ValueError where it is no whole number from 0 to 100."""
    if not given.isdecimal() or len(given) > len(str(WHOLE)) or int(given) > WHOLE:
        raise ValueError(f"{name}: {given} is no whole number from 0 to 100.")
    return int(given)


def read_shares(form: Any, *, zero: bool = False) -> dict[str, int]:
    """Return each name's per cent.

    Raises ValueError where one is no whole number from 0 to 100, or where they do not add up to
    100 (or to 0, if `zero`).
    """
    shares = {}
    for field in form:
        if field.startswith(PREFIX):
            name, given = field.removeprefix(PREFIX), text_field(form, field) or "0"
            shares[name] = whole_number(name, given)
    total = sum(shares.values())
    if total != WHOLE and not (zero and total == 0):
        raise ValueError(f"The shares add up to {total} %, not to 100 %.")
    return shares
