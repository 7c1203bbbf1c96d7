"""How a container reaches Azure, and the other apps of its environment by the names that Azure
gives them.

https://learn.microsoft.com/azure/container-apps/connect-apps
https://learn.microsoft.com/azure/container-apps/managed-identity
"""

from __future__ import annotations

from emulator.arm.managed_identity import NO_IDENTITY, stored_identity
from emulator.containers.runtime import ContainerSpec
from emulator.store import Resource
from emulator.workloads.access import WorkloadAccess, no_identity
from emulator.workloads.variables import container_apps_identity
from emulator.workloads.workload import Workload


async def introduce(
    access: WorkloadAccess, spec: ContainerSpec, owner: Resource, domain: str
) -> ContainerSpec:
    """A container of an app or a job, `owner`, with what it takes to call from the environment at
    `domain`, as the owner's managed identity if it has one."""
    has_identity = stored_identity(owner.body) != NO_IDENTITY
    identity = container_apps_identity if has_identity else no_identity
    return await access.container(spec, Workload(owner.id, domain), identity)
