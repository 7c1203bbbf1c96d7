"""How many cores and how much memory the replicas of a revision use."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from emulator.containers.runtime import ContainerRuntimeError, Usage
from emulator.processes.cpu import CpuMeter
from emulator.services.container_apps.replica import Replica
from emulator.services.container_apps.scaling import Load


class LoadMeter:
    """A replica's first look tells nothing, as cores are what was used between two."""

    def __init__(self) -> None:
        self.cpu = CpuMeter()

    async def measure(self, replicas: Iterable[Replica], now: float) -> dict[str, Load]:
        """The loads of those that are ready and were looked at before, by the replica's name.
        `now` is in seconds."""
        ready = [replica for replica in replicas if replica.is_ready]
        usages = await asyncio.gather(*map(_usage, ready))
        found = {
            replica.name: used
            for replica, used in zip(ready, usages, strict=True)
            if used is not None
        }
        cores = self.cpu.look({name: used.cpu_seconds for name, used in found.items()}, now)
        return {name: Load(cores[name], float(found[name].memory)) for name in cores}


async def _usage(replica: Replica) -> Usage | None:
    """None of one that is ending."""
    try:
        return await replica.usage()
    except ContainerRuntimeError:
        return None
