"""The nodes of compute clusters that jobs have at this moment.

https://learn.microsoft.com/azure/machine-learning/how-to-create-attach-compute-cluster
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from emulator.services.machine_learning.cluster_sizes import CLUSTER_SIZES
from emulator.services.machine_learning.compute_spec import compute_of
from emulator.services.machine_learning.deployment_rules import CORE_QUOTA
from emulator.store import Store

LOOK_AGAIN = 1.0  # seconds after which a job that waits looks whether its cluster has grown


class NoNodesError(Exception):
    """The cluster cannot have the nodes that a job asks for; the message says why."""


class Clusters:
    def __init__(self, store: Store) -> None:
        self.store = store
        self._taken: dict[str, dict[str, int]] = {}  # compute id in lower case -> job -> nodes
        self._freed = asyncio.Condition()

    def on(self, compute_id: str) -> dict[str, int]:
        """The jobs that have nodes of the compute, and how many each."""
        return dict(self._taken.get(compute_id.lower(), {}))

    @asynccontextmanager
    async def nodes(self, compute_id: str, job: str, count: int) -> AsyncIterator[None]:
        """Wait until `count` nodes are free, and have them while the block lasts.

        Raises NoNodesError when the cluster is gone, or can never have so many.
        """
        taken = self._taken.setdefault(compute_id.lower(), {})
        async with self._freed:
            while sum(taken.values()) + count > self._most(compute_id, count):
                try:
                    async with asyncio.timeout(LOOK_AGAIN):
                        await self._freed.wait()
                except TimeoutError:
                    continue
            taken[job] = count
        try:
            yield
        finally:
            del taken[job]
            async with self._freed:
                self._freed.notify_all()

    def _most(self, compute_id: str, wanted: int) -> int:
        """How many nodes the cluster can have. Raises NoNodesError."""
        compute = self.store.get(compute_id)
        if compute is None:
            raise NoNodesError(f"The compute '{compute_id}' does not exist any more.")
        spec = compute_of(compute.body)
        if wanted > spec.scale.most:
            raise NoNodesError(
                f"The requested job node count of {wanted} exceeds the maximum of "
                f"{spec.scale.most} nodes of the compute '{compute.name}'."
            )
        size = CLUSTER_SIZES[spec.size]
        if wanted * size.vcpus > CORE_QUOTA:
            raise NoNodesError(
                f"The specified subscription has a {size.family} vCPU quota of {CORE_QUOTA} and is "
                f"less than the requested job node count of {wanted} which maps to "
                f"{wanted * size.vcpus} vCPUs. (JobNodeCountExceedsCoreQuota)"
            )
        return spec.scale.most
