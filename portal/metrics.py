"""Metrics of Azure Monitor, and charts of them.

https://learn.microsoft.com/rest/api/monitor/metrics/list
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from portal.azure import Azure, Json
from portal.charts import Chart, Series
from portal.pages import moment

VERSION = "2024-02-01"
AGGREGATIONS = ("average", "total", "maximum", "minimum", "count")


@dataclass(frozen=True)
class Line:
    """A metric over time; None where nothing was measured.

    `dimensions`: the values of those that the metric was split by, by names in small letters.
    """

    dimensions: Mapping[str, str]
    points: Mapping[datetime, float | None]

    @property
    def label(self) -> str:
        return ", ".join(self.dimensions.values())

    @property
    def sum(self) -> float:
        return sum(value for value in self.points.values() if value is not None)


@dataclass(frozen=True)
class Metric:
    """`name` as in requests, `title` as people read it."""

    name: str
    title: str
    unit: str
    lines: Sequence[Line]


async def read_metrics(
    azure: Azure, resource_id: str, names: str, *, split: Sequence[str] = (), **query: str
) -> list[Metric]:
    """Return each metric of the past hour, with a line for each value of the dimensions in `split`.

    `names` are separated by commas; each has the aggregation that is its own in Azure, unless
    `query` says another. Raises RefusedError.
    """
    if split:
        query |= {"$filter": " and ".join(f"{one} eq '*'" for one in split), "top": "50"}
    answer = await azure.get(
        f"{resource_id}/providers/Microsoft.Insights/metrics",
        VERSION,
        **{"metricnames": names, "timespan": "PT1H", "interval": "PT1M", **query},
    )
    return [_read(metric) for metric in answer.get("value") or []]


def _read(metric: Json) -> Metric:
    name = str(metric["name"]["value"])
    title = str(metric["name"].get("localizedValue") or name)
    lines = [_line(one) for one in metric.get("timeseries") or []]
    return Metric(name, title, str(metric.get("unit", "")), lines)


def _line(series: Json) -> Line:
    dimensions = {
        one["name"]["value"].lower(): str(one.get("value") or "")
        for one in series.get("metadatavalues") or []
    }
    points = {
        time: next((float(one[key]) for key in AGGREGATIONS if one.get(key) is not None), None)
        for one in series.get("data") or []
        if (time := moment(one["timeStamp"]))
    }
    return Line(dimensions, points)


async def charts(
    azure: Azure, resource_id: str, names: str, *, split: str = "", **query: str
) -> list[Chart]:
    """Return a chart of the past hour for each metric, with a line for each value of a dimension.

    The rest is as with `read_metrics`.
    """
    dimensions = [split] if split else []
    found = await read_metrics(azure, resource_id, names, split=dimensions, **query)
    return [
        chart_of(one.title, one.unit, {line.label or one.title: line for line in one.lines})
        for one in found
    ]


def chart_of(title: str, unit: str, lines: Mapping[str, Line]) -> Chart:
    """Return a chart of these lines, by name; a line that nothing was measured of is left out."""
    times = sorted({time for line in lines.values() for time in line.points})
    every = {name: [line.points.get(time) for time in times] for name, line in lines.items()}
    measured = {
        name: values for name, values in every.items() if any(value is not None for value in values)
    }
    return Chart(title, unit, times, [Series(*one) for one in measured.items()])
