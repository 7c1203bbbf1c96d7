"""One active revision: its replicas, as many as the scale rules ask for.

    a runner     when
    starting     no replica has been ready yet, and it may still become so
    ready        a replica has been ready
    failed       its containers ended again and again, or the deadline passed, before one was ready

A failed revision goes on trying, as on Azure; it is ready once it answers after all.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import string
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from emulator.containers.runtime import ContainerRuntime, ContainerRuntimeError
from emulator.data_plane.backend import Backend
from emulator.data_plane.routes.apps import RevisionRoute
from emulator.services.container_apps.load_meter import LoadMeter
from emulator.services.container_apps.plan import ReplicaPlan
from emulator.services.container_apps.replica import Introduce, Replica
from emulator.services.container_apps.scaling import Limits, Pace, Scaler

# A new revision has failed when its containers ended this often, or after this long (seconds).
# Azure waits ten minutes.
MOST_CRASHES, DEADLINE = 3, 120.0
_LETTERS = string.ascii_lowercase + string.digits
_log = logging.getLogger(__name__)

# Type ("Normal" or "Warning"), reason, message, replica's name.
TellApp = Callable[[str, str, str, str], None]


class Runner:
    """`on_ready` is called when the first replica ever is ready, `on_failure` (with the reason)
    when none became so. Neither is called once it is being stopped.
    """

    def __init__(
        self,
        runtime: ContainerRuntime,
        plan: ReplicaPlan,
        limits: Limits,
        pace: Pace,
        folder: Path,
        *,
        introduce: Introduce,
        on_ready: Callable[[Runner], None],
        on_failure: Callable[[Runner, str], None],
        tell: TellApp,
    ) -> None:
        self.runtime = runtime
        self.plan = plan
        self.limits = limits
        self.pace = pace
        self.folder = folder
        self.introduce = introduce
        self.on_ready = on_ready
        self.on_failure = on_failure
        self.tell = tell
        self.route = RevisionRoute(plan.revision, self.wake)
        self.replicas: list[Replica] = []
        self.was_ready = False
        self.failure = ""
        self.is_stopping = False
        self.settled = asyncio.Event()  # ready, failed, or being stopped
        self.renewing = asyncio.Lock()
        self.pod_hash = _random(10)
        self.tasks: set[asyncio.Task[None]] = set()
        self.retiring: set[asyncio.Task[None]] = set()

    # Its life

    def start(self) -> None:
        """Start at least one replica, even of a revision that may scale to zero."""
        self.scale_to(max(1, self.limits.least))
        for work in (self._watch_deadline(), self._scale()):
            self.tasks.add(asyncio.create_task(work))

    async def stop(self) -> None:
        """End its replicas, after the requests that are under way."""
        self.is_stopping = True
        self.settled.set()
        self.route.serve_from((), may_come=False)
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        self.scale_to(0)
        await asyncio.gather(*self.retiring)

    async def close(self) -> None:
        """Look after its replicas no more. Their containers are left to the runtime."""
        self.is_stopping = True
        self.settled.set()
        for task in (*self.tasks, *self.retiring):
            task.cancel()
        await asyncio.gather(*self.tasks, *self.retiring, return_exceptions=True)
        await asyncio.gather(*(replica.leave() for replica in self.replicas))

    def restart(self, plan: ReplicaPlan, limits: Limits) -> None:
        """Begin to `renew`; whoever asked does not wait."""
        task = asyncio.create_task(self.renew(plan, limits))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def renew(self, plan: ReplicaPlan, limits: Limits) -> None:
        """Put new replicas in the place of those that run, each when it is ready, or after the
        deadline."""
        async with self.renewing:
            if self.is_stopping:
                return
            self.plan, self.limits = plan, limits
            old = list(self.replicas)
            new = [self._new_replica() for _ in old]
            self.replicas = new + old
            if not await self._until_replaced(new):
                return
            leaving = [replica for replica in old if replica in self.replicas]
            self.replicas = [replica for replica in self.replicas if replica not in leaving]
            self.publish()
            await asyncio.gather(*map(self._retire, leaving))

    async def _until_replaced(self, new: list[Replica]) -> bool:
        """Wait until those that are still wanted are ready, or have ended too often. False when
        all of them are being stopped."""
        with suppress(TimeoutError):
            async with asyncio.timeout(DEADLINE):
                while not self.is_stopping and any(
                    not one.is_ready and one.crashes < MOST_CRASHES
                    for one in new
                    if one in self.replicas
                ):
                    await asyncio.sleep(0.05)
        return not self.is_stopping

    # What it is

    @property
    def ready_replicas(self) -> int:
        return sum(replica.is_ready for replica in self.replicas)

    def publish(self) -> None:
        backends = tuple(replica.backend for replica in self.replicas if replica.backend)
        expected = not self.replicas or any(
            not replica.was_ready and replica.crashes < MOST_CRASHES for replica in self.replicas
        )
        may_come = expected and not self.failure and not self.is_stopping
        self.route.serve_from(backends, may_come=may_come)

    def _changed(self, replica: Replica) -> None:
        if self.is_stopping or replica not in self.replicas:
            return
        if replica.is_ready and not self.was_ready:
            self.was_ready, self.failure = True, ""
            self.settled.set()
            self.publish()
            self.on_ready(self)
        elif not self.was_ready and replica.crashes >= MOST_CRASHES - 1 and not self.failure:
            self._fail(replica.last_end)
        self.publish()

    def _fail(self, reason: str) -> None:
        self.failure = (
            f"Deployment Progress Deadline Exceeded. {self.ready_replicas}/{len(self.replicas)} "
            f"replicas ready: {reason}. The container's logs say more."
        )
        self.tell("Warning", "DeploymentFailed", self.failure, "")
        self.settled.set()
        self.publish()
        self.on_failure(self, self.failure)

    async def _watch_deadline(self) -> None:
        await asyncio.sleep(DEADLINE)
        if not self.settled.is_set():
            self._fail(f"none became ready within {DEADLINE:.0f} seconds")

    # Scaling

    def wake(self) -> None:
        """A request came and nothing answers: a revision at zero gets a replica at once."""
        if not self.replicas and not self.is_stopping:
            self.scale_to(1)

    def scale_to(self, count: int) -> None:
        before = len(self.replicas)
        if count == before:
            return
        if before or count > 1:
            self.tell("Normal", "SuccessfulRescale", f"New size: {count}; it was {before}", "")
        surplus = self.replicas[count:]
        self.replicas = self.replicas[:count]
        self.publish()
        for replica in surplus:
            self._retire(replica)
        for _ in range(count - before):
            self.replicas.append(self._new_replica())

    async def _scale(self) -> None:
        loop = asyncio.get_running_loop()
        scaler, meter = Scaler(self.limits, loop.time()), LoadMeter()
        begun = self.route.begun
        while True:
            await asyncio.sleep(self.pace.window)
            scaler.limits = self.limits
            rate = (self.route.begun - begun) / self.pace.window
            begun = self.route.begun
            concurrency = max(rate, float(self.route.under_way))
            for_load = await self._needed_for_load(meter)
            if self.was_ready:
                replicas = len(self.replicas)
                self.scale_to(scaler.decide(loop.time(), concurrency, replicas, for_load))

    async def _needed_for_load(self, meter: LoadMeter) -> int:
        targets = self.limits.loads
        if not targets:
            return 0
        now = asyncio.get_running_loop().time()
        loads = await meter.measure(self.replicas, now)
        used = list(loads.values())
        return max(target.needs(used, self.plan.allowed) for target in targets)

    # Replicas

    def _new_replica(self) -> Replica:
        name = f"{self.plan.revision}-{self.pod_hash}-{_random(5)}"
        replica = Replica(
            self.runtime,
            self.plan,
            name,
            self.folder / name,
            self._changed,
            lambda kind, reason, message: self.tell(kind, reason, message, name),
            self.introduce,
        )
        replica.start()
        return replica

    def _retire(self, replica: Replica) -> asyncio.Task[None]:
        """Stop a replica that gets no more requests, once those that it has are answered."""
        backend = replica.backend
        replica.is_stopping = True
        self.publish()
        task = asyncio.create_task(self._end(replica, backend))
        self.retiring.add(task)
        task.add_done_callback(self.retiring.discard)
        return task

    async def _end(self, replica: Replica, backend: Backend | None) -> None:
        loop = asyncio.get_running_loop()
        until = loop.time() + self.plan.grace
        while backend and backend.under_way > 0 and loop.time() < until:
            await asyncio.sleep(0.02)
        try:
            await replica.stop()
        except ContainerRuntimeError as error:
            _log.error("replica %s did not stop: %s", replica.name, error)
            return
        self.tell("Normal", "ReplicaStopped", f"Stopped replica '{replica.name}'", replica.name)


def _random(length: int) -> str:
    return "".join(secrets.choice(_LETTERS) for _ in range(length))
