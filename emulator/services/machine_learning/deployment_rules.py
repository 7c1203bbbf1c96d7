"""What a deployment must satisfy before anything is started: its endpoint, the quota.

https://learn.microsoft.com/azure/machine-learning/how-to-manage-quotas#azure-machine-learning-online-endpoints-and-batch-endpoints
"""

from __future__ import annotations

import math

from emulator.arm.errors import ArmError, bad_request, not_emulated
from emulator.defaults import SUBSCRIPTION
from emulator.python_environments.images import find_image
from emulator.services.machine_learning.deployment_spec import DeploymentSpec, deployment_of
from emulator.services.machine_learning.instance_types import INSTANCE_TYPES
from emulator.services.machine_learning.paths import ONLINE_DEPLOYMENT_TYPE
from emulator.store import Resource, Store

MOST_DEPLOYMENTS = 20  # an endpoint
CORE_QUOTA = 100  # vCPUs in a region, a new subscription's usual limit
RESERVE = 1.2  # Azure wants quota for 20 % more instances, with which it upgrades them


def check_environment(environment: Resource, no_build: str) -> None:
    """Raises ArmError 501 for one in which what is asked for cannot be deployed here.

    `no_build` says, after "build context", why environments of a Dockerfile are none of those that
    can be had; "" where they are.
    """
    image = environment.properties["image"]
    if environment.properties["build"]:
        if no_build:
            raise not_emulated(
                f"deployments in an environment with a Docker build context {no_build}"
                f" ('{environment.id}')"
            )
        if environment.properties["inferenceConfig"]:
            raise not_emulated(f"deployments of a custom container ('{environment.id}')")
        return
    if not environment.properties["condaFile"] and find_image(image).dependencies is None:
        raise not_emulated(
            f"deployments in the image '{image}' without a conda file: which packages are in it"
            " is not known here"
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


def check_quota(store: Store, deployment_id: str, spec: DeploymentSpec) -> None:
    """Raises ArmError 400 OutOfQuota when the region's cores do not suffice.

    https://learn.microsoft.com/azure/machine-learning/how-to-troubleshoot-online-endpoints#error-outofquota
    """
    others = [
        deployment_of(other.body)
        for other in store.of_type(ONLINE_DEPLOYMENT_TYPE)
        if other.id.lower() != deployment_id.lower()
    ]
    used = sum(cores(other.instance_type, other.instance_count) for other in others)
    needed = cores(spec.instance_type, spec.instance_count)
    if used + needed > CORE_QUOTA:
        raise ArmError(
            400,
            "OutOfQuota",
            f"Not enough quota available for {spec.instance_type} in SubscriptionId "
            f"{SUBSCRIPTION}. Current usage/limit: {used}/{CORE_QUOTA}. Additional needed: "
            f"{needed} (20 % more instances than asked for are reserved for upgrades). Please see "
            "troubleshooting guide, available here: https://aka.ms/oe-tsg#error-outofquota",
            target="instanceType",
        )


def cores(instance_type: str, count: int) -> int:
    """The vCPUs that `count` instances take from the quota."""
    # Rounded first: 1.2 * 5 is 6.000000000000001 in floating point.
    return math.ceil(round(RESERVE * count, 6)) * INSTANCE_TYPES[instance_type].vcpus
