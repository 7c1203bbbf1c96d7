"""The time series that answer a request for metrics, as Azure writes them.

A step of the time in which nothing was counted has its time stamp and no number. The step that is
under way is answered as far as it came, where live Azure lags by some minutes.

https://learn.microsoft.com/azure/azure-monitor/metrics/metrics-aggregation-explained
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterator, Mapping
from datetime import timedelta
from typing import Any

from emulator.arm.ids import name_of, parent_of
from emulator.data_plane.tally import Tally
from emulator.data_plane.traffic_counts import MINUTE
from emulator.services.monitor.metric_catalogue import Metric, Source, dimension_value
from emulator.services.monitor.metric_filter import Choice
from emulator.services.monitor.metric_measures import merged
from emulator.services.monitor.metric_minutes import Minutes
from emulator.services.monitor.metric_query import MetricQuery, QueryError, iso

# Step -> minute -> what was counted in it.
Steps = dict[int, dict[int, Tally]]
_NUMBERS: dict[str, Callable[[Tally], float]] = {
    "Average": lambda tally: tally.total / tally.count,
    "Minimum": lambda tally: tally.least,
    "Maximum": lambda tally: tally.most,
    "Total": lambda tally: tally.total,
    "Count": lambda tally: float(tally.count),
}


class SeriesReader:
    """Answers one request about one resource. Metrics that are made of the same counts, as
    percentiles of one latency are, have these read and split once."""

    def __init__(self, minutes: Minutes, resource_id: str, query: MetricQuery) -> None:
        self.minutes = minutes
        self.resource_id = resource_id
        self.query = query
        self.known: dict[Hashable, dict[tuple[str, ...], Steps]] = {}

    def answer(self, metric: Metric) -> dict[str, Any]:
        """One item of the answer's `value`. Raises QueryError for a dimension that the metric does
        not have."""
        query = self.query
        choices = self._choices(metric)
        described = {
            "id": f"{self.resource_id}/providers/Microsoft.Insights/metrics/{metric.name}",
            "type": "Microsoft.Insights/metrics",
            "name": {"value": metric.name, "localizedValue": metric.display},
            "displayDescription": metric.description,
            "unit": metric.unit,
        }
        wanted = query.aggregations or (metric.primary,)
        given = [name for name in wanted if name in metric.aggregations]
        if not given:
            # https://github.com/Azure/azure-rest-api-specs/blob/main/specification/monitor/resource-manager/Microsoft.Insights/Insights/stable/2024-02-01/examples/GetMetricError.json
            kinds = ",".join(wanted)
            return described | {
                "timeseries": [],
                "errorCode": "InvalidSamplingType",
                "errorMessage": f"Sampling type is not found. Metric:{metric.name}, "
                f"SamplingType:{kinds}.",
            }
        found = self._counted(metric, choices)
        if not choices:
            found = {(): found.get((), {})}
        order = query.order or ("", False)
        ordered = sorted(found, key=lambda values: (_rank(metric, found[values], *order), values))
        if choices:
            ordered = ordered[: query.top]
        names = [one.dimension for one in choices if one.dimension not in query.rolled_up]
        series = []
        for values in ordered:
            one: dict[str, Any] = {
                "metadatavalues": [
                    {"name": {"value": name, "localizedValue": name}, "value": value}
                    for name, value in zip(names, values, strict=True)
                ]
            }
            if query.wants_data:
                one["data"] = _points(metric, found[values], query, given)
            series.append(one)
        return described | {"timeseries": series, "errorCode": "Success"}

    def _choices(self, metric: Metric) -> tuple[Choice, ...]:
        """The filter's choices that are the metric's."""
        has = {name.lower() for name in metric.dimensions}
        strange = [one.dimension for one in self.query.choices if one.dimension not in has]
        strange += sorted(self.query.rolled_up - has)
        if strange and self.query.is_strict:
            raise QueryError(
                f"Metric: {metric.name} does not support requested dimension combination: "
                f"{','.join(strange)}, supported ones are: {','.join(metric.dimensions)}"
            )
        return tuple(one for one in self.query.choices if one.dimension in has)

    def _counted(self, metric: Metric, choices: tuple[Choice, ...]) -> dict[tuple[str, ...], Steps]:
        """What was counted, by the values of the dimensions that are told apart."""
        source = metric.source
        assert source
        key = (source.series, source.of_parent, choices)
        if key not in self.known:
            spelled = {name.lower(): name for name in metric.dimensions}
            names = [spelled[one.dimension] for one in choices]
            self.known[key] = self._split(source, choices, names)
        return self.known[key]

    def _split(
        self, source: Source, choices: tuple[Choice, ...], names: list[str]
    ) -> dict[tuple[str, ...], Steps]:
        query = self.query
        first = int(query.start.timestamp()) // MINUTE
        found: dict[tuple[str, ...], Steps] = defaultdict(lambda: defaultdict(dict))
        for minute, labels, tally in self._rows(source, first):
            values = [dimension_value(name, labels) for name in names]
            if not all(one.takes(value) for one, value in zip(choices, values, strict=True)):
                continue
            apart = tuple(
                value
                for one, value in zip(choices, values, strict=True)
                if one.dimension not in query.rolled_up
            )
            step = found[apart][(minute - first) * MINUTE // query.seconds]
            # What the recorder has given is not to be changed.
            step[minute] = merged((step[minute], tally)) if minute in step else tally
        return found

    def _rows(self, source: Source, first: int) -> Iterator[tuple[int, Mapping[str, str], Tally]]:
        last = first + self.query.steps * self.query.seconds // MINUTE - 1
        last = min(last, int(self.query.end.timestamp() - 1e-6) // MINUTE)
        resource = parent_of(self.resource_id) if source.of_parent else self.resource_id
        name = name_of(self.resource_id).lower()
        for series in source.series:
            for minute, values, tally in self.minutes.read(resource, series, first, last):
                labels = dict(zip(source.labels, values, strict=True))
                if not source.of_parent or labels[source.of_parent].lower() == name:
                    yield minute, labels, tally


def _rank(metric: Metric, steps: Steps, aggregation: str, greatest_first: bool) -> float:
    """Where a series comes by an aggregation of all of its time."""
    if not aggregation:
        return 0.0
    assert metric.source
    minutes = [tally for step in steps.values() for tally in step.values()]
    found = _NUMBERS[aggregation](metric.source.measure(minutes)) if minutes else 0.0
    return -found if greatest_first else found


def _points(
    metric: Metric, steps: Steps, query: MetricQuery, aggregations: list[str]
) -> list[dict[str, Any]]:
    assert metric.source
    points = []
    for number in range(query.steps):
        point: dict[str, Any] = {
            "timeStamp": iso(query.start + timedelta(seconds=number * query.seconds))
        }
        if minutes := steps.get(number):
            tally = metric.source.measure(list(minutes.values()))
            point |= {name.lower(): float(_NUMBERS[name](tally)) for name in aggregations}
        points.append(point)
    return points
