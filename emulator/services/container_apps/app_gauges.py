"""What is measured of container apps: their replicas, restarts, cores and memory.

https://learn.microsoft.com/azure/container-apps/metrics
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict

from emulator.arm.ids import parent_of
from emulator.arm.readings import Reading
from emulator.services.container_apps.load_meter import LoadMeter
from emulator.services.container_apps.runner import Runner
from emulator.services.container_apps.runners import Runners

NANO = 1e9


class AppGauges:
    """The readings of all revisions that are active, those without a replica included."""

    def __init__(self, runners: Runners) -> None:
        self.runners = runners
        self.meters: dict[Runner, LoadMeter] = {}

    async def __call__(self) -> list[Reading]:
        running = self.runners.running()
        self.meters = {runner: self.meters.get(runner) or LoadMeter() for runner in running}
        found = await asyncio.gather(
            *(self._read(parent_of(revision_id), runner) for runner, revision_id in running.items())
        )
        readings = [reading for some in found for reading in some]
        reserved: dict[str, float] = defaultdict(float)
        for one in readings:
            if one.what == "CoresQuotaUsed":
                reserved[one.resource] += one.value
        readings += [Reading(app, "TotalCoresQuotaUsed", (), n) for app, n in reserved.items()]
        return readings

    async def _read(self, app_id: str, runner: Runner) -> list[Reading]:
        revision, replicas, allowed = (
            runner.plan.revision,
            list(runner.replicas),
            runner.plan.allowed,
        )
        readings = [
            Reading(app_id, "Replicas", (revision,), len(replicas)),
            Reading(app_id, "CoresQuotaUsed", (revision,), len(replicas) * allowed.cores),
        ]
        for replica in replicas:
            restarts = sum(one.restarts for one in replica.containers)
            readings.append(Reading(app_id, "RestartCount", (revision, replica.name), restarts))
        loads = await self.meters[runner].measure(replicas, time.monotonic())
        for name, load in loads.items():
            labels = (revision, name)
            readings += [
                Reading(app_id, "UsageNanoCores", labels, load.cores * NANO),
                Reading(app_id, "WorkingSetBytes", labels, load.memory),
                Reading(app_id, "CpuPercentage", labels, 100 * load.cores / allowed.cores),
                Reading(app_id, "MemoryPercentage", labels, 100 * load.memory / allowed.memory),
            ]
        return readings
