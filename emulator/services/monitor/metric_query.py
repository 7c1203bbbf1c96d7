"""What a request for metrics asks for: which, of when, in which steps, how aggregated, split how.

https://learn.microsoft.com/rest/api/monitor/metrics/list
https://learn.microsoft.com/rest/api/monitor/metrics-batch/batch

Azure's words for what is wrong are those that its users have met:
https://github.com/Azure/azure-sdk-for-net/issues/29584 (the metric)
https://github.com/Azure/azure-libraries-for-net/issues/495 (the interval)
https://github.com/Azure/azure-sdk-for-python/issues/19585 (the aggregation)
https://github.com/tomkerkhove/promitor/issues/2084 (the dimension)
https://github.com/hashicorp/terraform-provider-azurerm/issues/8851 (the namespace)

A parameter may be encoded twice: the az CLI does so, and the reference asks it of brackets.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import unquote

from emulator.arm.errors import not_emulated
from emulator.arm.fields import seconds_of, shown
from emulator.services.monitor.metric_catalogue import Metric, metrics_of
from emulator.services.monitor.metric_filter import Choice, MetricFilterError, read_filter
from emulator.services.monitor.metric_recorder import RETENTION

# ISO 8601 -> seconds.
INTERVALS = {
    "PT1M": 60,
    "PT5M": 300,
    "PT15M": 900,
    "PT30M": 1800,
    "PT1H": 3600,
    "PT6H": 21600,
    "PT12H": 43200,
    "P1D": 86400,
}
FULL = "FULL"  # one step for the whole time
AGGREGATIONS = ("None", "Average", "Minimum", "Maximum", "Total", "Count")
MOST_METRICS = 20
DEFAULT_TOP = 10
MOST_POINTS = 100_000
_DAY = timedelta(days=1)
_LONGEST = 1000 * 86400  # seconds


class QueryError(ValueError):
    """Azure answers 400, `BadRequest`, with this message."""


@dataclass(frozen=True)
class MetricQuery:
    """One request. `start` is at a whole minute, as are the `steps` after it, each of so many
    `seconds`; the last may reach beyond `end`. `interval` is what was asked for.

    `aggregations` are () for each metric's own. `choices` are those of the filter; `rolled_up` are
    dimensions, in lower case, whose values are chosen and not told apart. `order` is an aggregation
    and whether the greatest comes first, None for the order of the dimensions' values. Unless
    `is_strict`, a choice of a dimension that a metric does not have is passed over.
    """

    start: datetime
    end: datetime
    interval: str
    seconds: int
    steps: int
    aggregations: tuple[str, ...]
    choices: tuple[Choice, ...] = ()
    rolled_up: frozenset[str] = frozenset()
    top: int = DEFAULT_TOP
    order: tuple[str, bool] | None = None
    is_strict: bool = True
    wants_data: bool = True


def read_query(query: Mapping[str, str], *, span: tuple[datetime, datetime]) -> MetricQuery:
    """Raises QueryError. `span` are the times of the first and the last value."""
    start, end = span
    if end <= start:
        raise QueryError(f"The start time {iso(start)} is not before the end time {iso(end)}.")
    if end - start > RETENTION + _DAY:
        raise QueryError(
            f"The time from {iso(start)} to {iso(end)} is longer than metrics are kept, "
            f"{RETENTION.days} days."
        )
    first = start.replace(second=0, microsecond=0)
    minutes = -int((first - end) // timedelta(minutes=1))
    interval, seconds = _interval(query, minutes)
    steps = -(-minutes * 60 // seconds)
    if steps > MOST_POINTS:
        raise QueryError(f"{steps} values are too many: ask for a longer interval.")
    text = unquote(query.get("$filter") or query.get("filter") or "")
    try:
        choices = read_filter(text) if text else ()
    except MetricFilterError as error:
        raise QueryError(f"The filter {shown(text)} is invalid: {error}.") from None
    rolled_up = (query.get("rollupby") or "").lower()
    return MetricQuery(
        first,
        end,
        interval,
        seconds,
        steps,
        _aggregations(query),
        choices,
        frozenset(part.strip() for part in rolled_up.split(",") if part.strip()),
        _top(query),
        _order(query),
        _truth(query, "ValidateDimensions", default=True),
        _wants_data(query),
    )


def read_metrics(query: Mapping[str, str], resource_type: str) -> Sequence[Metric]:
    """The metrics that are asked for: the type's first one if none is named.

    Raises QueryError for one that Azure does not have, ArmError 501 for one that is not measured.
    """
    known = metrics_of(resource_type)
    if not known:
        raise not_emulated(f"the metrics of {resource_type}")
    check_namespace(query, resource_type)
    given = unquote(query.get("metricnames", "")).split(",")
    names = [name.strip() for name in given if name.strip()]
    if len(names) > MOST_METRICS:
        raise QueryError(f"{len(names)} metrics are asked for at once, {MOST_METRICS} is the most.")
    if not names:
        return [metric for metric in known if metric.source][:1]
    by_name = {metric.name.lower(): metric for metric in known}
    found = []
    for name in names:
        if name.lower() not in by_name:
            provider, _, kind = resource_type.partition("/")
            valid = ",".join(metric.name for metric in known)
            raise QueryError(
                f"Failed to find metric configuration for provider: {provider}, resource Type: "
                f"{kind}, metric: {name}, Valid metrics: {valid}"
            )
        found.append(by_name[name.lower()])
    for metric in found:
        if metric.source is None:
            raise not_emulated(f"the metric {metric.name} of {resource_type}")
    return list(dict.fromkeys(found))


def check_namespace(query: Mapping[str, str], resource_type: str) -> None:
    """Raises QueryError for a namespace that the resource has no metrics in."""
    given = unquote(query.get("metricnamespace", ""))
    if given and given.lower() != resource_type.lower():
        raise QueryError(
            f"Detect invalid value: {given} for query parameter: 'metricnamespace', the value must "
            f"be: {resource_type} if the query parameter is provided, you can also skip this "
            "optional query parameter."
        )


# When


def time_span(text: str, now: datetime) -> tuple[datetime, datetime]:
    """Start and end of a `timespan`: two times, a time and a duration in either order, or a
    duration until now. The last hour if it is "". Raises QueryError."""
    text = unquote(text).strip()
    before, slash, after = text.partition("/")
    if not text:
        return now - timedelta(hours=1), now
    duration = _duration(before if not slash else after)
    if not slash:
        if duration is None:
            raise _no_span(text)
        return now - duration, now
    if duration is not None:
        start = _time(before, text)
        return start, start + duration
    end = _time(after, text)
    earlier = _duration(before)
    return (end - earlier if earlier is not None else _time(before, text)), end


def times(start: str, end: str, now: datetime) -> tuple[datetime, datetime]:
    """Start and end of a request that names them apart. Raises QueryError."""
    if end and not start:
        raise QueryError("An endtime is given without a starttime.")
    last = _time(end, end) if end else now
    return (_time(start, start) if start else last - timedelta(hours=1)), last


def iso(moment: datetime) -> str:
    """As Azure writes it: 2026-11-28T06:00:00Z."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _no_span(text: str) -> QueryError:
    return QueryError(
        f"Detect invalid value: {shown(text)} for query parameter: 'timespan', the value must be: "
        "startDateTime_ISO/endDateTime_ISO"
    )


