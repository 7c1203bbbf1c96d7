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
        # By compute id in lower case, and job: how many nodes, and how long the job may have them.
        self._taken: dict[str, dict[str, int]] = {}
        self._leases: dict[str, dict[str, asyncio.Timeout]] = {}
        self._freed = asyncio.Condition()

    def on(self, compute_id: str) -> dict[str, int]:
        """The jobs that have nodes of the compute, and how many each."""
        return dict(self._taken.get(compute_id.lower(), {}))

    def revoke(self, compute_id: str) -> None:
        """A compute is to go, and its nodes with it: the jobs that have some of them fail."""
        for lease in self._leases.get(compute_id.lower(), {}).values():
            lease.reschedule(asyncio.get_running_loop().time())

    @asynccontextmanager
    async def nodes(self, compute_id: str, job: str, count: int) -> AsyncIterator[None]:
        """Wait until `count` nodes are free, and have them while the block lasts.

        Raises NoNodesError when the cluster is gone, also during the block, or can never have so
        many nodes.
        """
        key = compute_id.lower()
        taken = self._taken.setdefault(key, {})
        async with self._freed:
            while sum(taken.values()) + count > self._most(compute_id, count):
                try:
                    async with asyncio.timeout(LOOK_AGAIN):
                        await self._freed.wait()
                except TimeoutError:
                    continue
            taken[job] = count
        lease = asyncio.timeout(None)
        self._leases.setdefault(key, {})[job] = lease
        try:
            async with lease:
                yield
        except TimeoutError:
            if lease.expired():
                raise _gone(compute_id) from None
            raise
        finally:
            del taken[job], self._leases[key][job]
            async with self._freed:
                self._freed.notify_all()

    def _most(self, compute_id: str, wanted: int) -> int:
        """How many nodes the cluster can have. Raises NoNodesError."""
        compute = self.store.get(compute_id)
        if compute is None or compute.state == "Deleting":
            raise _gone(compute_id)
        spec = compute_of(compute.body)
        if wanted > spec.scale.most:
            raise NoNodesError(
                f"Requested {wanted} nodes but AzureMLCompute cluster only has "
                f"{spec.scale.most} maximum nodes."
            )
        size = CLUSTER_SIZES[spec.size]
        if wanted * size.vcpus > CORE_QUOTA:
            raise NoNodesError(
                f"The specified subscription has a {size.family} vCPU quota of {CORE_QUOTA} and is "
                f"less than the requested job node count of {wanted} which maps to "
                f"{wanted * size.vcpus} vCPUs. (JobNodeCountExceedsCoreQuota)"
            )
        return spec.scale.most


def _gone(compute_id: str) -> NoNodesError:
    return NoNodesError(f"The compute '{compute_id}' does not exist any more.")
