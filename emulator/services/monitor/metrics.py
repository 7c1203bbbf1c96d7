"""A resource's metrics, what can be asked of them, and their namespace.

https://learn.microsoft.com/rest/api/monitor/metrics/list
https://learn.microsoft.com/rest/api/monitor/metric-definitions/list
https://learn.microsoft.com/rest/api/monitor/metric-namespaces/list
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from emulator.arm.errors import ArmError
from emulator.arm.http import ArmRequest, ArmResponse
from emulator.arm.ids import parent_of
from emulator.arm.resources import require
from emulator.services.monitor.metric_catalogue import Metric, metrics_of
from emulator.services.monitor.metric_query import (
    FULL,
    INTERVALS,
    RETENTION,
    MetricQuery,
    QueryError,
    check_namespace,
    iso,
    read_metrics,
    read_query,
    time_span,
)
from emulator.services.monitor.metric_recorder import MetricRecorder
from emulator.services.monitor.metric_series import answer
from emulator.store import Resource, Store

_INSIGHTS = "/providers/Microsoft.Insights"
_RESOURCE = (
    "/subscriptions/{subscriptionId}/resourceGroups/{resourceGroupName}"
    "/providers/{namespace}/{type}/{name}"
)
_CHILD = _RESOURCE + "/{childType}/{childName}"
# Resources, and those below them. Every type of resource is asked here, as most types have metrics
# on Azure.
SCOPES = (_RESOURCE, _CHILD, _CHILD + "/{grandchildType}/{grandchildName}")


class MetricsError(ArmError):
    """As Azure Monitor writes it, with nothing around code and message:
    https://github.com/Azure/azure-sdk-for-net/issues/29584"""

    def body(self) -> dict[str, Any]:
        return {"code": self.code, "message": self.message}


class Metrics:
    ROUTES = tuple(
        ("GET", scope + _INSIGHTS + "/" + kind, handler)
        for kind, handler in (
            ("metricDefinitions", "list_definitions"),
            ("metricNamespaces", "list_namespaces"),
            ("metrics", "list_metrics"),
        )
        for scope in SCOPES
    )

    def __init__(self, store: Store, recorder: MetricRecorder) -> None:
        self.store = store
        self.recorder = recorder

    async def list_definitions(self, request: ArmRequest) -> ArmResponse:
        """Those that are measured here."""
        resource = self._resource(request)
        with _bad_requests():
            read_metrics({}, resource.type)
            check_namespace(request.query, resource.type)
        measured = [metric for metric in metrics_of(resource.type) if metric.source]
        return ArmResponse({"value": [_definition(resource, metric) for metric in measured]})

    async def list_namespaces(self, request: ArmRequest) -> ArmResponse:
        """The one that the platform's metrics of a resource are in: its type."""
        resource = self._resource(request)
        read_metrics({}, resource.type)
        name = resource.type.replace("/", "-")
        namespace = {
            "id": f"{resource.id}/providers/microsoft.insights/metricNamespaces/{name}",
            "name": name,
            "type": "Microsoft.Insights/metricNamespaces",
            "classification": "Platform",
            "properties": {"metricNamespaceName": resource.type},
        }
        return ArmResponse({"value": [namespace]})

    async def list_metrics(self, request: ArmRequest) -> ArmResponse:
        resource = self._resource(request)
        with _bad_requests():
            metrics = read_metrics(request.query, resource.type)
            span = time_span(request.query.get("timespan", ""), datetime.now(UTC))
            query = read_query(request.query, span=span)
            values = [answer(self.recorder, resource.id, metric, query) for metric in metrics]
        return ArmResponse(
            {
                "cost": cost(query),
                "timespan": f"{iso(query.start)}/{iso(query.end)}",
                "interval": interval(query),
                "value": values,
                "namespace": resource.type.lower(),
                "resourceregion": region_of(self.store, resource),
            }
        )

    def _resource(self, request: ArmRequest) -> Resource:
        return require(self.store, request.id.rpartition("/providers/")[0])


@contextmanager
def _bad_requests() -> Iterator[None]:
    try:
        yield
    except QueryError as error:
        raise MetricsError(400, "BadRequest", str(error)) from None


def cost(query: MetricQuery) -> int:
    """A minute less than is asked of, as in Microsoft's examples."""
    return max(0, int((query.end - query.start).total_seconds()) // 60 - 1)


def interval(query: MetricQuery) -> str:
    """What was asked for; of FULL, how long that is."""
    if query.interval != FULL:
        return query.interval
    hours, minutes = divmod(query.seconds // 60, 60)
    return "PT" + (f"{hours}H" if hours else "") + (f"{minutes}M" if minutes or not hours else "")


def region_of(store: Store, resource: Resource) -> str:
    """Where it is: where the resource above it is, if it does not say so itself."""
    here: Resource | None = resource
    while here and not here.body.get("location"):
        here = store.get(parent_of(here.id))
    return str(here.body["location"]) if here else ""


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
