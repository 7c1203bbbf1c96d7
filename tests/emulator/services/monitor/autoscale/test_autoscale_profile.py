"""Which profile's turn it is, by the clock of its time zone."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from emulator.arm.errors import ArmError
from emulator.arm.fields import Fields
from emulator.services.monitor.autoscale.profile import (
    AutoscaleProfile,
    profile_at,
    read_profile,
)

PACIFIC, EASTERN_EUROPE = "Pacific Standard Time", "E. Europe Standard Time"


def made(name: str, **schedule: Any) -> AutoscaleProfile:
    capacity = {"minimum": 1, "maximum": 3, "default": "1"}
    return read_profile(Fields({"name": name, "capacity": capacity, "rules": [], **schedule}))


def weekly(name: str, zone: str, days: list[str], hour: int, minute: int = 0) -> AutoscaleProfile:
    schedule = {"timeZone": zone, "days": days, "hours": [hour], "minutes": [minute]}
    return made(name, recurrence={"frequency": "Week", "schedule": schedule})


def name_at(profiles: list[AutoscaleProfile], text: str) -> str | None:
    found = profile_at(profiles, datetime.fromisoformat(text).replace(tzinfo=UTC))
    return found.name if found else None


# https://learn.microsoft.com/azure/azure-monitor/autoscale/autoscale-multiprofile
def test_a_recurring_profile_lasts_until_the_next_one_begins():
    profiles = [
        weekly("weekday", EASTERN_EUROPE, ["Monday"], 4),
        weekly("weekend", EASTERN_EUROPE, ["saturday"], 0, 1),
    ]
    # Chisinau is two hours before UTC in winter, three in summer.
    assert name_at(profiles, "2026-11-27T22:00") == "weekday"  # Saturday, 0:00
    assert name_at(profiles, "2026-11-27T22:01") == "weekend"
    assert name_at(profiles, "2026-11-30T01:59") == "weekend"  # Monday, 3:59
    assert name_at(profiles, "2026-11-30T02:00") == "weekday"
    assert name_at(profiles, "2026-07-05T23:30") == "weekend"  # Monday, 2:30
    assert name_at(profiles, "2026-07-06T01:00") == "weekday"


def test_a_fixed_date_comes_first_then_what_recurs_then_the_default():
    date = {
        "timeZone": PACIFIC,
        "start": "2026-12-26T00:00:00",
        "end": "2026-12-26T23:59:00.000Z",
    }
    event, usual = made("event", fixedDate=date), made("usual")
    night = weekly("night", "UTC", ["0", "6"], 20)
    assert name_at([usual, event], "2026-12-26T07:59") == "usual"
    assert name_at([usual, event], "2026-12-26T08:00") == "event"
    assert name_at([usual, event], "2026-12-27T07:58") == "event"
    assert name_at([usual, event], "2026-12-27T07:59") == "usual"
    assert name_at([usual, night, event], "2026-12-26T08:00") == "event"
    assert name_at([usual, night, event], "2026-12-27T08:00") == "night"
    assert name_at([event], "2026-12-27T08:00") is None


def test_a_day_without_an_hour_begins_at_midnight():
    # As Microsoft's page 'Autoscale online endpoints' has it.
    schedule = {"timeZone": "UTC", "days": ["Saturday", "Sunday"], "hours": [], "minutes": []}
    weekend = made("weekend", recurrence={"frequency": "Week", "schedule": schedule})
    week = weekly("week", "UTC", ["Monday"], 0)
    assert name_at([weekend, week], "2026-11-28T00:00") == "weekend"
    assert name_at([weekend, week], "2026-11-30T00:00") == "week"


def test_what_is_read_is_written_again():
    profile = weekly("night", "utc", ["Friday"], 20, 30)
    assert read_profile(Fields(profile.to_body())) == profile
    dated = {"timeZone": PACIFIC, "start": "2026-12-26T00:00:00Z", "end": "2026-12-26T23:59:00Z"}
    assert made("event", fixedDate=dated).to_body()["fixedDate"] == dated


@pytest.mark.parametrize(
    ("schedule", "said"),
    [
        ({"fixedDate": {"start": "2026-01-02", "end": "2026-01-01"}}, "after the start"),
        ({"fixedDate": {"start": "2026-01-01", "end": "2027-01-02"}}, "365 days"),
        ({"fixedDate": {"start": "soon", "end": "2027-01-02"}}, "fixedDate.start"),
        ({"fixedDate": {"start": "2026-01-01T00:00:00+02:00", "end": "2026-01-02"}}, "timeZone"),
        ({"fixedDate": {"start": "2026-01-01"}}, "'fixedDate.end' is required"),
        (
            {
                "fixedDate": {
                    "timeZone": "Europe/Berlin",
                    "start": "2026-01-01",
                    "end": "2026-01-02",
                }
            },
            "Windows name",
        ),
        ({"recurrence": {"frequency": "Day", "schedule": {}}}, "must be one of Week"),
        (
            {"recurrence": {"frequency": "Week", "schedule": {"timeZone": "UTC", "days": ["x"]}}},
            "Monday",
        ),
        (
            {
                "recurrence": {
                    "frequency": "Week",
                    "schedule": {"timeZone": "UTC", "days": ["Monday"], "hours": [24]},
                }
            },
            "from 0 to 23",
        ),
    ],
)
def test_a_schedule_that_is_none_is_refused(schedule: dict[str, Any], said: str):
    with pytest.raises(ArmError) as caught:
        made("wrong", **schedule)
    assert said in caught.value.message
