"""One execution: its replicas, as many at once as it asks for, and others when they fail.

As a Kubernetes job: it has succeeded when enough replicas have; it has failed when more than its
retries have failed, or one has run longer than it may, and then all its replicas are ended.

https://kubernetes.io/docs/concepts/workloads/controllers/job/
https://learn.microsoft.com/azure/container-apps/jobs#advanced-job-configuration
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import shutil
import string
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from emulator.arm.errors import ArmError
from emulator.containers.runtime import ContainerRuntime, ContainerRuntimeError
from emulator.processes.back_off import BackOff
from emulator.services.container_apps.jobs.execution_replica import ExecutionReplica, ReplicaRecord
from emulator.services.container_apps.plan import ReplicaPlan
from emulator.services.container_apps.replica import Introduce

# A replica that failed is followed by the next after this long (seconds), twice as long each time
# up to the last. Kubernetes waits 10 to 360.
BACK_OFF_FIRST, BACK_OFF_LAST = 0.5, 30.0
MOST_KEPT = 300  # replicas that have ended, and their logs
_LETTERS = string.ascii_lowercase + string.digits
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Demands:
    """`parallelism` replicas at most run at once until `completions` have succeeded or more than
    `retries` have failed; each may run for `timeout` seconds."""

    parallelism: int
    completions: int
    retries: int
    timeout: float


@dataclass
class Progress:
    """How many replicas have succeeded, and failed."""

    succeeded: int = 0
    failed: int = 0


@dataclass(frozen=True)
class Outcome:
    """How an execution has ended: `move` is "succeed" or "fail", the others say why."""

    move: str
    reason: str = ""
    message: str = ""


class ExecutionRunner:
    """`prepare` returns what each replica runs, and raises ArmError when its images are not to be
    had. `on_change` is called when a replica begins or ends, `on_end` once at the end, unless it is
    stopped. `tell` gets the kind, reason and message of a system event, and a replica's name."""

    def __init__(
        self,
        runtime: ContainerRuntime,
        name: str,
        demands: Demands,
        progress: Progress,
        folder: Path,
        *,
        prepare: Callable[[], Awaitable[ReplicaPlan]],
        introduce: Introduce,
        on_change: Callable[[ExecutionRunner], None],
        on_end: Callable[[ExecutionRunner, Outcome], None],
        tell: Callable[[str, str, str, str], None],
    ) -> None:
        self.runtime = runtime
        self.name = name
        self.demands = demands
        self.progress = progress
        self.folder = folder
        self.prepare = prepare
        self.introduce = introduce
        self.on_change = on_change
        self.on_end = on_end
        self.tell = tell
        self.replicas: dict[asyncio.Task[bool], ExecutionReplica] = {}
        self.over: list[ReplicaRecord] = []
        self.back_off = BackOff(BACK_OFF_FIRST, BACK_OFF_LAST, float("inf"))
        self.not_before = 0.0  # the event loop's time
        self.task: asyncio.Task[None] | None = None

    @property
    def records(self) -> list[ReplicaRecord]:
        """What there is of its replicas, the oldest first."""
        return [*self.over, *(replica.record for replica in self.replicas.values())]

    def replica(self, name: str) -> ExecutionReplica | None:
        """One that has not ended."""
        return next((one for one in self.replicas.values() if one.name == name), None)

    def start(self) -> None:
        self.task = asyncio.create_task(self._run(), name=self.name)

    async def stop(self) -> None:
        """End its replicas; their containers are gone when this returns."""
        await self._leave()
        await self._end_replicas()
        self.on_change(self)

    async def close(self) -> None:
        """Look after its replicas no more. Their containers are left to the runtime."""
        await self._leave()
        for task in self.replicas:
            task.cancel()
        await asyncio.gather(*self.replicas, return_exceptions=True)
        await asyncio.gather(*(replica.leave() for replica in self.replicas.values()))

    async def _leave(self) -> None:
        if self.task:
            self.task.cancel()
            await asyncio.gather(self.task, return_exceptions=True)

    # Its work

    async def _run(self) -> None:
        try:
            outcome = await self._until_outcome(await self.prepare())
        except ArmError as error:
            outcome = Outcome("fail", error.code, error.message)
        except Exception as error:
            _log.exception("execution %s", self.name)
            outcome = Outcome("fail", "InternalError", str(error))
        await self._end_replicas()
        self.on_end(self, outcome)

    async def _until_outcome(self, plan: ReplicaPlan) -> Outcome:
        """Run replicas until the execution has succeeded or failed."""
        loop = asyncio.get_running_loop()
        while True:
            if outcome := self._outcome():
                return outcome
            wait_for = self.not_before - loop.time()
            if wait_for <= 0:
                self._start_missing(plan)
            if not self.replicas:
                await asyncio.sleep(max(0.0, wait_for))
                continue
            done, _ = await asyncio.wait(
                self.replicas,
                timeout=wait_for if wait_for > 0 else None,
                return_when=asyncio.FIRST_COMPLETED,
            )
            for task in done:
                if too_long := self._settle(task):
                    return too_long

    def _outcome(self) -> Outcome | None:
        if self.progress.succeeded >= self.demands.completions:
            return Outcome("succeed")
        if self.progress.failed > self.demands.retries:
            return Outcome(
                "fail",
                "BackoffLimitExceeded",
                f"{self.progress.failed} replicas have failed, which is more than the "
                f"replicaRetryLimit of {self.demands.retries}. The containers' logs say more.",
            )
        return None

    def _start_missing(self, plan: ReplicaPlan) -> None:
        missing = self.demands.completions - self.progress.succeeded
        for _ in range(min(self.demands.parallelism, missing) - len(self.replicas)):
            name = f"{self.name}-{_random(5)}"
            replica = ExecutionReplica(
                self.runtime,
                plan,
                name,
                self.folder / name,
                lambda _: self.on_change(self),
                partial(self._tell_of, name),
                self.introduce,
            )
            self.tell("Normal", "ReplicaStarted", f"Created replica '{name}'", name)
            replica.start()
            self.replicas[asyncio.create_task(replica.until_over(self.demands.timeout))] = replica
        self.on_change(self)

    def _tell_of(self, replica: str, kind: str, reason: str, message: str) -> None:
        self.tell(kind, reason, message, replica)

    def _settle(self, task: asyncio.Task[bool]) -> Outcome | None:
        """Count a replica that has ended. Returns the outcome when it ran longer than it may."""
        replica = self.replicas[task]
        if isinstance(task.exception(), TimeoutError):
            message = (
                f"Replica '{replica.name}' ran longer than the replicaTimeout of "
                f"{self.demands.timeout:g} seconds."
            )
            self.tell("Warning", "DeadlineExceeded", message, replica.name)
            return Outcome("fail", "DeadlineExceeded", message)
        del self.replicas[task]
        self._keep(replica)
        if task.exception() is None and task.result():
            self.progress.succeeded += 1
        else:
            if error := task.exception():
                _log.error("replica %s", replica.name, exc_info=error)
            self.progress.failed += 1
            loop = asyncio.get_running_loop()
            self.not_before = loop.time() + self.back_off.next(0)
            self.tell("Warning", "ReplicaFailed", f"Replica '{replica.name}' failed", replica.name)
        self.on_change(self)
        return None

    async def _end_replicas(self) -> None:
        """End those that run still."""
        for task in self.replicas:
            task.cancel()
        await asyncio.gather(*self.replicas, return_exceptions=True)
        ending = [replica.stop() for replica in self.replicas.values()]
        for error in await asyncio.gather(*ending, return_exceptions=True):
            if isinstance(error, ContainerRuntimeError):
                _log.error("execution %s: a replica did not stop: %s", self.name, error)
        for replica in self.replicas.values():
            self._keep(replica)
        self.replicas.clear()

    def _keep(self, replica: ExecutionReplica) -> None:
        """Keep what there is to say of a replica that has ended, and forget the oldest."""
        self.over.append(replica.record)
        while len(self.over) > MOST_KEPT:
            shutil.rmtree(self.folder / self.over.pop(0).name, ignore_errors=True)


def _random(length: int) -> str:
    return "".join(secrets.choice(_LETTERS) for _ in range(length))
