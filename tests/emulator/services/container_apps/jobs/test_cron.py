"""Schedules: which minutes the five fields name, and what is no schedule."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from emulator.services.container_apps.jobs.cron import CronError, CronSchedule

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)  # a Thursday


def due(text: str, days: int = 1, begin: datetime = BEGIN) -> list[str]:
    schedule = CronSchedule.parse(text)
    minutes = (begin + timedelta(minutes=number) for number in range(days * 24 * 60))
    return [f"{minute:%d %H:%M}" for minute in minutes if schedule.is_due(minute)]


@pytest.mark.parametrize(
    ("text", "days", "expected"),
    [
        ("0 2 * * *", 2, ["01 02:00", "02 02:00"]),
        ("*/20 5 * * *", 1, ["01 05:00", "01 05:20", "01 05:40"]),
        ("10-50/20 5 * * *", 1, ["01 05:10", "01 05:30", "01 05:50"]),
        ("50/5 5 * * *", 1, ["01 05:50", "01 05:55"]),
        ("20 0,1,2 * * *", 1, ["01 00:20", "01 01:20", "01 02:20"]),
        ("20 0-2 ? * *", 1, ["01 00:20", "01 01:20", "01 02:20"]),
        ("0 6 * * 1", 14, ["05 06:00", "12 06:00"]),
        ("0 6 * jan mon", 14, ["05 06:00", "12 06:00"]),
        ("0 6 * * SUN", 7, ["04 06:00"]),
        ("0 0 6 * *", 14, ["06 00:00"]),
        ("0 0 6 * 1", 7, ["05 00:00", "06 00:00"]),  # either day is enough
        ("0 0 30 2 *", 400, []),
        ("  0   0  2 *  * ", 3, ["02 00:00"]),
    ],
)
def test_the_minutes_of_a_schedule(text: str, days: int, expected: list[str]):
    assert due(text, days) == expected


def test_every_minute():
    assert len(due("* * * * *")) == 24 * 60


@pytest.mark.parametrize(
    "text",
    [
        "",
        "* * * *",
        "* * * * * *",
        "@daily",
        "60 * * * *",
        "* 24 * * *",
        "* * 0 * *",
        "* * 32 * *",
        "* * * 13 *",
        "* * * * 7",
        "* * * * MONDAY",
        "5-1 * * * *",
        "*/0 * * * *",
        "1, * * * *",
        "-1 * * * *",
        "a * * * *",
        "1-2-3 * * * *",
        "٣ * * * *",
        "* * * * *" + " " * 500,
    ],
)
def test_what_is_no_schedule(text: str):
    with pytest.raises(CronError):
        CronSchedule.parse(text)