def _time(text: str, whole: str) -> datetime:
    # A "+" that was not encoded arrives as a blank.
    try:
        found = datetime.fromisoformat(text.strip().replace(" ", "+"))
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise _no_span(whole) from None


def _duration(text: str) -> timedelta | None:
    seconds = seconds_of(text.strip().upper())
    # One of years cannot be taken from a time.
    return timedelta(seconds=seconds) if seconds and seconds < _LONGEST else None


def _interval(query: Mapping[str, str], minutes: int) -> tuple[str, int]:
    given = query.get("interval") or "PT1M"
    if given.upper() == FULL:
        return FULL, minutes * 60
    duration = _duration(given)
    name = next(
        (
            name
            for name, seconds in INTERVALS.items()
            if duration and duration == timedelta(seconds=seconds)
        ),
        "",
    )
    if name:
        return name, INTERVALS[name]
    if duration and _truth(query, "AutoAdjustTimegrain", default=False):
        wanted = duration.total_seconds()
        name = min(INTERVALS, key=lambda one: abs(INTERVALS[one] - wanted))
        return name, INTERVALS[name]
    raise QueryError(
        f"Invalid time grain duration: {given}, supported ones are: "
        + ",".join(_grain(seconds) for seconds in INTERVALS.values())
    )


def _grain(seconds: int) -> str:
    """As .NET writes it: 00:05:00, 1.00:00:00."""
    days, rest = divmod(seconds, 86400)
    return (f"{days}." if days else "") + f"{rest // 3600:02}:{rest % 3600 // 60:02}:00"


# How


def _aggregations(query: Mapping[str, str]) -> tuple[str, ...]:
    given = [part.strip() for part in query.get("aggregation", "").split(",") if part.strip()]
    known = {name.lower(): name for name in AGGREGATIONS}
    for part in given:
        if part.lower() not in known:
            raise QueryError(f"Detected invalid Aggregation type: {part}")
    return tuple(dict.fromkeys(known[part.lower()] for part in given))


def _order(query: Mapping[str, str]) -> tuple[str, bool] | None:
    given = query.get("orderby", "").split()
    if not given:
        return None
    names = {"sum": "Total"} | {name.lower(): name for name in AGGREGATIONS[1:]}
    name, direction = names.get(given[0].lower()), "".join(given[1:]).lower()
    if name is None or direction not in ("", "asc", "desc"):
        raise QueryError(
            f"Detect invalid value: {' '.join(given)} for query parameter: 'orderby', the value "
            "must be: an aggregation and a direction, such as sum asc"
        )
    return name, direction == "desc"


def _top(query: Mapping[str, str]) -> int:
    given = query.get("top") or query.get("$top") or str(DEFAULT_TOP)
    if not re.fullmatch(r"\d{1,9}", given, re.ASCII) or int(given) < 1:
        raise QueryError(
            f"Detect invalid value: {given} for query parameter: 'top', the value must be: a number"
        )
    return int(given)


def _wants_data(query: Mapping[str, str]) -> bool:
    given = query.get("resultType") or query.get("resulttype") or "Data"
    if given.lower() not in ("data", "metadata"):
        raise QueryError(
            f"Detect invalid value: {given} for query parameter: 'resultType', the value must be: "
            "Data or Metadata"
        )
    return given.lower() == "data"


def _truth(query: Mapping[str, str], name: str, *, default: bool) -> bool:
    given = (query.get(name) or str(default)).lower()
    if given not in ("true", "false"):
        raise QueryError(
            f"Detect invalid value: {given} for query parameter: '{name}', the value must be: true "
            "or false"
        )
    return given == "true"
