"""Shares of traffic as a form sends them."""

from __future__ import annotations

import pytest

from portal.traffic import read_shares


def test_shares_that_add_up() -> None:
    form = {"share:blue": "70", "share:green": " 30 ", "workspace": "w"}
    assert read_shares(form) == {"blue": 70, "green": 30}
    assert read_shares({"share:blue": "0"}, zero=True) == {"blue": 0}


@pytest.mark.parametrize("given", ["60", "101", "-1", "1.5", "ten", "0"])
def test_shares_that_cannot_be_are_refused_with_the_reason(given: str) -> None:
    with pytest.raises(ValueError, match="100"):
        read_shares({"share:blue": given})
