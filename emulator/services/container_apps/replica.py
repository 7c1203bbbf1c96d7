"""One replica of a revision: its containers, started, probed, restarted when they end.

As Kubernetes does it, on which Container Apps stands:
https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/

    container    means                                    followed by
    Waiting      not started yet, or between two starts   Running
    Running      its program runs                         Terminated
    Terminated   its program has ended                    Waiting, if it is to run
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from emulator.containers.runtime import (
    Container,
    ContainerRuntime,
    ContainerRuntimeError,
    ContainerSpec,
    ContainerState,
    ImageNotFound,
    Usage,
)
from emulator.data_plane.backend import Backend
from emulator.processes.back_off import BackOff
from emulator.processes.probes import Prober
from emulator.processes.tasks import to_the_end
from emulator.services.container_apps.app_probe import START_UP_PERIOD
from emulator.services.container_apps.plan import ContainerPlan, ReplicaPlan

# A container that ended starts again after this long (seconds), twice as long each time up to the
# last, and as at first when it ran for BACK_OFF_RESET. Kubernetes waits 10 to 300, and 600.
BACK_OFF_FIRST, BACK_OFF_LAST, BACK_OFF_RESET = 0.5, 30.0, 60.0  # seconds
_log = logging.getLogger(__name__)

# Kind ("Normal" or "Warning"), reason and message of a system event.
Tell = Callable[[str, str, str], None]
# Adds to a container what it needs to call the other apps of its environment.
Introduce = Callable[[ContainerSpec], Awaitable[ContainerSpec]]


class ReplicaContainer:
    """One container of a replica. `container` is the start it is at, None before the first."""

    def __init__(self, plan: ContainerPlan, replica: Replica) -> None:
        self.plan = plan
        self.replica = replica
        self.container: Container | None = None
        self.replaced: list[Container] = []  # earlier starts that are still to be removed
        self.log_file = replica.folder / f"{plan.name}.log"
        self.is_started = False  # passed its startup probe
        self.is_ready = False
        self.was_ready = False
        self.restarts = 0
        self.back_off = BackOff(BACK_OFF_FIRST, BACK_OFF_LAST, BACK_OFF_RESET)
        self.last_end = ""
        self.waiting_for = "ContainerCreating"

    @property
    def state(self) -> ContainerState:
        return self.container.state if self.container else ContainerState.WAITING

    @property
    def details(self) -> str:
        container = self.container
        if container is None or container.state is ContainerState.WAITING:
            return self.waiting_for
        if container.state is ContainerState.TERMINATED:
            return f"{container.reason}: {container.exit_code}. {self.waiting_for}".strip()
        return container.message

    async def run_once(self) -> int:
        """Start it and wait until it ends. Returns its exit code, -1 when it cannot be started, or
        not be stopped."""
        before = self.container
        try:
            # To the end: a replica that is stopped must know of what is being started.
            await to_the_end(self._start())
        except (ImageNotFound, ContainerRuntimeError) as error:
            self.waiting_for = f"CreateContainerError: {error}"
            self.replica.tell("Warning", "CreateContainerError", str(error))
            return -1
        finally:
            # Not before the next is there: a group's empty dirs go with its last container.
            if before and before is not self.container:
                self.replaced.append(before)
                await self._remove_replaced()
        assert self.container
        self.waiting_for = ""
        container = self.container
        self.replica.tell("Normal", "ContainerStarted", f"Started container '{self.plan.name}'")
        if container.stand_in:
            self.replica.tell("Warning", "StandIn", container.stand_in)
        ended = asyncio.create_task(container.wait())
        watch = asyncio.create_task(self._watch(container))
        try:
            await asyncio.wait({ended, watch}, return_when=asyncio.FIRST_COMPLETED)
            if watch.done() and not watch.cancelled() and not ended.done():
                kind, grace = watch.result()
                self.replica.tell(
                    "Warning",
                    "ProbeFailed",
                    f"{kind} probe of container '{self.plan.name}' failed: restarting it",
                )
                self._change(ready=False, started=False)
                try:
                    await self.replica.runtime.stop(
                        container, self.replica.plan.grace if grace is None else grace
                    )
                except ContainerRuntimeError as error:
                    # It is killed when the next is there.
                    self.waiting_for = f"KillContainerError: {error}"
                    self.replica.tell("Warning", "KillContainerError", str(error))
                    return -1
            return await ended
        finally:
            watch.cancel()
            ended.cancel()
            self._change(ready=False, started=False)

    async def _remove_replaced(self) -> None:
        """What cannot be removed is tried again at the next start, and when the replica stops."""
        for container in list(self.replaced):
            try:
                await self.replica.runtime.remove(container)
            except ContainerRuntimeError as error:
                self.replica.tell("Warning", "RemoveContainerError", str(error))
            else:
                self.replaced.remove(container)

    async def _start(self) -> None:
        spec = self.replica.spec(self.plan, self.restarts, self.log_file)
        self.container = await self.replica.start_container(spec)

    async def run_forever(self) -> None:
        """Start it again whenever it ends: a replica's containers are there to stay."""
        while True:
            await self.wait_to_restart(*await self.run_timed())

    async def run_to_completion(self) -> None:
        """An init container: start it again until it succeeds."""
        while True:
            code, ran_for = await self.run_timed()
            if code == 0:
                return
            await self.wait_to_restart(code, ran_for)

    async def run_timed(self) -> tuple[int, float]:
        """Run it once. Returns its exit code and for how many seconds it ran."""
        began = time.monotonic()
        return await self.run_once(), time.monotonic() - began

    async def wait_to_restart(self, code: int, ran_for: float) -> None:
        delay = self.back_off.next(ran_for)
        self._ended(code, delay)
        await asyncio.sleep(delay)
        self.restarts += 1

    def _ended(self, code: int, delay: float) -> None:
        if code >= 0:
            reason = self.container.reason if self.container else ""
            self.waiting_for = f"CrashLoopBackOff: starts again in {delay:g} seconds"
            self.last_end = (
                f"Container '{self.plan.name}' was terminated with exit code '{code}' and reason "
                f"'{'OOMKilled' if reason == 'OOMKilled' else 'ProcessExited'}'"
            )
            self.replica.tell("Warning", "ContainerTerminated", self.last_end)
        else:
            self.last_end = self.waiting_for
        self.replica.changed()

    # Probes

    def _change(self, *, ready: bool, started: bool) -> None:
        if (self.is_ready, self.is_started) != (ready, started):
            self.is_ready, self.is_started = ready, started
            self.was_ready = self.was_ready or ready
            self.replica.changed()

    def _port(self, port: int) -> int | None:
        return self.replica.address.get(port)

    async def _watch(self, container: Container) -> tuple[str, float | None]:
        """Ask the probes for as long as it runs. Returns the kind of the one for which it must be
        restarted, and how long (seconds) it has to end, None for the replica's grace."""
        plan = self.plan
        if plan.startup:
            try:
                async with asyncio.timeout(plan.startup.start_up):
                    await Prober(plan.startup, self._port).until_passing(START_UP_PERIOD)
            except TimeoutError:
                return "Startup", plan.startup_grace
        self._change(ready=plan.readiness is None, started=True)
        readiness = asyncio.create_task(self._watch_readiness())
        try:
            if plan.liveness is None:
                await container.wait()
                return "", None
            await asyncio.sleep(plan.liveness.initial_delay)
            await Prober(plan.liveness, self._port).until_failing()
        finally:
            readiness.cancel()
        return "Liveness", plan.liveness_grace

    async def _watch_readiness(self) -> None:
        if self.plan.readiness is None:
            return
        prober = Prober(self.plan.readiness, self._port)
        while True:
            await prober.until_passing(START_UP_PERIOD)
            self._change(ready=True, started=True)
            await prober.until_failing()
            self.replica.tell(
                "Warning", "ProbeFailed", f"Readiness probe of container '{self.plan.name}' failed"
            )
            self._change(ready=False, started=True)


