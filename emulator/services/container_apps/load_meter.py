"""How many cores and how much memory the replicas of a revision use."""

from __future__ import annotations

from collections.abc import Iterable

from emulator.containers.runtime import ContainerRuntimeError
from emulator.services.container_apps.replica import Replica
from emulator.services.container_apps.scaling import Load


class LoadMeter:
    """Cores are what was used between two looks, so that a replica's first one tells nothing."""

    def __init__(self) -> None:
        self.seen: dict[str, tuple[float, float]] = {}  # name -> time, seconds of a core until then

    async def measure(self, replicas: Iterable[Replica], now: float) -> list[Load]:
        """The loads of those that are ready and were looked at before. `now` is in seconds."""
        before, self.seen = self.seen, {}
        found = []
        for replica in list(replicas):
            if not replica.is_ready:
                continue
            try:
                used = await replica.usage()
            except ContainerRuntimeError:
                continue  # it is ending
            self.seen[replica.name] = now, used.cpu_seconds
            if replica.name in before:
                then, seconds = before[replica.name]
                cores = max(0.0, used.cpu_seconds - seconds) / max(now - then, 1e-6)
                found.append(Load(cores, float(used.memory)))
        return found
