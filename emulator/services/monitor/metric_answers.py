"""The bodies that answer requests for metrics, their definitions and their namespaces.

Imported at the first of these requests, so that a start of local Azure has nothing to do with it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from emulator.arm.errors import ArmError, bad_request
from emulator.services.monitor.metric_catalogue import Metric, metrics_of
from emulator.services.monitor.metric_query import (
    FULL,
    INTERVALS,
    MetricQuery,
    QueryError,
    check_namespace,
    iso,
    read_metrics,
    read_query,
    time_span,
    times,
)
from emulator.services.monitor.metric_recorder import RETENTION, MetricRecorder
from emulator.services.monitor.metric_series import SeriesReader
from emulator.services.monitor.resource_location import location_of
from emulator.store import Resource, Store


class MetricsError(ArmError):
    """As Azure Monitor writes it, with nothing around code and message:
    https://github.com/Azure/azure-sdk-for-net/issues/29584"""

    def body(self) -> dict[str, Any]:
        return {"code": self.code, "message": self.message}


@contextmanager
def _bad_requests() -> Iterator[None]:
    try:
        yield
    except QueryError as error:
        raise MetricsError(400, "BadRequest", str(error)) from None


def definitions(resource: Resource, query: Mapping[str, str]) -> dict[str, Any]:
    """Those that are measured here. Raises ArmError 400 and 501."""
    with _bad_requests():
        read_metrics({}, resource.type)
        check_namespace(query, resource.type)
    measured = [metric for metric in metrics_of(resource.type) if metric.source]
    return {"value": [_definition(resource, metric) for metric in measured]}


def namespaces(resource: Resource) -> dict[str, Any]:
    """The one that the platform's metrics of a resource are in: its type. Raises ArmError 501."""
    read_metrics({}, resource.type)
    name = resource.type.replace("/", "-")
    namespace = {
        "id": f"{resource.id}/providers/microsoft.insights/metricNamespaces/{name}",
        "name": name,
        "type": "Microsoft.Insights/metricNamespaces",
        "classification": "Platform",
        "properties": {"metricNamespaceName": resource.type},
    }
    return {"value": [namespace]}


def metrics(
    store: Store, recorder: MetricRecorder, resource: Resource, parameters: Mapping[str, str]
) -> dict[str, Any]:
    """Raises ArmError 400 and 501."""
    with _bad_requests():
        wanted = read_metrics(parameters, resource.type)
        span = time_span(parameters.get("timespan", ""), datetime.now(UTC))
        query = read_query(parameters, span=span)
        reader = SeriesReader(recorder, resource.id, query)
        values = [reader.answer(metric) for metric in wanted]
    return {
        "cost": cost(query),
        "timespan": f"{iso(query.start)}/{iso(query.end)}",
        "interval": interval(query),
        "value": values,
        "namespace": resource.type.lower(),
        "resourceregion": location_of(store, resource),
    }


def batch(
    recorder: MetricRecorder,
    resources: Sequence[Resource],
    region: str,
    parameters: Mapping[str, str],
) -> dict[str, Any]:
    """Of several resources of a region. Raises ArmError 400 and 501."""
    try:
        if not parameters.get("metricnames") or not parameters.get("metricnamespace"):
            raise QueryError("The parameters metricnames and metricnamespace are required.")
        starts, ends = parameters.get("starttime", ""), parameters.get("endtime", "")
        span = times(starts, ends, datetime.now(UTC))
        query = read_query(parameters, span=span)
        values = [
            {
                "starttime": iso(span[0]),
                "endtime": iso(span[1]),
                "interval": interval(query),
                "namespace": resource.type.lower(),
                "resourceregion": region,
                "resourceid": resource.id,
                "value": list(
                    map(
                        SeriesReader(recorder, resource.id, query).answer,
                        read_metrics(parameters, resource.type),
                    )
                ),
            }
            for resource in resources
        ]
    except QueryError as error:
        raise bad_request(str(error), code="BadRequest") from None
    return {"values": values}


def cost(query: MetricQuery) -> int:
    """A minute less than is asked of, as in Microsoft's examples."""
    return max(0, int((query.end - query.start).total_seconds()) // 60 - 1)


def interval(query: MetricQuery) -> str:
    """What was asked for; of FULL, how long that is."""
    if query.interval != FULL:
        return query.interval
    hours, minutes = divmod(query.seconds // 60, 60)
    return "PT" + (f"{hours}H" if hours else "") + (f"{minutes}M" if minutes or not hours else "")


def _definition(resource: Resource, metric: Metric) -> dict[str, Any]:
    definition: dict[str, Any] = {
        "id": f"{resource.id}/providers/microsoft.insights/metricdefinitions/{metric.name}",
        "resourceId": resource.id,
        "namespace": resource.type,
        "name": {"value": metric.name, "localizedValue": metric.display},
        "displayDescription": metric.description,
        "isDimensionRequired": False,
        "unit": metric.unit,
        "primaryAggregationType": metric.primary,
        "supportedAggregationTypes": list(metric.aggregations),
        "metricAvailabilities": [
            {"timeGrain": grain, "retention": f"P{RETENTION.days}D"} for grain in INTERVALS
        ],
    }
    if metric.dimensions:
        definition["dimensions"] = [
            {"value": name, "localizedValue": name} for name in metric.dimensions
        ]
    return definition
