"""The entries that autoscale writes to the activity log.

    event                     operation: Microsoft.Insights/AutoscaleSettings/{}/Action   status
    AutoscaleAction           Scaleup, Scaledown: a scale action begins                  Succeeded
    GetOperationStatusResult  ScaleupResult, ScaledownResult: it has ended       Succeeded, Failed
    MetricFailure             MetricFailure: no value can be had of a rule's metric         Failed
    MetricRecovery            MetricRecovery: it can again                               Succeeded
    FlappingOccurred          Flapping: scaled in less than a rule says                  Succeeded
    Flapping                  Flapping: not scaled in, as a rule would scale out again   Succeeded

https://learn.microsoft.com/azure/azure-monitor/platform/activity-log-schema#autoscale-category
https://learn.microsoft.com/azure/azure-monitor/autoscale/autoscale-diagnostics#activity-logs
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

from emulator.arm.ids import new_guid, resource_group_of, subscription_of
from emulator.defaults import TENANT
from emulator.services.monitor.activity_event import FAILED, SUCCEEDED, Event, both, dated
from emulator.services.monitor.autoscale.profile import AutoscaleProfile
from emulator.store import Resource

CALLER = "Microsoft.Insights/autoscaleSettings"
_OPERATIONS = "Microsoft.Insights/AutoscaleSettings"
_SPN = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/spn"
# https://learn.microsoft.com/azure/role-based-access-control/permissions/monitor#microsoftinsights
_WORDS = {
    "Scaleup": "Autoscale scale up initiated",
    "Scaledown": "Autoscale scale down initiated",
    "ScaleupResult": "Autoscale scale up completed",
    "ScaledownResult": "Autoscale scale down completed",
}


def scaling(
    setting: Resource, profile: AutoscaleProfile, target: str, counts: tuple[int, int], id: str
) -> Event:
    """A scale action begins, from one number of instances to another; `id` is shared with its
    end."""
    old, new = counts
    said = (
        f"The autoscale engine attempting to scale resource '{target}' from {old} instances count "
        f"to {new} instances count."
    )
    properties = _scaled(said, profile, target, counts)
    properties["LastScaleActionTime"] = format_datetime(datetime.now(UTC), usegmt=True)
    return _event(setting, _direction(counts), "AutoscaleAction", properties, correlation=id)


def scaled(
    setting: Resource, target: str, counts: tuple[int, int], id: str, error: str = ""
) -> Event:
    """A scale action has ended; `error` says why it has failed."""
    properties = {
        "ResourceName": target,
        "OldInstancesCount": str(counts[0]),
        "NewInstancesCount": str(counts[1]),
    }
    if error:
        properties["Description"] = (
            f"The autoscale engine failed to scale resource '{target}' from {counts[0]} instances "
            f"count to {counts[1]} instances count: {error}"
        )
    return _event(
        setting,
        f"{_direction(counts)}Result",
        "GetOperationStatusResult",
        properties,
        FAILED if error else SUCCEEDED,
        correlation=id,
    )


def metric_failure(setting: Resource, metrics: str) -> Event:
    return _event(
        setting,
        "MetricFailure",
        "MetricFailure",
        {
            "Notes": "To ensure service availability, Autoscale will scale out the resource to the "
            "default capacity if it is greater than the current capacity",
            "Description": f"No value of {metrics} is available.",
        },
        FAILED,
    )


def metric_recovery(setting: Resource) -> Event:
    return _event(setting, "MetricRecovery", "MetricRecovery", {})


def flapping(
    setting: Resource,
    profile: AutoscaleProfile,
    target: str,
    counts: tuple[int, int],
    intended: int,
) -> Event:
    """Not scaled in to `intended`, or not so far."""
    old, new = counts
    said = f"Resource: '{target}'. Current instance count: '{old}', Intended new instance count"
    if old == new:
        said = f"Cannot scale down due to flapping observed. {said} '{intended}'"
    else:
        said = (
            f"Scale down will occur with updated instance count to avoid flapping. {said}: "
            f"'{intended}'. Actual new instance count: '{new}'"
        )
    name = "Flapping" if old == new else "FlappingOccurred"
    return _event(setting, "Flapping", name, _scaled(said, profile, target, counts))


def _direction(counts: tuple[int, int]) -> str:
    return "Scaleup" if counts[1] > counts[0] else "Scaledown"


def _scaled(
    said: str, profile: AutoscaleProfile, target: str, counts: tuple[int, int]
) -> dict[str, str]:
    return {
        "Description": said,
        "ResourceName": target,
        "OldInstancesCount": str(counts[0]),
        "NewInstancesCount": str(counts[1]),
        "ActiveAutoscaleProfile": json.dumps(_profile(profile)),
    }


def _profile(profile: AutoscaleProfile) -> dict[str, Any]:
    """A profile as the log has it: other names, and no schedule."""
    capacity = profile.capacity.to_body()
    rules = []
    for rule in profile.rules:
        trigger = rule.trigger
        body = _capitalized(trigger.to_body())
        rules.append(
            {
                "MetricTrigger": {
                    "Name": trigger.metric,
                    "Namespace": trigger.namespace,
                    "Resource": trigger.resource,
                    "ResourceLocation": trigger.location,
                    **{name: body[name] for name in body if not name.startswith("Metric")},
                },
                "ScaleAction": _capitalized(rule.action.to_body()),
            }
        )
    return {"Name": profile.name, "Capacity": _capitalized(capacity), "Rules": rules}


def _capitalized(body: Mapping[str, Any]) -> dict[str, Any]:
    return {name[:1].upper() + name[1:]: value for name, value in body.items()}


def _event(
    setting: Resource,
    operation: str,
    event_name: str,
    properties: dict[str, str],
    status: str = SUCCEEDED,
    correlation: str = "",
) -> Event:
    correlation = correlation or new_guid()
    name = f"{_OPERATIONS}/{operation}/Action"
    event: Event = {
        "caller": CALLER,
        "claims": {_SPN: CALLER},
        "correlationId": correlation,
        "description": properties.get("Description", ""),
        "eventName": both(event_name),
        "category": both("Autoscale"),
        "resourceGroupName": resource_group_of(setting.id),
        "resourceProviderName": both("Microsoft.Insights"),
        "resourceType": both(setting.type),
        "resourceId": setting.id,
        "operationId": correlation,
        "operationName": {"value": name, "localizedValue": _WORDS.get(operation, name)},
        "properties": properties,
        "subscriptionId": subscription_of(setting.id),
        "tenantId": TENANT,
    }
    return dated(datetime.now(UTC), event, status, both(""))
