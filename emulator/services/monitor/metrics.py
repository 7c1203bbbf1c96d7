"""A resource's metrics, what can be asked of them, and their namespace.

https://learn.microsoft.com/rest/api/monitor/metric-definitions/list
https://learn.microsoft.com/rest/api/monitor/metric-namespaces/list
https://learn.microsoft.com/rest/api/monitor/metrics/list
"""

from __future__ import annotations

from emulator.arm.http import ArmRequest, ArmResponse
from emulator.arm.resources import require
from emulator.services.monitor.metric_recorder import MetricRecorder
from emulator.store import Resource, Store

_INSIGHTS = "/providers/Microsoft.Insights/"
_RESOURCE = (
    "/subscriptions/{subscriptionId}/resourceGroups/{resourceGroupName}"
    "/providers/{namespace}/{type}/{name}"
)
_CHILD = _RESOURCE + "/{childType}/{childName}"
# Resources, and those below them. Every type of resource is asked here, as most types have metrics
# on Azure.
SCOPES = (_RESOURCE, _CHILD, _CHILD + "/{grandchildType}/{grandchildName}")


class Metrics:
    ROUTES = tuple(
        ("GET", scope + _INSIGHTS + kind, handler)
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
        from emulator.services.monitor import metric_answers

        return ArmResponse(metric_answers.definitions(self._resource(request), request.query))

    async def list_namespaces(self, request: ArmRequest) -> ArmResponse:
        from emulator.services.monitor import metric_answers

        return ArmResponse(metric_answers.namespaces(self._resource(request)))

    async def list_metrics(self, request: ArmRequest) -> ArmResponse:
        from emulator.services.monitor import metric_answers

        resource = self._resource(request)
        return ArmResponse(
            metric_answers.metrics(self.store, self.recorder, resource, request.query)
        )

    def _resource(self, request: ArmRequest) -> Resource:
        return require(self.store, request.id.rpartition("/providers/")[0])
