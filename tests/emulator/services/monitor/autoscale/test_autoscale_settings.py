"""Autoscale settings as azure-mgmt-monitor makes, changes and deletes them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.identity import DefaultAzureCredential
from azure.mgmt.monitor import MonitorManagementClient
from azure.mgmt.monitor.models import (
    AutoscaleNotification,
    AutoscaleProfile,
    AutoscaleSettingResourcePatch,
    EmailNotification,
    MetricTrigger,
    PredictiveAutoscalePolicy,
    Recurrence,
    RecurrentSchedule,
    ScaleAction,
    ScaleCapacity,
    ScaleRule,
    ScaleRuleMetricDimension,
    TimeWindow,
    WebhookNotification,
)
from azure.mgmt.resource.resources import ResourceManagementClient

from emulator.defaults import REGION, RESOURCE_GROUP, SUBSCRIPTION
from tests.emulator.services.arm import GROUP, HOME, call
from tests.emulator.services.deployments import Workbench

SETTINGS = f"{GROUP}/providers/Microsoft.Insights/autoscaleSettings"
MINUTE = timedelta(minutes=1)


@pytest.fixture
def monitor(bench: Workbench) -> MonitorManagementClient:
    return MonitorManagementClient(DefaultAzureCredential(), SUBSCRIPTION)


@pytest.fixture
def blue(bench: Workbench, unique: str):
    """The id of a deployment; settings that are for it are deleted with the test."""
    name = bench.endpoint().name
    bench.deploy(name, "blue")
    yield f"{HOME}/onlineEndpoints/{name}/deployments/blue"
    for setting in call("GET", SETTINGS).json()["value"]:
        if name in setting["properties"]["targetResourceUri"]:
            assert call("DELETE", setting["id"]).status_code == 200


def cpu_rule(resource: str, **changes: Any) -> ScaleRule:
    trigger: dict[str, Any] = {
        "metric_name": "CpuUtilizationPercentage",
        "metric_resource_uri": resource,
        "time_grain": MINUTE,
        "statistic": "Average",
        "operator": "GreaterThan",
        "time_aggregation": "Last",
        "time_window": 5 * MINUTE,
        "threshold": 70,
        **changes,
    }
    action = ScaleAction(direction="Increase", type="ChangeCount", value="2", cooldown=60 * MINUTE)
    return ScaleRule(metric_trigger=MetricTrigger(**trigger), scale_action=action)


def capacity(minimum: int = 1, maximum: int = 5, default: int = 1) -> ScaleCapacity:
    return ScaleCapacity(minimum=str(minimum), maximum=str(maximum), default=str(default))


def setting(target: str, *profiles: AutoscaleProfile, **more: Any) -> dict[str, Any]:
    return {
        "location": REGION,
        "target_resource_uri": target,
        "profiles": list(profiles),
        **more,
    }


def test_the_setting_of_microsoft_s_page_is_made_changed_listed_and_deleted(
    monitor: MonitorManagementClient, blue: str, unique: str
):
    name = f"autoscale-{unique}"
    endpoint = blue.rpartition("/deployments/")[0]
    latency = cpu_rule(
        endpoint,
        metric_name="RequestLatency",
        dimensions=[
            ScaleRuleMetricDimension(
                dimension_name="deployment", operator="Equals", values=["blue"]
            )
        ],
    )
    made = monitor.autoscale_settings.create_or_update(
        RESOURCE_GROUP,
        name,
        setting(
            blue,
            AutoscaleProfile(
                name="my-scale-settings", capacity=capacity(), rules=[cpu_rule(blue), latency]
            ),
            AutoscaleProfile(
                name="event",
                capacity=capacity(2, 2, 2),
                rules=[],
                fixed_date=TimeWindow(
                    time_zone="Pacific Standard Time",
                    start=datetime(2037, 12, 26),
                    end=datetime(2037, 12, 26, 23, 59),
                ),
            ),
            notifications=[
                AutoscaleNotification(
                    email=EmailNotification(custom_emails=["ops@example.com"]),
                    webhooks=[WebhookNotification(service_uri="https://example.com/hook")],
                )
            ],
            tags={"lesson": "09"},
        ),
    )
    assert made.id == f"{SETTINGS}/{name}"
    assert (made.type, made.location) == ("Microsoft.Insights/autoscaleSettings", REGION)
    assert (made.enabled, made.target_resource_uri) == (False, blue)
    metric, event = made.profiles
    assert (metric.capacity.minimum, metric.capacity.maximum) == ("1", "5")
    trigger, action = metric.rules[0].metric_trigger, metric.rules[0].scale_action
    assert (trigger.time_grain, trigger.time_window) == (MINUTE, 5 * MINUTE)
    assert (trigger.statistic, trigger.time_aggregation) == ("Average", "Last")
    assert (action.value, action.cooldown) == ("2", timedelta(hours=1))
    assert metric.rules[1].metric_trigger.dimensions[0].values == ["blue"]
    assert event.fixed_date.start.isoformat() == "2037-12-26T00:00:00+00:00"
    assert made.notifications[0].email.custom_emails == ["ops@example.com"]
    assert made.notifications[0].webhooks[0].service_uri == "https://example.com/hook"

    patch = AutoscaleSettingResourcePatch(tags={"lesson": "9"}, enabled=True)
    changed = monitor.autoscale_settings.update(RESOURCE_GROUP, name, patch)
    assert (changed.enabled, changed.tags) == (True, {"lesson": "9"})
    assert len(changed.profiles) == 2

    weekend = AutoscaleProfile(
        name="Default",
        capacity=capacity(2, 2, 2),
        rules=[],
        recurrence=Recurrence(
            frequency="Week",
            schedule=RecurrentSchedule(
                time_zone="Pacific Standard Time",
                days=["Saturday", "Sunday"],
                hours=[],
                minutes=[],
            ),
        ),
    )
    replaced = monitor.autoscale_settings.create_or_update(
        RESOURCE_GROUP, name.upper(), setting(blue, weekend, enabled=False)
    )
    assert replaced.id == made.id
    assert replaced.profiles[0].recurrence.schedule.days == ["Saturday", "Sunday"]

    for found in (
        monitor.autoscale_settings.list_by_resource_group(RESOURCE_GROUP.upper()),
        monitor.autoscale_settings.list_by_subscription(),
    ):
        assert made.id in [one.id for one in found]
    resources = ResourceManagementClient(DefaultAzureCredential(), SUBSCRIPTION).resources
    of_type = "resourceType eq 'Microsoft.Insights/autoscaleSettings'"
    assert made.id in [one.id for one in resources.list(filter=of_type)]
    assert monitor.autoscale_settings.get(RESOURCE_GROUP, name).tags == {}

    monitor.autoscale_settings.delete(RESOURCE_GROUP, name)
    monitor.autoscale_settings.delete(RESOURCE_GROUP, name)
    with pytest.raises(ResourceNotFoundError):
        monitor.autoscale_settings.get(RESOURCE_GROUP, name)


def test_what_azure_refuses_is_refused(
    monitor: MonitorManagementClient, bench: Workbench, blue: str, unique: str
):
    put = monitor.autoscale_settings.create_or_update

    def refused(
        status: int, said: str, body: dict[str, Any], name: str = f"wrong-{unique}"
    ) -> HttpResponseError:
        with pytest.raises(HttpResponseError) as caught:
            put(RESOURCE_GROUP, name, body)
        assert caught.value.status_code == status
        assert said in caught.value.message
        return caught.value

    def with_rule(**changes: Any) -> dict[str, Any]:
        rules = [cpu_rule(changes.pop("resource", blue), **changes)]
        return setting(blue, AutoscaleProfile(name="p", capacity=capacity(), rules=rules))

    def bare(least: int = 1, most: int = 5, default: int = 1, **more: Any) -> dict[str, Any]:
        profile = AutoscaleProfile(
            name="p", capacity=capacity(least, most, default), rules=more.pop("rules", [])
        )
        return setting(more.pop("target", blue), profile, **more)

    # https://github.com/microsoft/onefuzz/issues/2249
    error = refused(400, "Enter a minimum capacity less than '1'", bare(6, 9, 1))
    assert error.error.code == "BadRequest"
    assert error.error.message.startswith(
        "The minimum capacity value '6' that you specified in the autoscale setting is greater "
        "than the default capacity of '1'."
    )
    refused(400, "default capacity value '6'", bare(1, 5, 6))
    # https://github.com/Azure/bicep-types-az/issues/1859
    refused(400, "invalid scale action value ('2')", bare(1, 2, 1, rules=[cpu_rule(blue)]))
    refused(400, "10, the most", bare(rules=[cpu_rule(blue)] * 11))
    refused(400, "20, the most", setting(blue, *[bare()["profiles"][0]] * 21))
    refused(400, "Only one profile", setting(blue, *[bare()["profiles"][0]] * 2))
    refused(400, "'properties.profiles' is required", setting(blue))
    refused(400, "well formed", {"location": REGION, "profiles": bare()["profiles"]})

    error = refused(400, "metricname: Percentage CPU", with_rule(metric_name="Percentage CPU"))
    assert error.error.code == "UnsupportedMetric"
    refused(501, "DiskUtilization", with_rule(metric_name="DiskUtilization"))
    nobody = ScaleRuleMetricDimension(dimension_name="pod", operator="Equals", values=["x"])
    refused(400, "instanceId", with_rule(dimensions=[nobody]))
    refused(400, "could not be found", with_rule(resource=f"{blue}-not"))
    refused(501, "the metrics of", with_rule(resource=HOME))
    refused(400, "timeWindow", with_rule(time_window=timedelta(hours=13)))
    refused(400, "no shorter than the time grain", with_rule(time_grain=10 * MINUTE))
    refused(400, "timeGrain", with_rule(time_grain=timedelta(seconds=30)))

    refused(501, "predictive", bare(predictive_autoscale_policy=PREDICTIVE))
    refused(501, "Microsoft.Compute/virtualMachineScaleSets", bare(target=SCALE_SET))
    error = refused(404, "could not be found", bare(target=f"{blue}-not"))
    assert error.error.code == "TargetResourceNotFound"
    refused(400, "name", bare(), name="a%3Ab")

    put(RESOURCE_GROUP, f"first-{unique}", bare())
    refused(409, "only have one autoscale setting", bare())
    bench.deploy(blue.split("/")[-3], "green")
    other = blue.replace("/deployments/blue", "/deployments/green")
    # https://github.com/Azure/vm-scale-sets/issues/4
    error = refused(400, "immutable", bare(target=other), name=f"first-{unique}")
    assert error.error.code == "TargetResourceIdIsImmutable"


PREDICTIVE = PredictiveAutoscalePolicy(scale_mode="ForecastOnly")
SCALE_SET = f"{GROUP}/providers/Microsoft.Compute/virtualMachineScaleSets/vmss"


def test_a_setting_outlives_its_target(
    monitor: MonitorManagementClient,
    bench: Workbench,
    blue: str,
    unique: str,
):
    profile = AutoscaleProfile(name="p", capacity=capacity(), rules=[cpu_rule(blue)])
    name = f"orphan-{unique}"
    monitor.autoscale_settings.create_or_update(
        RESOURCE_GROUP, name, setting(blue, profile, enabled=True)
    )
    endpoint = blue.split("/")[-3]
    bench.client.online_deployments.begin_delete("blue", endpoint).result()
    assert monitor.autoscale_settings.get(RESOURCE_GROUP, name).enabled
    patch = AutoscaleSettingResourcePatch(enabled=False)
    assert not monitor.autoscale_settings.update(RESOURCE_GROUP, name, patch).enabled
