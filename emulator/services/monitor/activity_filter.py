"""What the activity log may be filtered by: a time, and one thing besides.

    filter     = comparison *( "and" comparison )
    comparison = "eventTimestamp" ( "ge" | "le" ) time | field "eq" text

https://learn.microsoft.com/rest/api/monitor/activity-logs/list
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from emulator.arm.errors import ArmError, bad_request
from emulator.arm.fields import shown
from emulator.services.monitor.activity_event import written

KEPT_FOR = timedelta(days=90)
TIME = "eventTimestamp"
# What an entry is asked for -> its column. Of the first, a filter may have one; `resourceId` is
# what the az CLI writes for resourceUri, and `caller` and `status` are of its filters too.
# https://github.com/Azure/azure-cli/blob/dev/src/azure-cli/azure/cli/command_modules/monitor/custom.py
_ONE_OF = {
    "resourceGroupName": "grouped",
    "resourceUri": "resource",
    "resourceId": "resource",
    "resourceProvider": "provider",
    "correlationId": "correlation",
}
_BESIDES = {"caller": "caller", "status": "status", "levels": "level"}
# What administrators do is in both channels; there are no others here.
_CHANNELS = {"admin", "operation"}
_COMPARISON = re.compile(r"\s*(?P<name>\w+)\s+(?P<how>\w+)\s+(?P<value>'(?:[^']|'')*'|[^\s']+)\s*")
_AND = re.compile(r"and(\s+|$)", re.IGNORECASE)


@dataclass
class ActivityFilter:
    """`since` and `until` are times as entries have them; `columns` what each may have, as texts.

    `nothing`: no entry of this log is asked for.
    """

    since: str = ""
    until: str = "9999"
    columns: dict[str, list[str]] = field(default_factory=dict)
    nothing: bool = False


def read_filter(text: str) -> ActivityFilter:
    """Raises ArmError 400 for a filter without a start, and for what Azure does not document."""
    found = ActivityFilter()
    if not text.strip():
        raise _refused(f"it is required, and requires a start: {TIME} ge '2026-11-28T08:00:00Z'")
    position = 0
    while True:
        comparison = _COMPARISON.match(text, position)
        if comparison is None:
            raise _refused(f"a comparison was expected, not {shown(text[position:] or 'its end')}")
        _take(found, comparison["name"], comparison["how"].lower(), _plain(comparison["value"]))
        position = comparison.end()
        if position == len(text):
            break
        joined = _AND.match(text, position)
        if joined is None:
            raise _refused(f"'and' was expected, not {shown(text[position:])}")
        position = joined.end()
    if not found.since:
        raise _refused(f"it requires a start: {TIME} ge '2026-11-28T08:00:00Z'")
    return found


def _take(found: ActivityFilter, name: str, how: str, value: str) -> None:
    lower = name.lower()
    if lower == TIME.lower() and how in ("ge", "le"):
        moment = _time(value)
        if how == "le":
            found.until = written(moment)
        elif moment < datetime.now(UTC) - KEPT_FOR:
            raise _refused(
                f"the activity log has the last {KEPT_FOR.days} days, not {shown(value)}"
            )
        else:
            found.since = written(moment)
        return
    known = {known.lower(): column for known, column in (_ONE_OF | _BESIDES).items()}
    if how != "eq" or lower not in (*known, "eventchannels"):
        fields = ", ".join((*_ONE_OF, *_BESIDES))
        raise _refused(f"'{name} {how}' is not allowed: {TIME} ge and le are, and eq for {fields}")
    if lower == "eventchannels":
        channels = {channel.strip().lower() for channel in value.split(",")}
        found.nothing = not channels & _CHANNELS
        return
    column = known[lower]
    if column in _ONE_OF.values() and any(other in found.columns for other in _ONE_OF.values()):
        raise _refused(f"of {', '.join(_ONE_OF)} it may have one")
    texts = value.split(",") if column == "level" else [value]
    found.columns[column] = [text.strip() for text in texts]


def _plain(value: str) -> str:
    """The az CLI writes times without quotes."""
    return value[1:-1].replace("''", "'") if value.startswith("'") else value


def _time(value: str) -> datetime:
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        raise _refused(f"{shown(value)} is not a time in ISO 8601") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _refused(why: str) -> ArmError:
    return bad_request(f"The $filter of the activity log is invalid: {why}.", code="BadRequest")
