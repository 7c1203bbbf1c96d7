"""Metrics of what really runs, through azure-mgmt-monitor and azure-monitor-querymetrics."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from azure.ai.ml import MLClient
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.identity import DefaultAzureCredential
from azure.mgmt.monitor import MonitorManagementClient
from azure.monitor.querymetrics import MetricsClient

from emulator.data_plane.traffic_counts import REQUESTS
from emulator.defaults import REGION, RESOURCE_GROUP, SUBSCRIPTION, WORKSPACE
from tests.conftest import LocalAzure
from tests.emulator.services.apps_bench import AppsBench
from tests.emulator.services.arm import GROUP, HOME, call
from tests.emulator.services.container_machine import Machine
from tests.emulator.services.deployments import Workbench
from tests.waiting import until

GROUPS = "Microsoft.ContainerInstance/containerGroups"
APPS = "Microsoft.App/containerApps"
ENDPOINTS = "Microsoft.MachineLearningServices/workspaces/onlineEndpoints"


def monitor() -> MonitorManagementClient:
    return MonitorManagementClient(DefaultAzureCredential(), SUBSCRIPTION)


def batch(region: str = REGION) -> MetricsClient:
    return MetricsClient(f"https://{region}.metrics.monitor.azure.com", DefaultAzureCredential())


def read(resource: str, name: str, aggregation: str = "Average", **query: Any) -> dict[Any, float]:
    """The one value of the past hour that each series has, by the values of its dimensions."""
    found = monitor().metrics.list(
        resource, metricnames=name, aggregation=aggregation, interval="FULL", **query
    )
    (metric,) = found.value
    values = {}
    for series in metric.timeseries:
        (point,) = series.data
        labels = tuple(one.value for one in series.metadatavalues)
        number = getattr(point, aggregation.lower())
        if number is not None:
            values[labels[0] if len(labels) == 1 else labels] = number
    return values


@pytest.fixture
def group(machine: Machine, unique: str):
    name = f"metrics-{unique}"
    machine.create(name, machine.group())
    yield f"{GROUP}/providers/{GROUPS}/{name}"
    machine.groups.begin_delete(RESOURCE_GROUP, name).result()


def test_a_group_s_containers_are_measured(machine: Machine, group: str):
    every = {"filter": "containerName eq '*'"}
    assert until(lambda: read(group, "CPUUsage", **every)).keys() == {"web"}
    (memory,) = read(group, "MemoryUsage", "Maximum", **every).values()
    assert 2**20 < memory < 2**31
    assert read(group, "MemoryUsage").keys() == {()}

    defined = {one.name.value: one for one in monitor().metric_definitions.list(group)}
    assert defined.keys() == {"CpuUsage", "MemoryUsage"}
    one = defined["MemoryUsage"]
    assert (one.unit, one.primary_aggregation_type, one.namespace) == ("Bytes", "Average", GROUPS)
    assert set(one.supported_aggregation_types) == {"Average", "Minimum", "Maximum"}
    assert [dimension.value for dimension in one.dimensions] == ["containerName"]
    grains = [available.time_grain for available in one.metric_availabilities]
    assert grains[:2] == [timedelta(minutes=1), timedelta(minutes=5)]
    (namespace,) = monitor().metric_namespaces.list(group)
    assert namespace.properties.metric_namespace_name == GROUPS


def test_what_is_asked_for_and_not_there_is_refused(group: str):
    def refused(**query: Any) -> HttpResponseError:
        with pytest.raises(HttpResponseError) as caught:
            monitor().metrics.list(group, **query)
        return caught.value

    wrong = refused(metricnames="CpuUsage,Happiness")
    assert (wrong.status_code, wrong.error.code) == (400, "BadRequest")
    assert wrong.error.message == (
        "Failed to find metric configuration for provider: Microsoft.ContainerInstance, resource "
        "Type: containerGroups, metric: Happiness, Valid metrics: CpuUsage,MemoryUsage,"
        "NetworkBytesReceivedPerSecond,NetworkBytesTransmittedPerSecond"
    )
    missing = refused(metricnames="NetworkBytesReceivedPerSecond")
    assert (missing.status_code, "NetworkBytesReceivedPerSecond" in missing.message) == (501, True)
    strange = refused(metricnames="CpuUsage", filter="deployment eq '*'")
    assert (strange.status_code, "dimension combination: deployment" in strange.message) == (
        400,
        True,
    )
    passed = monitor().metrics.list(
        group, metricnames="CpuUsage", filter="deployment eq '*'", validate_dimensions=False
    )
    assert passed.value[0].timeseries[0].metadatavalues == []
    assert refused(metricnamespace=APPS).status_code == 400
    assert refused(interval="PT2M").status_code == 400
    with pytest.raises(ResourceNotFoundError):
        monitor().metrics.list(group + "-not")
    assert call("GET", f"{HOME}/providers/Microsoft.Insights/metrics").status_code == 501
    with pytest.raises(HttpResponseError, match="in the region westeurope"):
        batch("northeurope").query_resources(
            resource_ids=[group], metric_namespace=GROUPS, metric_names=["CpuUsage"]
        )


def test_an_app_s_requests_and_replicas_are_measured(apps: AppsBench):
    apps.put(apps.body())
    app = apps.get().id
    for _ in range(3):
        assert apps.ask().status_code == 200
    assert apps.ask("/status/404").status_code == 404
    (replica,) = apps.list_replicas()
    revision = apps.get().latest_revision_name

    apps.web_socket().close()
    assert read(app, "Requests", "Total") == {(): 5}
    by_status = read(app, "Requests", "Total", filter="statusCodeCategory eq '*'")
    assert by_status == {"1xx": 1, "2xx": 3, "4xx": 1}
    every = "revisionName eq '*' and podName eq '*' and statusCode eq '200'"
    found = read(app, "Requests", "Total", filter=every)
    assert found == {(revision, replica.name, "200"): 3}
    assert read(app, "ResponseTime")[()] > 0

    every = "revisionName eq '*' and podName eq '*'"
    until(lambda: read(app, "UsageNanoCores", filter=every))
    assert read(app, "UsageNanoCores", filter=every).keys() == {(revision, replica.name)}
    assert read(app, "WorkingSetBytes")[()] > 2**20
    assert read(app, "Replicas", "Maximum", filter="revisionName eq '*'") == {revision: 1}
    assert read(app, "TotalCoresQuotaUsed", "Maximum")[()] == pytest.approx(
        apps.get().template.containers[0].resources.cpu
    )
    assert read(app, "RestartCount", "Maximum") == {(): 0}

    (result,) = batch().query_resources(
        resource_ids=[app],
        metric_namespace=APPS,
        metric_names=["Requests", "Replicas"],
        aggregations=["Total", "Maximum"],
        timespan=timedelta(hours=1),
        granularity=timedelta(hours=1),
    )
    assert (result.resource_region, result.namespace) == (REGION, APPS.lower())
    assert sum(one.total or 0 for one in result.metrics["Requests"].timeseries[0].data) == 5
    assert max(one.maximum or 0 for one in result.metrics["Replicas"].timeseries[0].data) == 1
    token = {"Authorization": f"Bearer {apps.token()}"}
    url = f"https://{REGION}.metrics.monitor.azure.com/subscriptions/{SUBSCRIPTION}"
    answer = requests.post(
        f"{url}/metrics:getBatch", params={"api-version": "2024-02-01"}, headers=token, timeout=10
    )
    assert answer.status_code == 401


def stored_requests(azure: LocalAzure) -> int:
    """How many requests a crash would not lose."""
    with closing(sqlite3.connect(f"{azure.home.database.as_uri()}?mode=ro", uri=True)) as database:
        rows = database.execute("SELECT tally FROM metrics WHERE series = ?", (REQUESTS,))
        return sum(json.loads(tally)[0] for (tally,) in rows)


@pytest.fixture
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_LOCAL_METRICS_PERIOD", "0.5")


def test_an_endpoint_s_metrics_outlive_a_crash(
    often: None,
    another_azure: LocalAzure,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    unique: str,
):
    for name, value in another_azure.environment.items():
        monkeypatch.setenv(name, value)
    client = MLClient(DefaultAzureCredential(), SUBSCRIPTION, RESOURCE_GROUP, WORKSPACE)
    bench = Workbench(client, tmp_path, unique)
    name = bench.endpoint().name
    bench.deploy(name, "blue")
    bench.send_traffic(name, blue=100)
    ask = bench.caller(name)
    for _ in range(4):
        assert ask({}).status_code == 200
    assert ask({"sleep": 0.5}).status_code == 200
    assert ask({"raise": True}).status_code == 424
    assert ask({}, key="wrong").status_code == 401
    endpoint = f"{HOME}/onlineEndpoints/{name}"
    blue = f"{endpoint}/deployments/blue"

    def requests_by_status() -> dict[Any, float]:
        every = "deployment eq '*' and statusCode eq '*' and modelStatusCode eq '*'"
        found = monitor().metrics.list(endpoint, metricnames="RequestsPerMinute", filter=every)
        # Each minute's number: the requests may have been sent within two.
        return {
            tuple(one.value for one in series.metadatavalues): sum(
                point.average or 0 for point in series.data
            )
            for series in found.value[0].timeseries
        }

    expected = {
        ("blue", "200", "200"): 5,
        ("blue", "424", "500"): 1,
        ("", "401", ""): 1,
    }
    assert requests_by_status() == expected
    classes = read(endpoint, "RequestsPerMinute", filter="statusCodeClass eq '*'")
    assert classes.keys() == {"2xx", "4xx"}
    latency = {part: read(endpoint, f"RequestLatency_P{part}")[()] for part in (50, 90, 95, 99)}
    assert latency[99] >= 500 * 0.99  # the one that was asked to sleep
    assert sorted(latency.values()) == list(latency.values())
    assert read(endpoint, "NetworkBytes")[()] > 0
    assert read(endpoint, "NewConnectionsPerSecond")[()] > 0
    until(lambda: read(endpoint, "ConnectionsActive"))

    assert sum(read(blue, "RequestsPerMinute").values()) > 0
    codes = read(blue, "RequestsPerMinute", filter="envoy_response_code eq '*'")
    assert codes.keys() == {"200", "424"}
    assert read(blue, "RequestLatency_P99")[()] >= 500 * 0.99
    every = {"filter": "instanceId eq '*'"}
    (instance,) = until(lambda: read(blue, "CpuUtilizationPercentage", **every))
    assert instance
    assert 0 < read(blue, "CpuMemoryUtilizationPercentage")[()] < 100
    with pytest.raises(HttpResponseError, match="DiskUtilization"):
        read(blue, "DiskUtilization")
    defined = {one.name.value for one in monitor().metric_definitions.list(endpoint)}
    assert {"RequestsPerMinute", "ConnectionsActive"} < defined
    assert "DataCollectionErrorsPerMinute" not in defined

    until(lambda: stored_requests(another_azure) == 7)
    another_azure.kill()
    another_azure.start()
    assert requests_by_status() == expected
    assert read(endpoint, "RequestLatency_P99")[()] == pytest.approx(latency[99])
    (result,) = batch().query_resources(
        resource_ids=[endpoint],
        metric_namespace=ENDPOINTS,
        metric_names=["RequestsPerMinute"],
        timespan=timedelta(hours=1),
        filter="deployment eq 'blue'",
    )
    (series,) = result.metrics["RequestsPerMinute"].timeseries
    assert series.metadata_values == {"deployment": "blue"}
    assert sum(point.average or 0 for point in series.data) == 6
