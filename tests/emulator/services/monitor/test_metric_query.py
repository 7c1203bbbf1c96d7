"""What a request for metrics asks for: times, intervals, and what Azure refuses."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from emulator.services.monitor.metric_query import QueryError, iso, read_query, time_span, times

NOW = datetime(2026, 11, 28, 12, 0, 30, tzinfo=UTC)
HOUR_AGO = NOW - timedelta(hours=1)


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("", "2026-11-28T11:00:30Z", "2026-11-28T12:00:30Z"),
        ("PT30M", "2026-11-28T11:30:30Z", "2026-11-28T12:00:30Z"),
        ("P1D", "2026-11-27T12:00:30Z", "2026-11-28T12:00:30Z"),
        (
            "2026-11-28T01:00:00Z/2026-11-28T02:00:00.5Z",
            "2026-11-28T01:00:00Z",
            "2026-11-28T02:00:00Z",
        ),
        ("2026-11-28T01:00:00Z/PT1H", "2026-11-28T01:00:00Z", "2026-11-28T02:00:00Z"),
        ("PT1H/2026-11-28T02:00:00Z", "2026-11-28T01:00:00Z", "2026-11-28T02:00:00Z"),
        # Encoded twice, as the az CLI does.
        (
            "2026-11-28T01%3A00%3A00%2F2026-11-28T02%3A00%3A00",
            "2026-11-28T01:00:00Z",
            "2026-11-28T02:00:00Z",
        ),
        # "+" as it arrives when a client has not encoded it.
        (
            "2026-11-28T03:00:00 02:00/2026-11-28T02:00:00",
            "2026-11-28T01:00:00Z",
            "2026-11-28T02:00:00Z",
        ),
    ],
)
def test_a_timespan(text: str, start: str, end: str):
    assert tuple(map(iso, time_span(text, NOW))) == (start, end)


def test_times_apart():
    assert times("", "", NOW) == (HOUR_AGO, NOW)
    assert times("2026-11-28T11:00:30Z", "", NOW) == (HOUR_AGO, NOW)
    with pytest.raises(QueryError):
        times("", "2026-11-28T11:00:30Z", NOW)


@pytest.mark.parametrize("text", ["yesterday", "2026-11-28T01:00:00Z", "a/b", "P1Y/PT1H", "PT1H/"])
def test_what_is_no_timespan_is_refused(text: str):
    with pytest.raises(QueryError, match="timespan"):
        time_span(text, NOW)


def test_steps_begin_with_the_first_minute_and_end_with_the_one_under_way():
    asked = read_query({"interval": "PT1M"}, span=(HOUR_AGO, NOW))
    assert (iso(asked.start), asked.steps) == ("2026-11-28T11:00:00Z", 61)
    asked = read_query({"interval": "pt15m"}, span=(HOUR_AGO, NOW))
    assert (asked.interval, asked.seconds, asked.steps) == ("PT15M", 900, 5)
    asked = read_query({"interval": "full"}, span=(HOUR_AGO, NOW))
    assert (asked.seconds, asked.steps) == (61 * 60, 1)


def test_an_interval_that_is_none_is_refused_or_adjusted():
    with pytest.raises(QueryError, match=r"PT3M, supported ones are: 00:01:00,.*1\.00:00:00"):
        read_query({"interval": "PT3M"}, span=(HOUR_AGO, NOW))
    given = {"interval": "PT3M", "AutoAdjustTimegrain": "true"}
    assert read_query(given, span=(HOUR_AGO, NOW)).interval in ("PT1M", "PT5M")


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ({"interval": "minutes"}, "Invalid time grain"),
        ({"aggregation": "average,sum"}, "Detected invalid Aggregation type: sum"),
        ({"top": "many"}, "'top'"),
        ({"top": "0"}, "'top'"),
        ({"orderby": "biggest first"}, "'orderby'"),
        ({"resultType": "Everything"}, "'resultType'"),
        ({"ValidateDimensions": "maybe"}, "'ValidateDimensions'"),
        ({"$filter": "a or b"}, "filter"),
    ],
)
def test_what_azure_refuses(query: dict[str, str], told: str):
    with pytest.raises(QueryError, match=told):
        read_query(query, span=(HOUR_AGO, NOW))


def test_times_that_make_no_sense_are_refused():
    for start in (NOW, NOW + timedelta(days=1), NOW - timedelta(days=400)):
        with pytest.raises(QueryError):
            read_query({}, span=(start, NOW))
