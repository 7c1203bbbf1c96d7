"""How many cores and how much memory the replicas of a revision use."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from emulator.containers.runtime import ContainerRuntimeError, Usage
from emulator.services.container_apps.replica import Replica
from emulator.services.container_apps.scaling import Load


class LoadMeter:
    """Cores are what was used between two looks, so that a replica's first one tells nothing."""

    def __init__(self) -> None:
        self.seen: dict[str, tuple[float, float]] = {}  # name -> time, seconds of a core until then

    async def measure(self, replicas: Iterable[Replica], now: float) -> list[Load]:
        """The loads of those that are ready and were looked at before. `now` is in seconds."""
        ready = [replica for replica in replicas if replica.is_ready]
        usages = await asyncio.gather(*map(_usage, ready))
        before, self.seen = self.seen, {}
        found = []
        for replica, used in zip(ready, usages, strict=True):
            if used is None:
                continue
            self.seen[replica.name] = now, used.cpu_seconds
            if replica.name in before:
                then, seconds = before[replica.name]
                # Less than before is that of a container that was started again.
                cores = max(0.0, used.cpu_seconds - seconds) / max(now - then, 1e-6)
                found.append(Load(cores, float(used.memory)))
        return found


async def _usage(replica: Replica) -> Usage | None:
    """None of one that is ending."""
    try:
        return await replica.usage()
    except ContainerRuntimeError:
        return None
