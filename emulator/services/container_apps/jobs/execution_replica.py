"""One replica of an execution: its containers, run once.

Its init containers run one after another, then its containers together. It has succeeded when all
of them end with exit code 0. Nothing is started again in it; another replica follows a failed one.

https://kubernetes.io/docs/concepts/workloads/controllers/job/#pod-backoff-failure-policy
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from emulator.containers.runtime import ContainerState
from emulator.services.container_apps.replica import Replica, ReplicaContainer

NOT_ENDED = -1  # the exit code that Azure shows of a container that has none
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ContainerRecord:
    """What is kept of a container: `code` is its exit code, `details` why it is as it is."""

    name: str
    id: str | None
    state: str
    code: int
    details: str
    is_init: bool

    @classmethod
    def of(cls, one: ReplicaContainer, *, is_init: bool) -> ContainerRecord:
        container = one.container
        ended = container is not None and container.state is ContainerState.TERMINATED
        code = container.exit_code if container and ended else None
        return cls(
            one.plan.name,
            container.id if container else None,
            str(one.state),
            NOT_ENDED if code is None else code,
            container.reason if container and ended else one.details,
            is_init,
        )


@dataclass(frozen=True)
class ReplicaRecord:
    """What is kept of a replica, also when it has ended. `created` is an RFC 3339 time."""

    name: str
    created: str
    containers: tuple[ContainerRecord, ...]
    is_over: bool

    @classmethod
    def stored(cls, body: dict[str, Any]) -> ReplicaRecord:
        containers = tuple(ContainerRecord(**one) for one in body["containers"])
        return cls(**{**body, "containers": containers})

    def to_body(self) -> dict[str, Any]:
        return asdict(self)


class ExecutionReplica(Replica):
    """`has_succeeded` counts once `is_over`."""

    is_over = False
    has_succeeded = False

    @property
    def record(self) -> ReplicaRecord:
        created: datetime = self.created
        return ReplicaRecord(
            self.name,
            created.isoformat(timespec="seconds").replace("+00:00", "Z"),
            (
                *(ContainerRecord.of(one, is_init=True) for one in self.inits),
                *(ContainerRecord.of(one, is_init=False) for one in self.containers),
            ),
            self.is_over,
        )

    async def _run(self) -> None:
        for init in self.inits:
            if await self._run_once(init) != 0:
                return
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._run_once(one)) for one in self.containers]
        self.has_succeeded = all(task.result() == 0 for task in tasks)

    async def _run_once(self, one: ReplicaContainer) -> int:
        code = await one.run_once()
        if code > 0:
            reason = one.container.reason if one.container else ""
            self.tell(
                "Warning",
                "ContainerTerminated",
                f"Container '{one.plan.name}' was terminated with exit code '{code}' and reason "
                f"'{'OOMKilled' if reason == 'OOMKilled' else 'ProcessExited'}'",
            )
        self.changed()
        return code

    async def until_over(self, limit: float) -> bool:
        """Wait until it has ended, and let go of its containers. Returns whether it succeeded.

        Raises TimeoutError when it has not after `limit` seconds; it runs still.
        """
        assert self.task
        async with asyncio.timeout(limit):
            await self.task
        await self.stop()
        return self.has_succeeded

    async def stop(self) -> None:
        """End its containers; they are gone when this returns, and their logs stay."""
        try:
            await super().stop()
        finally:
            self.is_over = True
