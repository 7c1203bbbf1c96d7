"""The `$filter` of a request for metrics."""

from __future__ import annotations

import pytest

from emulator.services.monitor.metric_filter import MetricFilterError, read_filter


def taken(text: str, **values: str) -> bool:
    return all(one.takes(values[one.dimension]) for one in read_filter(text))


def test_or_joins_values_of_one_dimension_and_and_joins_dimensions():
    text = "A eq 'a1' and B eq 'b1' or B eq 'b2' and C eq '*'"
    assert [one.dimension for one in read_filter(text)] == ["a", "b", "c"]
    assert taken(text, a="a1", b="b2", c="anything")
    assert taken(text, a="A1", b="B1", c="")
    assert not taken(text, a="a1", b="b3", c="x")
    assert not taken(text, a="a2", b="b1", c="x")


def test_operators():
    assert taken("code sw '4'", code="404")
    assert not taken("code sw '4'", code="200")
    assert taken("code ne '404' or code ne '200'", code="500")
    assert not taken("code ne '404' or code ne '200'", code="200")
    assert taken("name eq 'it''s and or'", name="it's and or")


@pytest.mark.parametrize(
    "text",
    [
        "A eq 'a' or B eq 'b'",
        "A eq 'a' and",
        "A eq 'a' and A eq 'b'",
        "A eq a",
        "A eq 'a",
        "A gt 'a'",
        "A eq 'a' xor B eq 'b'",
        "'",
        "and",
        " and ".join(f"A{n} eq 'x'" for n in range(60)),
    ],
)
def test_what_is_no_filter_is_refused(text: str):
    with pytest.raises(MetricFilterError):
        read_filter(text)
