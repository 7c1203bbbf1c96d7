"""Azure's metrics of what runs models, with their units, aggregations and dimensions.

As Microsoft lists them, in the order of its pages, those included that are not measured here:
https://learn.microsoft.com/azure/azure-monitor/reference/supported-metrics/microsoft-machinelearningservices-workspaces-onlineendpoints-metrics
https://learn.microsoft.com/azure/azure-monitor/reference/supported-metrics/microsoft-machinelearningservices-workspaces-onlineendpoints-deployments-metrics
https://learn.microsoft.com/azure/azure-monitor/reference/supported-metrics/microsoft-containerinstance-containergroups-metrics
https://learn.microsoft.com/azure/azure-monitor/reference/supported-metrics/microsoft-app-containerapps-metrics

The aggregation that a metric is asked for where a request names none is not on these pages. It is
the average, but for what the portal shows as a sum or as the most.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from emulator.data_plane.traffic_counts import MIRRORED, OPENED, REQUESTS, SENT
from emulator.services.monitor.metric_measures import (
    Measure,
    number_in_a_minute,
    quantile,
    samples,
    sum_in_a_second,
)
from emulator.services.monitor.metric_recorder import ACTIVE


@dataclass(frozen=True)
class Source:
    """Where a metric's numbers come from: `series` of the recorder, whose values are told apart by
    `labels`, and the measure that is taken of them.

    `of_parent` is the label that names the resource, where what is counted is counted for the
    resource above it; "" otherwise.
    """

    series: tuple[str, ...]
    labels: tuple[str, ...]
    measure: Measure
    of_parent: str = ""


@dataclass(frozen=True)
class Metric:
    """`source` is None of a metric that is not measured here. `primary` is the aggregation where
    none is asked for."""

    name: str
    display: str
    description: str
    unit: str
    aggregations: tuple[str, ...]
    dimensions: tuple[str, ...] = ()
    source: Source | None = None
    primary: str = "Average"


_AVERAGE = ("Average",)
_LIMITS = ("Minimum", "Maximum", "Average")
_ALL = ("Average", "Minimum", "Maximum", "Total")
_SCORED = ("deployment", "statusCode", "modelStatusCode")


def _unmeasured(
    unit: str, aggregations: tuple[str, ...], dimensions: tuple[str, ...], *names: str
) -> tuple[Metric, ...]:
    return tuple(Metric(name, name, "", unit, aggregations, dimensions) for name in names)


def _scored(measure: Measure) -> Source:
    return Source((REQUESTS,), _SCORED, measure)


def _of_endpoint(measure: Measure) -> Source:
    """A deployment's requests are counted for its endpoint."""
    return Source((REQUESTS, MIRRORED), _SCORED, measure, of_parent="deployment")


def _gauge(name: str, *labels: str) -> Source:
    return Source((name,), labels, samples)


def _percentiles(dimensions: tuple[str, ...], of_deployment: bool) -> tuple[Metric, ...]:
    source = _of_endpoint if of_deployment else _scored
    return tuple(
        Metric(
            f"RequestLatency_P{part}",
            f"Request Latency P{part}",
            f"The average P{part} request latency aggregated by all request latency values "
            "collected over the selected time period",
            "MilliSeconds",
            _AVERAGE,
            dimensions,
            source(quantile(part / 100)),
        )
        for part in (50, 90, 95, 99)
    )


