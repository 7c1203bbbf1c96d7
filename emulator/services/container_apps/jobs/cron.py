"""A schedule: the five fields of cron, in UTC.

    minute 0-59   hour 0-23   day of the month 1-31   month 1-12 or JAN-DEC
    day of the week 0-6 or SUN-SAT

    field   = range *( "," range )
    range   = ( "*" | "?" | value [ "-" value ] ) [ "/" step ]

`value/step` goes on to the field's last value. Where both days are restricted, either is enough: so
it is with Kubernetes, and so with Azure, whose jobs ran on Mondays that were not the 29th.

https://learn.microsoft.com/azure/container-apps/jobs#scheduled-jobs
https://pkg.go.dev/github.com/robfig/cron/v3#hdr-CRON_Expression_Format
https://github.com/microsoft/azure-container-apps/issues/1660
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_WEEK = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_RANGE = re.compile(r"(?:([*?])|([0-9A-Z]{1,3})(?:-([0-9A-Z]{1,3}))?)(?:/([0-9]{1,3}))?")
_LONGEST = 500  # characters


class CronError(ValueError):
    """The text is no schedule; the message says why."""


@dataclass(frozen=True)
class _Field:
    """The values of one field; `names` are other ways to write them. `is_any` is "*"."""

    name: str
    least: int
    most: int
    names: Mapping[str, int]

    def read(self, text: str) -> tuple[frozenset[int], bool]:
        """The values that the text allows, and whether it allows any. Raises CronError."""
        values: set[int] = set()
        is_any = False
        for part in text.split(","):
            match = _RANGE.fullmatch(part.upper())
            if match is None:
                raise CronError(f"'{part}' is no {self.name}")
            star, first, last, step = match.groups()
            if step is not None and int(step) == 0:
                raise CronError(f"a step of 0 in '{part}'")
            start = self.least if star else self._value(first)
            end = self.most if star or (step and not last) else self._value(last or first)
            if start > end:
                raise CronError(f"'{part}' ends before it begins")
            values.update(range(start, end + 1, int(step or 1)))
            is_any = is_any or (bool(star) and int(step or 1) == 1)
        return frozenset(values), is_any

    def _value(self, text: str) -> int:
        value = self.names.get(text, int(text) if text.isdecimal() else -1)
        if not self.least <= value <= self.most:
            raise CronError(
                f"'{text}' is no {self.name}, which is from {self.least} to {self.most}"
            )
        return value


_FIELDS = (
    _Field("minute", 0, 59, {}),
    _Field("hour", 0, 23, {}),
    _Field("day of the month", 1, 31, {}),
    _Field("month", 1, 12, {name: number for number, name in enumerate(_MONTHS, 1)}),
    _Field("day of the week", 0, 6, {name: number for number, name in enumerate(_WEEK)}),
)


@dataclass(frozen=True)
class CronSchedule:
    """The minutes at which something is due. `any_day` and `any_weekday` are whether that field
    leaves the choice to the other."""

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    any_day: bool
    any_weekday: bool

    @classmethod
    def parse(cls, text: str) -> CronSchedule:
        """Raises CronError."""
        given = text.split()
        if len(given) != len(_FIELDS) or len(text) > _LONGEST:
            raise CronError(f"it has {len(given)} fields, not {len(_FIELDS)}")
        read = [field.read(part) for field, part in zip(_FIELDS, given, strict=True)]
        (minutes, _), (hours, _), (days, any_day), (months, _), (weekdays, any_weekday) = read
        return cls(minutes, hours, days, months, weekdays, any_day, any_weekday)

    def is_due(self, moment: datetime) -> bool:
        """Whether it is due in the minute of this moment, which is in UTC."""
        return (
            moment.minute in self.minutes
            and moment.hour in self.hours
            and moment.month in self.months
            and self._is_day(moment)
        )

    def _is_day(self, moment: datetime) -> bool:
        day = moment.day in self.days
        weekday = moment.isoweekday() % 7 in self.weekdays
        if self.any_day or self.any_weekday:
            return day and weekday
        return day or weekday
