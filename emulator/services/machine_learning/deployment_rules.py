"""What a deployment must satisfy before anything is started.

https://learn.microsoft.com/azure/machine-learning/how-to-manage-quotas#azure-machine-learning-online-endpoints-and-batch-endpoints
"""

from __future__ import annotations

import math
from typing import Any

from emulator.arm.errors import ArmError, bad_request, not_emulated
from emulator.defaults import SUBSCRIPTION
from emulator.services.machine_learning.durations import seconds
from emulator.services.machine_learning.instance_types import INSTANCE_TYPES
from emulator.services.machine_learning.paths import ONLINE_DEPLOYMENT_TYPE
from emulator.store import Resource, Store

MOST_DEPLOYMENTS = 20  # an endpoint
MOST_INSTANCES = 50  # a deployment
LONGEST_REQUEST = 180.0  # seconds
CORE_QUOTA = 100  # vCPUs in a region, a new subscription's usual limit
RESERVE = 1.2  # Azure wants quota for 20 % more instances, with which it upgrades them


def check_properties(properties: dict[str, Any], instance_count: object) -> None:
    """Raises ArmError 400 naming the field at fault, 501 for what is not emulated."""
    compute = properties.get("endpointComputeType")
    if compute != "Managed":
        raise not_emulated(f"deployments on endpointComputeType '{compute}', only Managed ones")
    instance_type = properties.get("instanceType")
    if instance_type not in INSTANCE_TYPES:
        raise bad_request(
            f"The instance type '{instance_type}' is not supported. Choose one of "
            f"{', '.join(INSTANCE_TYPES)}.",
            target="instanceType",
        )
    if (
        isinstance(instance_count, bool)
        or not isinstance(instance_count, int)
        or not 1 <= instance_count <= MOST_INSTANCES
    ):
        raise bad_request(
            f"The instance count must be from 1 to {MOST_INSTANCES}, not {instance_count!r}.",
            target="sku.capacity",
        )
    code = properties.get("codeConfiguration") or {}
    if not (code.get("codeId") and code.get("scoringScript")):
        raise not_emulated(
            "deployments without a code configuration (MLflow models and custom containers)"
        )
    if not properties.get("environmentId"):
        raise bad_request("The deployment names no environment.", target="environmentId")
    _check_variables(properties.get("environmentVariables") or {})
    _check_request_settings(properties.get("requestSettings") or {})
    scale = properties.get("scaleSettings") or {}
    if scale.get("scaleType", "Default") != "Default":
        raise not_emulated(f"the scale type {scale['scaleType']} of managed deployments")


def _check_variables(variables: object) -> None:
    if not isinstance(variables, dict) or not all(
        isinstance(value, str) for value in variables.values()
    ):
        raise bad_request(
            "Environment variables must map names to strings.", target="environmentVariables"
        )


def _check_request_settings(settings: dict[str, Any]) -> None:
    timeout = settings.get("requestTimeout")
    if timeout is not None and not 0 < seconds(timeout, "requestTimeout") <= LONGEST_REQUEST:
        raise bad_request(
            f"requestTimeout must be more than 0 and at most {LONGEST_REQUEST:.0f} seconds "
            f"(in the SDK: request_timeout_ms up to 180000), not '{timeout}'.",
            target="requestSettings.requestTimeout",
        )
    most = settings.get("maxConcurrentRequestsPerInstance")
    if most is not None and (not isinstance(most, int) or most < 1):
        raise bad_request(
            f"maxConcurrentRequestsPerInstance must be at least 1, not {most!r}.",
            target="requestSettings.maxConcurrentRequestsPerInstance",
        )


def check_room(store: Store, endpoint: Resource, deployment_id: str) -> None:
    """Raises ArmError 400 when the endpoint holds as many deployments as it may."""
    others = [
        other
        for other in store.of_type(ONLINE_DEPLOYMENT_TYPE, endpoint.id)
        if other.id.lower() != deployment_id.lower()
    ]
    if len(others) >= MOST_DEPLOYMENTS:
        raise bad_request(
            f"The endpoint '{endpoint.name}' has {len(others)} deployments, the most that an "
            "endpoint can have. Delete one first."
        )


def check_quota(store: Store, deployment_id: str, instance_type: str, count: int) -> None:
    """Raises ArmError 400 OutOfQuota when the region's cores do not suffice.

    https://learn.microsoft.com/azure/machine-learning/how-to-troubleshoot-online-endpoints#error-outofquota
    """
    used = sum(
        cores(other.properties["instanceType"], other.body["sku"]["capacity"])
        for other in store.of_type(ONLINE_DEPLOYMENT_TYPE)
        if other.id.lower() != deployment_id.lower()
    )
    needed = cores(instance_type, count)
    if used + needed > CORE_QUOTA:
        raise ArmError(
            400,
            "OutOfQuota",
            f"Not enough quota available for {instance_type} in SubscriptionId {SUBSCRIPTION}. "
            f"Current usage/limit: {used}/{CORE_QUOTA}. Additional needed: {needed} (20 % more "
            "instances than asked for are reserved for upgrades). Please see troubleshooting "
            "guide, available here: https://aka.ms/oe-tsg#error-outofquota",
            target="instanceType",
        )


def cores(instance_type: str, count: int) -> int:
    """The vCPUs that `count` instances take from the quota."""
    # Rounded first: 1.2 * 5 is 6.000000000000001 in floating point.
    return math.ceil(round(RESERVE * count, 6)) * INSTANCE_TYPES[instance_type].vcpus
