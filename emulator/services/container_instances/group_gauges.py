"""What is measured of container groups: the cores and the memory of each container.

https://learn.microsoft.com/azure/container-instances/container-instances-monitor
"""

from __future__ import annotations

import asyncio
import time

from emulator.arm.readings import Reading
from emulator.containers.runtime import (
    Container,
    ContainerRuntime,
    ContainerRuntimeError,
    ContainerState,
    Usage,
)
from emulator.processes.cpu import CpuMeter
from emulator.services.container_instances.group_lifecycle import GroupLifecycle

MILLI = 1000


class GroupGauges:
    """The readings of all containers that run."""

    def __init__(self, runtime: ContainerRuntime, groups: GroupLifecycle) -> None:
        self.runtime = runtime
        self.groups = groups
        self.cpu = CpuMeter()

    async def __call__(self) -> list[Reading]:
        running = [
            (runner.group_id, one.name, one.container)
            for runner in self.groups.running.values()
            for one in runner.containers
            if one.container and one.container.state is ContainerState.RUNNING
        ]
        usages = await asyncio.gather(*(self._usage(container) for *_, container in running))
        found = [
            (group_id, name, container.id, used)
            for (group_id, name, container), used in zip(running, usages, strict=True)
            if used is not None
        ]
        cores = self.cpu.look({id: used.cpu_seconds for *_, id, used in found}, time.monotonic())
        readings = []
        for group_id, name, container_id, used in found:
            readings.append(Reading(group_id, "MemoryUsage", (name,), used.memory))
            if container_id in cores:
                value = cores[container_id] * MILLI
                readings.append(Reading(group_id, "CpuUsage", (name,), value))
        return readings

    async def _usage(self, container: Container) -> Usage | None:
        """None of one that is ending."""
        try:
            return await self.runtime.usage(container)
        except ContainerRuntimeError:
            return None
