"""What is measured of online deployments: how much of its instance type each instance uses.

https://learn.microsoft.com/azure/machine-learning/how-to-monitor-online-endpoints

An instance is a process or a container of this machine. What it uses is compared with the cores
and the memory of its type, which the machine may not have.
"""

from __future__ import annotations

import asyncio
import time

from emulator.arm.readings import Reading
from emulator.containers.runtime import Usage
from emulator.inference_servers.supervisor import Server
from emulator.processes.cpu import CpuMeter, cpu_seconds_with
from emulator.processes.memory import memory_with
from emulator.services.machine_learning.deployer import Deployer
from emulator.services.machine_learning.deployment_image import ContainerInstances
from emulator.services.machine_learning.instance_types import INSTANCE_TYPES
from emulator.services.machine_learning.scoring_routes import good_of
from emulator.store import Store

GIB = 2**30


class DeploymentGauges:
    """The readings of all instances that serve."""

    def __init__(self, store: Store, deployer: Deployer) -> None:
        self.store = store
        self.deployer = deployer
        self.cpu = CpuMeter()

    async def __call__(self) -> list[Reading]:
        serving = [
            (deployment_id, server)
            for deployment_id, servers in self.deployer.instances().items()
            for server in servers
        ]
        usages = await asyncio.gather(*(_usage(server) for _, server in serving))
        found = [
            (deployment_id, server.spec.name, used)
            for (deployment_id, server), used in zip(serving, usages, strict=True)
            if used is not None
        ]
        cores = self.cpu.look({name: used.cpu_seconds for _, name, used in found}, time.monotonic())
        readings = []
        for deployment_id, name, used in found:
            deployment = self.store.get(deployment_id)
            good = good_of(deployment) if deployment else None
            if good is None:
                continue
            size = INSTANCE_TYPES[good.instance_type]
            memory = 100 * used.memory / (size.memory_gb * GIB)
            readings.append(
                Reading(deployment_id, "CpuMemoryUtilizationPercentage", (name,), memory)
            )
            if name in cores:
                cpu = 100 * cores[name] / size.vcpus
                readings.append(Reading(deployment_id, "CpuUtilizationPercentage", (name,), cpu))
        return readings


async def _usage(server: Server) -> Usage | None:
    """None of one that does not run."""
    if isinstance(server.spec.start, ContainerInstances):
        return await server.spec.start.usage(server.spec.name)
    pid = server.pid
    if pid is None:
        return None
    return await asyncio.to_thread(lambda: Usage(cpu_seconds_with(pid), memory_with(pid)))
