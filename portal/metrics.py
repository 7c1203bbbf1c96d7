"""Metrics of Azure Monitor as charts.

https://learn.microsoft.com/rest/api/monitor/metrics/list
"""

from __future__ import annotations

from datetime import datetime

from portal.azure import Azure, Json
from portal.charts import Chart, Series
from portal.pages import moment

VERSION = "2024-02-01"
AGGREGATIONS = ("average", "total", "maximum", "minimum", "count")


async def charts(
    azure: Azure, resource_id: str, names: str, *, split: str = "", **query: str
) -> list[Chart]:
    """Return a chart of the past hour for each metric, with a line for each value of a dimension.

    `names` are separated by commas; each has the aggregation that is its own in Azure, unless
    `query` says another. Raises RefusedError.
    """
    if split:
        query["$filter"] = f"{split} eq '*'"
    answer = await azure.get(
        f"{resource_id}/providers/Microsoft.Insights/metrics",
        VERSION,
        **{"metricnames": names, "timespan": "PT1H", "interval": "PT1M", **query},
    )
    return [chart_of(metric) for metric in answer.get("value") or []]


def chart_of(metric: Json) -> Chart:
    """Read one metric of an answer."""
    title = str(metric["name"].get("localizedValue") or metric["name"]["value"])
    by_name: dict[str, dict[datetime, float]] = {}
    times: set[datetime] = set()
    for line in metric.get("timeseries") or []:
        name = ", ".join(str(one["value"]) for one in line.get("metadatavalues") or []) or title
        for point in line.get("data") or []:
            if (time := moment(point["timeStamp"])) is None:
                continue
            times.add(time)
            for key in AGGREGATIONS:
                if point.get(key) is not None:
                    by_name.setdefault(name, {})[time] = float(point[key])
                    break
    ordered = sorted(times)
    series = [
        Series(name, [points.get(time) for time in ordered]) for name, points in by_name.items()
    ]
    return Chart(title, str(metric.get("unit", "")), ordered, series)