class Replica:
    """`on_change` is called after each change of what it is, from the event loop."""

    def __init__(
        self,
        runtime: ContainerRuntime,
        plan: ReplicaPlan,
        name: str,
        folder: Path,
        on_change: Callable[[Replica], None],
        tell: Tell,
        introduce: Introduce,
    ) -> None:
        self.runtime = runtime
        self.plan = plan
        self.name = name
        self.folder = folder
        self.tell = tell
        self.introduce = introduce
        self.on_change = on_change
        self.created = datetime.now(UTC)
        self.inits = [ReplicaContainer(container, self) for container in plan.inits]
        self.containers = [ReplicaContainer(container, self) for container in plan.containers]
        self.is_stopping = False
        # What a client's cookie names it by.
        self.session = hashlib.sha256(name.encode()).hexdigest()[:16]
        self._backend: Backend | None = None  # of the latest address
        self.task: asyncio.Task[None] | None = None

    @property
    def is_ready(self) -> bool:
        return not self.is_stopping and all(container.is_ready for container in self.containers)

    @property
    def was_ready(self) -> bool:
        return all(container.was_ready for container in self.containers)

    @property
    def crashes(self) -> int:
        """How often the container that ended most often did."""
        return max(container.restarts for container in self.inits + self.containers)

    @property
    def last_end(self) -> str:
        """How the container that ended most often did the last time."""
        return max(self.inits + self.containers, key=lambda one: one.restarts).last_end

    @property
    def address(self) -> dict[int, int]:
        """Container port -> port on 127.0.0.1, of all containers that were started."""
        return {
            port: here
            for one in self.containers
            if one.container
            for port, here in one.container.address.items()
        }

    @property
    def backend(self) -> Backend | None:
        """Where the ingress sends requests; None when not ready."""
        if not self.is_ready or self.plan.target_port is None:
            return None
        port = self.address.get(self.plan.target_port)
        if port is None:
            return None
        if self._backend is None or self._backend.port != port:
            self._backend = Backend(port, session=self.session, name=self.name)
        return self._backend

    def changed(self) -> None:
        self.on_change(self)

    def spec(self, plan: ContainerPlan, restart: int, log_file: Path) -> ContainerSpec:
        # What shares nothing with another container, or with its own next start, starts sooner
        # without a group.
        is_group = len(self.containers) + len(self.inits) > 1 or bool(plan.empty_dirs)
        return ContainerSpec(
            name=f"{self.name}--{plan.name}" + (f"-{restart}" if restart else ""),
            image=plan.image,
            command=plan.command,
            args=plan.args,
            variables={**plan.variables, "CONTAINER_APP_REPLICA_NAME": self.name},
            ports=plan.ports,
            cpu=plan.cpu,
            memory_gb=plan.memory_gb,
            log_file=log_file,
            files=plan.files,
            empty_dirs=plan.empty_dirs,
            group=self.name if is_group else "",
            group_ports=self.plan.ports if is_group else (),
        )

    async def usage(self) -> Usage:
        """What its containers use, together. Raises ContainerRuntimeError."""
        running = [one.container for one in self.containers if one.state is ContainerState.RUNNING]
        used = [await self.runtime.usage(container) for container in running if container]
        return Usage(sum(one.cpu_seconds for one in used), sum(one.memory for one in used))

    async def start_container(self, spec: ContainerSpec) -> Container:
        """Raises ImageNotFound, ContainerRuntimeError."""
        return await self.runtime.start(await self.introduce(spec))

    def start(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.task = asyncio.create_task(self._run(), name=self.name)

    async def _run(self) -> None:
        try:
            for init in self.inits:
                await init.run_to_completion()
            async with asyncio.TaskGroup() as group:
                for container in self.containers:
                    group.create_task(container.run_forever())
        except Exception:
            _log.exception("replica %s", self.name)

    async def leave(self) -> None:
        """Start, probe and restart nothing any more."""
        self.is_stopping = True
        if self.task:
            self.task.cancel()
            with suppress(asyncio.CancelledError):
                await self.task

    async def stop(self) -> None:
        """End its containers; they are gone when this returns. Raises ContainerRuntimeError when
        one of them could not be removed."""
        await self.leave()
        all_of_them = self.inits + self.containers
        started = [one.container for one in all_of_them if one.container]
        stops = (self.runtime.stop(one, self.plan.grace) for one in started)
        # One that does not stop is killed by its removal, and keeps no other from its own.
        await asyncio.gather(*stops, return_exceptions=True)
        left = [container for one in all_of_them for container in one.replaced]
        removals = [await _failure(self.runtime.remove(one)) for one in (*left, *started)]
        if failures := [error for error in removals if error]:
            raise failures[0]


async def _failure(removal: Awaitable[None]) -> ContainerRuntimeError | None:
    try:
        await removal
    except ContainerRuntimeError as error:
        return error
    return None
