"""What the rules' metrics are, in Azure minutes that are shorter here (pace.py).

Azure Monitor's own minutes are too long for that. So what is counted of the resources that rules
watch is kept here as well, by the shorter minute, and read as Azure Monitor's metrics are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime

from emulator.arm.errors import bad_request, not_emulated
from emulator.arm.ids import parent_of
from emulator.data_plane.tally import Tally
from emulator.data_plane.traffic_counts import Key
from emulator.services.monitor.autoscale.pace import AutoscalePace
from emulator.services.monitor.autoscale.rule import (
    LONGEST_WINDOW,
    MINUTE,
    STATISTICS,
    TIME_AGGREGATIONS,
    MetricTrigger,
)
from emulator.services.monitor.metric_catalogue import Metric, metrics_of
from emulator.services.monitor.metric_filter import Choice
from emulator.services.monitor.metric_measures import OF_THE_MINUTE
from emulator.services.monitor.metric_minutes import MetricMinutes
from emulator.services.monitor.metric_query import FULL, MetricQuery
from emulator.services.monitor.metric_recorder import News
from emulator.services.monitor.metric_series import SeriesReader
from emulator.store import Resource, Store

KEPT = int(LONGEST_WINDOW // MINUTE) + 1  # minutes
PRUNED_EVERY = 60  # minutes


class RuleMetrics:
    """`watched` are the resources whose metrics are kept, by their ids in lower case, and the
    minute in which that began. `clock` returns seconds since 1970."""

    def __init__(self, store: Store, pace: AutoscalePace, clock: Callable[[], float]) -> None:
        self.store = store
        self.pace = pace
        self.clock = clock
        self.minutes = MetricMinutes(store, "autoscale_metrics")
        self.ever = MetricMinutes(store, "metrics")
        self.watched: dict[str, int] = {}
        self.recorded = clock()
        self.pruned = 0  # the minute

    def watch(self, resources: Iterable[str]) -> None:
        """Keep what is counted of these, from the next minute on, and of no others."""
        minute = self.pace.minute_at(self.clock())
        self.watched = {one: self.watched.get(one, minute) for one in resources}

    def record(self, news: News) -> None:
        """Keep what has come since the last time; most of it is of the middle of that time."""
        before, self.recorded = self.recorded, self.clock()
        minute = self.pace.minute_at((before + self.recorded) / 2)
        found: dict[Key, Tally] = {}
        for (_, resource, what, labels), tally in news.items():
            if minute > self.watched.get(resource, minute):
                found.setdefault((minute, resource, what, labels), Tally()).merge(tally)
        if not found:
            return
        with self.store.transaction():
            self.minutes.add(found)
            if abs(minute - self.pruned) >= PRUNED_EVERY:
                self.pruned = minute
                self.minutes.forget("<", minute - KEPT)
                # Those of a pace that was another one.
                self.minutes.forget(">", minute)

    def value(
        self, trigger: MetricTrigger, resource_type: str, instances: int, now: float
    ) -> float | None:
        """What the trigger compares with its threshold; None where nothing was counted, or where
        the metric does not have the statistic. Only minutes that are over count."""
        metric = _metric(trigger, resource_type)
        assert metric.source
        if STATISTICS[trigger.statistic] not in metric.aggregations:
            return None
        is_rate = metric.source.measure in OF_THE_MINUTE
        values = (
            self._rates(trigger, metric, now) if is_rate else self._values(trigger, metric, now)
        )
        if not values:
            return None
        found = TIME_AGGREGATIONS[trigger.time_aggregation](values)
        return found / instances if trigger.is_per_instance else found

    def _values(self, trigger: MetricTrigger, metric: Metric, now: float) -> list[float]:
        """One value for each time grain in which something was counted."""
        points = self._read(trigger, metric, trigger.grain, STATISTICS[trigger.statistic], now)
        return [value for value in points if value is not None]

    def _rates(self, trigger: MetricTrigger, metric: Metric, now: float) -> list[float]:
        """The same of what is counted by the minute, requests for example.

        In a shorter minute there are fewer; and there may be none in it where there are some in
        each of Azure's, so it counts as 0 and not as one without a value. Where there never was a
        request there is no value.
        """
        points = self._read(trigger, metric, MINUTE, "Average", now)
        source = metric.source
        assert source
        resource = (parent_of(trigger.resource) if source.of_parent else trigger.resource).lower()
        current = self.pace.minute_at(now)
        whole = current - 1 - self.watched.get(resource, current)  # minutes, the last ones
        known = any(self.ever.has(resource, series) for series in source.series)
        filled = [
            0.0 if point is None and known and len(points) - number <= whole else point
            for number, point in enumerate(points)
        ]
        size = int(trigger.grain // MINUTE)
        grains = [
            [self.pace.speed * one for one in filled[at : at + size] if one is not None]
            for at in range(0, len(filled), size)
        ]
        combine = TIME_AGGREGATIONS[STATISTICS[trigger.statistic]]
        return [combine(values) for values in grains if values]

    def _read(
        self, trigger: MetricTrigger, metric: Metric, grain: float, aggregation: str, now: float
    ) -> list[float | None]:
        """What was counted in each `grain` of the trigger's window, None where nothing was."""
        steps = int(trigger.window // trigger.grain * trigger.grain // grain)
        end = self.pace.minute_at(now) * MINUTE
        query = MetricQuery(
            _moment(end - steps * grain),
            _moment(end),
            FULL,
            int(grain),
            steps,
            (aggregation,),
            _choices(trigger),
            frozenset(one.name.lower() for one in trigger.dimensions),
        )
        found = SeriesReader(self.minutes, trigger.resource, query).answer(metric)
        (series,) = found["timeseries"] or [{"data": [{}] * steps}]
        return [point.get(aggregation.lower()) for point in series["data"]]


def watched_by(triggers: Iterable[MetricTrigger]) -> frozenset[str]:
    """The resources, in lower case, whose counts these triggers need: their metrics' own, and
    those above, for which what is counted of a deployment is counted."""
    ids = {trigger.resource.lower() for trigger in triggers}
    return frozenset(ids | {parent_of(one) for one in ids})


def check_metric(trigger: MetricTrigger, resource: Resource) -> None:
    """Raises ArmError 400 for a metric or a dimension that the resource does not have, 501 for
    what is not measured."""
    metric = _metric(trigger, resource.type)
    if metric.source is None:
        raise not_emulated(f"the metric {metric.name} of {resource.type}")
    has = {name.lower() for name in metric.dimensions}
    for dimension in trigger.dimensions:
        if dimension.name.lower() not in has:
            raise bad_request(
                f"The metric {metric.name} does not have the dimension '{dimension.name}'. It has: "
                f"{', '.join(metric.dimensions) or 'none'}.",
                code="BadRequest",
            )


def _metric(trigger: MetricTrigger, resource_type: str) -> Metric:
    known = metrics_of(resource_type)
    if not known:
        raise not_emulated(f"autoscale rules on the metrics of {resource_type}")
    namespace = trigger.namespace.lower() or resource_type.lower()
    found = next((one for one in known if one.name.lower() == trigger.metric.lower()), None)
    if found is None or namespace != resource_type.lower():
        # https://github.com/Azure/azure-powershell/issues/24727
        # https://github.com/SAFEHR-data/FlowEHR/pull/243
        raise bad_request(
            f"resource: {trigger.resource}, metricnamespace: {namespace}, metricname: "
            f"{trigger.metric}",
            code="UnsupportedMetric",
        )
    return found


def _choices(trigger: MetricTrigger) -> tuple[Choice, ...]:
    return tuple(
        Choice(
            one.name.lower(),
            tuple(("eq" if one.is_in else "ne", value.lower()) for value in one.values),
        )
        for one in trigger.dimensions
    )


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
