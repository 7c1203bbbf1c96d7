"""The profiles of a setting: how many instances there may be, by which rules, and when.

Of the profiles whose time it is, one with a fixed date comes first, then one that recurs, then the
one without a schedule. One that recurs begins at its times of the week and lasts until another one
that recurs begins: so says Microsoft's page, and so a profile without a schedule has no turn once
there is one that recurs.

https://learn.microsoft.com/azure/azure-monitor/autoscale/autoscale-multiprofile
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from emulator.arm.fields import Fields
from emulator.services.monitor.autoscale.rule import ScaleRule, read_rule
from emulator.services.monitor.autoscale.time_zones import find_time_zone

MOST_RULES = 10
MOST_INSTANCES = 1000
LONGEST_DATE = timedelta(days=365)
WEEK = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")


@dataclass(frozen=True)
class ScaleCapacity:
    minimum: int
    maximum: int
    default: int

    def clamped(self, count: int) -> int:
        return max(self.minimum, min(count, self.maximum))

    def to_body(self) -> dict[str, str]:
        # Azure writes them as texts.
        return {
            "minimum": str(self.minimum),
            "maximum": str(self.maximum),
            "default": str(self.default),
        }


@dataclass(frozen=True)
class FixedDate:
    """From `start` until `end`, as clocks show it in the time zone."""

    time_zone: str
    start: datetime
    end: datetime

    def includes(self, moment: datetime) -> bool:
        zone = _zone(self.time_zone)
        return self.start.replace(tzinfo=zone) <= moment < self.end.replace(tzinfo=zone)

    def to_body(self) -> dict[str, str]:
        return {
            "timeZone": self.time_zone,
            "start": self.start.isoformat() + "Z",
            "end": self.end.isoformat() + "Z",
        }


@dataclass(frozen=True)
class WeeklyStart:
    """The times of the week at which a profile begins: each hour and minute on each day.

    `days` are as they were sent; `weekdays` count from Monday, which is 0.
    """

    time_zone: str
    days: tuple[str, ...]
    weekdays: frozenset[int]
    hours: tuple[int, ...]
    minutes: tuple[int, ...]

    def latest(self, moment: datetime) -> datetime:
        """The last time that it began, until this moment."""
        here = moment.astimezone(_zone(self.time_zone))
        starts = (
            (here - timedelta(days=ago)).replace(hour=hour, minute=minute, second=0, microsecond=0)
            for ago in range(9)
            for hour in self.hours or (0,)
            for minute in self.minutes or (0,)
            if (here - timedelta(days=ago)).weekday() in self.weekdays
        )
        # In UTC: within one time zone, Python compares what clocks show.
        return max(start for one in starts if (start := one.astimezone(UTC)) <= moment)

    def to_body(self) -> dict[str, Any]:
        return {
            "frequency": "Week",
            "schedule": {
                "timeZone": self.time_zone,
                "days": list(self.days),
                "hours": list(self.hours),
                "minutes": list(self.minutes),
            },
        }


@dataclass(frozen=True)
class AutoscaleProfile:
    """At most one of `fixed_date` and `recurrence` is there."""

    name: str
    capacity: ScaleCapacity
    rules: tuple[ScaleRule, ...] = ()
    fixed_date: FixedDate | None = None
    recurrence: WeeklyStart | None = None

    @property
    def is_default(self) -> bool:
        return self.fixed_date is None and self.recurrence is None

    def to_body(self) -> dict[str, Any]:
        body: dict[str, Any] = {
            "name": self.name,
            "capacity": self.capacity.to_body(),
            "rules": [rule.to_body() for rule in self.rules],
        }
        if self.fixed_date:
            body["fixedDate"] = self.fixed_date.to_body()
        if self.recurrence:
            body["recurrence"] = self.recurrence.to_body()
        return body


def profile_at(profiles: Sequence[AutoscaleProfile], moment: datetime) -> AutoscaleProfile | None:
    """The profile whose turn it is; None where none has it."""
    for profile in profiles:
        if profile.fixed_date and profile.fixed_date.includes(moment):
            return profile
    recurring = [(one.recurrence.latest(moment), one) for one in profiles if one.recurrence]
    if recurring:
        return max(recurring, key=lambda found: found[0])[1]
    return next((profile for profile in profiles if profile.is_default), None)


def read_profile(fields: Fields) -> AutoscaleProfile:
    """Raises ArmError 400, 501."""
    name = fields.required_text("name")
    capacity = _read_capacity(fields.object("capacity", required=True))
    rules = fields.objects("rules")
    if len(rules) > MOST_RULES:
        raise fields.error(
            "rules",
            f"The profile '{name}' has {len(rules)} rules, more than {MOST_RULES}, the most that "
            "it can have.",
        )
    if fields.has("fixedDate") and fields.has("recurrence"):
        raise fields.error("", f"The profile '{name}' has a fixed date and a recurrence.")
    return AutoscaleProfile(
        name,
        capacity,
        tuple(_read_rule(rule, capacity) for rule in rules),
        _read_date(fields.object("fixedDate")) if fields.has("fixedDate") else None,
        _read_recurrence(fields.object("recurrence")) if fields.has("recurrence") else None,
    )


def _read_rule(fields: Fields, capacity: ScaleCapacity) -> ScaleRule:
    rule = read_rule(fields)
    room = capacity.maximum - capacity.minimum
    if rule.action.kind == "ChangeCount" and rule.action.value > room:
        # https://github.com/Azure/bicep-types-az/issues/1859
        raise fields.object("scaleAction").error(
            "value",
            "The autoscale setting you provided has an invalid scale action value "
            f"('{rule.action.value}'). Specify a scale value less than or equal to the difference "
            f"between the capacity maximum {capacity.maximum} and the capacity minimum "
            f"{capacity.minimum}.",
        )
    return rule


def _read_capacity(fields: Fields) -> ScaleCapacity:
    found = {}
    for name in ("minimum", "maximum", "default"):
        count = fields.whole(name, most=MOST_INSTANCES)
        if count is None:
            raise fields.missing(name)
        found[name] = count
    capacity = ScaleCapacity(**found)
    for lower, upper in (("minimum", "maximum"), ("minimum", "default"), ("default", "maximum")):
        if found[lower] > found[upper]:
            # https://github.com/microsoft/onefuzz/issues/2249
            raise fields.error(
                lower,
                f"The {lower} capacity value '{found[lower]}' that you specified in the autoscale "
                f"setting is greater than the {upper} capacity of '{found[upper]}'. Enter a "
                f"{lower} capacity less than '{found[upper]}'.",
            )
    return capacity


def _read_date(fields: Fields) -> FixedDate:
    start, end = _time(fields, "start"), _time(fields, "end")
    if not start < end <= start + LONGEST_DATE:
        raise fields.wrong("end", f"after the start, and {LONGEST_DATE.days} days after it at most")
    return FixedDate(_read_zone(fields, fields.text("timeZone") or "UTC"), start, end)


def _time(fields: Fields, name: str) -> datetime:
    """What a clock in the profile's time zone shows.

    A Z after it is passed over: the SDKs write one after any time that names no zone.
    """
    text = fields.required_text(name)
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        found = datetime.max.replace(tzinfo=ZoneInfo("Etc/GMT+1"))
    if found.utcoffset():
        raise fields.wrong(name, "a time such as 2026-11-28T08:00:00, in the time zone of timeZone")
    return found.replace(tzinfo=None, microsecond=0)


def _read_recurrence(fields: Fields) -> WeeklyStart:
    if fields.choice("frequency", ("Week",)) is None:
        raise fields.missing("frequency")
    schedule = fields.object("schedule", required=True)
    days = tuple(schedule.texts("days"))
    if not days:
        raise schedule.missing("days")
    # Microsoft's example has "1": days are .NET's, which have numbers as well.
    spelled = {day.lower(): number for number, day in enumerate(WEEK)}
    spelled |= {str(number): number for number in range(7)}
    for day in days:
        if day.lower() not in spelled:
            raise schedule.wrong("days", f"days such as {WEEK[1]}")
    return WeeklyStart(
        _read_zone(schedule, schedule.required_text("timeZone")),
        days,
        frozenset((spelled[day.lower()] - 1) % 7 for day in days),
        _numbers(schedule, "hours", 23),
        _numbers(schedule, "minutes", 59),
    )


def _numbers(fields: Fields, name: str, most: int) -> tuple[int, ...]:
    numbers = tuple(int(text) if text.isdecimal() else -1 for text in fields.texts(name))
    if not all(0 <= number <= most for number in numbers):
        raise fields.wrong(name, f"whole numbers from 0 to {most}")
    return numbers


def _read_zone(fields: Fields, name: str) -> str:
    if find_time_zone(name) is None:
        raise fields.wrong("timeZone", "a time zone by its Windows name, such as UTC")
    return name


def _zone(name: str) -> ZoneInfo:
    zone = find_time_zone(name)
    assert zone
    return zone