_ENDPOINT = (
    Metric(
        "ConnectionsActive",
        "Connections Active",
        "The total number of concurrent TCP connections active from clients.",
        "Count",
        _AVERAGE,
        source=_gauge(ACTIVE),
    ),
    *_unmeasured(
        "Count", _LIMITS, ("deployment", "reason", "type"), "DataCollectionErrorsPerMinute"
    ),
    *_unmeasured("Count", _LIMITS, ("deployment", "type"), "DataCollectionEventsPerMinute"),
    Metric(
        "NetworkBytes",
        "Network Bytes",
        "The bytes per second served for the endpoint.",
        "BytesPerSecond",
        _AVERAGE,
        source=Source((SENT,), (), sum_in_a_second),
    ),
    Metric(
        "NewConnectionsPerSecond",
        "New Connections Per Second",
        "The average number of new TCP connections per second established from clients.",
        "CountPerSecond",
        _AVERAGE,
        source=Source((OPENED,), (), sum_in_a_second),
    ),
    Metric(
        "RequestLatency",
        "Request Latency",
        "The average complete interval of time taken for a request to be responded in milliseconds",
        "MilliSeconds",
        _AVERAGE,
        ("deployment",),
        _scored(samples),
    ),
    *_percentiles(("deployment",), of_deployment=False),
    Metric(
        "RequestsPerMinute",
        "Requests Per Minute",
        "The number of requests sent to online endpoint within a minute",
        "Count",
        _AVERAGE,
        ("deployment", "statusCode", "statusCodeClass", "modelStatusCode"),
        _scored(number_in_a_minute),
    ),
)
_DEPLOYMENT = (
    Metric(
        "CpuMemoryUtilizationPercentage",
        "CPU Memory Utilization Percentage",
        "Percentage of memory utilization on an instance. Utilization is reported at one minute "
        "intervals.",
        "Percent",
        _LIMITS,
        ("instanceId",),
        _gauge("CpuMemoryUtilizationPercentage", "instanceId"),
    ),
    Metric(
        "CpuUtilizationPercentage",
        "CPU Utilization Percentage",
        "Percentage of CPU utilization on an instance. Utilization is reported at one minute "
        "intervals.",
        "Percent",
        _LIMITS,
        ("instanceId",),
        _gauge("CpuUtilizationPercentage", "instanceId"),
    ),
    *_unmeasured(
        "Count", _LIMITS, ("instanceId", "reason", "type"), "DataCollectionErrorsPerMinute"
    ),
    *_unmeasured("Count", _LIMITS, ("instanceId", "type"), "DataCollectionEventsPerMinute"),
    *_unmeasured("Count", _LIMITS, ("instanceId", "State"), "DeploymentCapacity"),
    *_unmeasured("Percent", _LIMITS, ("instanceId", "disk"), "DiskUtilization"),
    *_unmeasured("Count", _LIMITS, ("instanceId",), "GpuEnergyJoules"),
    *_unmeasured(
        "Percent",
        _LIMITS,
        ("instanceId",),
        "GpuMemoryUtilizationPercentage",
        "GpuUtilizationPercentage",
    ),
    *_percentiles((), of_deployment=True),
    Metric(
        "RequestsPerMinute",
        "Requests Per Minute",
        "The number of requests sent to online deployment within a minute",
        "Count",
        _AVERAGE,
        ("envoy_response_code",),
        _of_endpoint(number_in_a_minute),
    ),
)
_GROUP = (
    Metric(
        "CpuUsage",
        "CPU Usage",
        "CPU usage on all cores in millicores.",
        "Count",
        _LIMITS,
        ("containerName",),
        _gauge("CpuUsage", "containerName"),
    ),
    Metric(
        "MemoryUsage",
        "Memory Usage",
        "Total memory usage in byte.",
        "Bytes",
        _LIMITS,
        ("containerName",),
        _gauge("MemoryUsage", "containerName"),
    ),
    *_unmeasured(
        "Bytes",
        _LIMITS,
        (),
        "NetworkBytesReceivedPerSecond",
        "NetworkBytesTransmittedPerSecond",
    ),
)
_REPLICA = ("revisionName", "podName")
_ANSWERED = (*_REPLICA, "statusCode")
_JAVA = (*_REPLICA, "container")
_APP = (
    Metric(
        "CoresQuotaUsed",
        "Reserved Cores",
        "Number of reserved cores for container app revisions",
        "Count",
        ("Maximum", "Minimum"),
        ("revisionName",),
        _gauge("CoresQuotaUsed", "revisionName"),
        primary="Maximum",
    ),
    Metric(
        "CpuPercentage",
        "CPU Usage Percentage (Preview)",
        "Percentage of CPU limit used in percentage points",
        "Percent",
        _ALL,
        ("podName",),
        _gauge("CpuPercentage", *_REPLICA),
    ),
    Metric(
        "MemoryPercentage",
        "Memory Percentage (Preview)",
        "Percentage of memory limit used, in percentage points",
        "Percent",
        _ALL,
        ("podName",),
        _gauge("MemoryPercentage", *_REPLICA),
    ),
    Metric(
        "Replicas",
        "Replica Count",
        "Number of replicas count of container app",
        "Count",
        _ALL,
        ("revisionName",),
        _gauge("Replicas", "revisionName"),
        primary="Maximum",
    ),
    Metric(
        "Requests",
        "Requests",
        "Requests processed",
        "Count",
        _ALL,
        (*_REPLICA, "statusCodeCategory", "statusCode"),
        Source((REQUESTS,), _ANSWERED, number_in_a_minute),
        primary="Total",
    ),
    *_unmeasured(
        "Count",
        _ALL,
        ("revisionName",),
        "ResiliencyConnectTimeouts",
        "ResiliencyEjectedHosts",
        "ResiliencyEjectionsAborted",
        "ResiliencyRequestRetries",
        "ResiliencyRequestsPendingConnectionPool",
        "ResiliencyRequestTimeouts",
    ),
    Metric(
        "ResponseTime",
        "Average Response Time (Preview)",
        "Average Response Time per Status Code",
        "MilliSeconds",
        _ALL,
        ("statusCodeCategory", "statusCode"),
        Source((REQUESTS,), _ANSWERED, samples),
    ),
    Metric(
        "RestartCount",
        "Total Replica Restart Count",
        "The cumulative number of times the replica has restarted since it was created.",
        "Count",
        _ALL,
        _REPLICA,
        _gauge("RestartCount", *_REPLICA),
        primary="Maximum",
    ),
    *_unmeasured("Bytes", _ALL, _REPLICA, "RxBytes"),
    Metric(
        "TotalCoresQuotaUsed",
        "Total Reserved Cores",
        "Number of total reserved cores for the container app",
        "Count",
        ("Average", "Maximum", "Minimum"),
        source=_gauge("TotalCoresQuotaUsed"),
        primary="Maximum",
    ),
    *_unmeasured("Bytes", _ALL, _REPLICA, "TxBytes"),
    Metric(
        "UsageNanoCores",
        "CPU Usage",
        "CPU consumed by the container app, in nano cores. 1,000,000,000 nano cores = 1 core",
        "NanoCores",
        _ALL,
        _REPLICA,
        _gauge("UsageNanoCores", *_REPLICA),
    ),
    Metric(
        "WorkingSetBytes",
        "Memory Working Set Bytes",
        "Container App working set memory used in bytes.",
        "Bytes",
        _ALL,
        _REPLICA,
        _gauge("WorkingSetBytes", *_REPLICA),
    ),
    *_unmeasured("Percent", _LIMITS, _REPLICA, "GpuUtilizationPercentage"),
    *_unmeasured(
        "Count",
        _LIMITS,
        (*_JAVA, "poolName"),
        "JvmBufferCount",
        "JvmBufferMemoryLimit",
        "JvmBufferMemoryUsage",
    ),
    *_unmeasured("Count", _ALL, (*_JAVA, "gcName"), "JvmGcCount", "JvmGcDuration"),
    *_unmeasured(
        "Bytes",
        _LIMITS,
        (*_JAVA, "poolName", "poolType"),
        "JvmMemoryCommitted",
        "JvmMemoryLimit",
    ),
    *_unmeasured(
        "Bytes",
        _LIMITS,
        (*_JAVA, "poolType"),
        "JvmMemoryTotalCommitted",
        "JvmMemoryTotalLimit",
        "JvmMemoryTotalUsed",
    ),
    *_unmeasured("Bytes", _LIMITS, (*_JAVA, "poolName", "poolType"), "JvmMemoryUsed"),
    *_unmeasured("Count", _LIMITS, (*_JAVA, "daemon", "threadState"), "JvmThreadCount"),
)
_MACHINE_LEARNING = "Microsoft.MachineLearningServices/workspaces/onlineEndpoints"
# Resource type -> its metrics. Azure has metrics of many more types.
CATALOGUE: Mapping[str, tuple[Metric, ...]] = {
    _MACHINE_LEARNING: _ENDPOINT,
    f"{_MACHINE_LEARNING}/deployments": _DEPLOYMENT,
    "Microsoft.ContainerInstance/containerGroups": _GROUP,
    "Microsoft.App/containerApps": _APP,
}
_BY_TYPE = {kind.lower(): metrics for kind, metrics in CATALOGUE.items()}


def metrics_of(resource_type: str) -> tuple[Metric, ...]:
    """Azure's metrics of a type, () of one whose metrics are not here."""
    return _BY_TYPE.get(resource_type.lower(), ())


def dimension_value(dimension: str, labels: Mapping[str, str]) -> str:
    """A dimension's value of what was counted under these labels."""
    if dimension in ("statusCodeClass", "statusCodeCategory"):
        return f"{labels['statusCode'][:1]}xx"
    return labels["statusCode" if dimension == "envoy_response_code" else dimension]
