"""One container of a group: started, watched and started again as the restart policy says.

See views.py for the states that it goes through.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from emulator.containers.references import with_tag
from emulator.containers.runtime import (
    Container,
    ContainerRuntime,
    ContainerRuntimeError,
    ContainerSpec,
    ContainerState,
    ImageNotFound,
)
from emulator.processes.back_off import BackOff
from emulator.processes.probes import Prober
from emulator.processes.tasks import to_the_end
from emulator.services.container_instances.container_spec import ContainerProbe, GroupContainer
from emulator.services.container_instances.group_spec import GroupSpec
from emulator.services.container_instances.images import GroupImages
from emulator.services.container_instances.probe_command import run_command
from emulator.services.container_instances.views import (
    WARNING,
    ContainerView,
    running,
    terminated,
    waiting,
)
from emulator.settings import seconds

# Seconds. At once the first time, then 10, doubled each time up to 5 minutes; a container that has
# run for 10 minutes begins anew.
# https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#restart-policy
BACK_OFF_FIRST = seconds("AZURE_LOCAL_BACK_OFF", 10.0)
BACK_OFF_LONGEST, BACK_OFF_RESET = 300.0, 600.0
# Gives a container what it takes to call Azure, if its group has an identity to do so.
Introduce = Callable[[ContainerSpec], Awaitable[ContainerSpec]]
PROCESS_DETAIL = "A process of this machine, not a container"


class ContainerRunner:
    """Runs `container` of `group`. `unit` is the group's name for what runs of it.

    `view` is what others see of it, `changed` is called after each change of it.
    """

    def __init__(
        self,
        container: GroupContainer,
        group: GroupSpec,
        unit: str,
        folder: Path,
        runtime: ContainerRuntime,
        images: GroupImages,
        view: ContainerView,
        changed: Callable[[], None],
        introduce: Introduce,
    ) -> None:
        self.spec = container
        self.group = group
        self.unit = unit
        self.folder = folder
        self.runtime = runtime
        self.images = images
        self.view = view
        self.changed = changed
        self.introduce = introduce
        self.back_off = BackOff(BACK_OFF_FIRST, BACK_OFF_LONGEST, BACK_OFF_RESET, at_once=True)
        self.container: Container | None = None
        # Those before it: they hold the group's empty directories until the group ends.
        self.ended: list[Container] = []
        self.ready = False
        self.unhealthy = asyncio.Event()
        self.started = asyncio.Event()
        self._delay = 0.0

    @property
    def name(self) -> str:
        return self.spec.name

    @property
    def policy(self) -> str:
        return self.group.restart_policy

    @property
    def log_file(self) -> Path:
        """What its latest run printed."""
        return self.folder / f"{self.name}.{self.view.runs}.log"

    async def run(self) -> None:
        """Start it, and again as often as the restart policy says."""
        while True:
            code = await self._once()
            if self.policy == "Never" or (self.policy == "OnFailure" and code == 0):
                return
            await self._wait_to_restart()

    async def run_to_completion(self) -> bool:
        """An init container: until it succeeds. False if it failed and is not to be restarted."""
        while await self._once() != 0:
            if self.policy == "Never":
                return False
            await self._wait_to_restart()
        return True

    async def stop(self) -> None:
        """Ask what runs to end; `run` must have been cancelled before, and `remove` is to follow,
        which ends it by force if this could not."""
        container = self.container
        if container and container.state is not ContainerState.TERMINATED:
            self.view.add_event("Killing", "Killing container")
            try:
                await self.runtime.stop(container)
            except ContainerRuntimeError as error:
                self._not_killed(error)

    async def remove(self) -> None:
        """Forget every run of it. Raises ContainerRuntimeError; what is left is tried again when
        this is called again."""
        last = self.container
        self._adopt(None)
        failure: ContainerRuntimeError | None = None
        for container in list(self.ended):
            try:
                await self.runtime.remove(container)
            except ContainerRuntimeError as error:
                failure = error
                self._not_killed(error)
            else:
                self.ended.remove(container)
        if failure:
            raise failure
        if last and not self.view.is_terminated:
            self._ended(last)
        self.view.kill()  # what a kill of the emulator took along
        if not self.view.is_terminated:
            self.view.turn(waiting())
        self.changed()

    def _not_killed(self, error: ContainerRuntimeError) -> None:
        self.view.add_event("FailedKill", str(error), WARNING)
        self.changed()

    async def _once(self) -> int:
        container = await self._start()
        began = time.monotonic()
        try:
            code = await self._watch(container)
        finally:
            self.ready = False
        self._ended(container)
        self._delay = self.back_off.next(time.monotonic() - began)
        return code

    async def _start(self) -> Container:
        """Start it; what keeps it from starting is told in events and tried again."""
        while True:
            try:
                await self._pull()
                self.view.add_event("Created", "Created container")
                container = await self._launch()
            except (ImageNotFound, ContainerRuntimeError) as error:
                missing = isinstance(error, ImageNotFound)
                self.view.add_event("Failed", str(error), WARNING)
                self.view.turn(waiting("ErrImagePull" if missing else "RunContainerError"))
                self.changed()
                await asyncio.sleep(self.back_off.next(0))
                continue
            break
        detail = ""
        if self.runtime.kind == "process":
            detail = PROCESS_DETAIL
            said = container.message or f"{PROCESS_DETAIL}."
            self.view.add_event("NotAContainer", f"{said} ({self.runtime.description})", WARNING)
        elif container.message:
            self.view.add_event("NotApplied", container.message, WARNING)
        self.view.add_event("Started", "Started container")
        self.view.turn(running(container.started, detail))
        self.ready = not self.spec.readiness
        self.started.set()
        self.changed()
        return container

    async def _launch(self) -> Container:
        async def start() -> Container:
            container = await self.runtime.start(await self.introduce(self._spec()))
            self._adopt(container)
            return container

        # What comes of it must not be forgotten: whoever cancels this stops it.
        return await to_the_end(start())

    def _adopt(self, container: Container | None) -> None:
        if self.container:
            self.ended.append(self.container)
        self.container = container

    async def _pull(self) -> None:
        reference = with_tag(self.spec.image)
        if not any(event["name"] in ("Pulled", "StandIn") for event in self.view.events):
            self.view.add_event("Pulling", f'pulling image "{reference}"')
            self.changed()
        image = await self.images.get(reference, self.group.credentials)
        if image.stand_in:
            self.view.add_event("StandIn", image.stand_in, WARNING)
            return
        named = f"{reference.partition('@')[0].rpartition(':')[0]}@{image.digest}"
        if not any(event["message"].endswith(f'"{named}"') for event in self.view.events):
            self.view.add_event("Pulled", f'Successfully pulled image "{named}"')

    async def _watch(self, container: Container) -> int:
        self.unhealthy.clear()
        ended = asyncio.create_task(container.wait())
        tasks = [ended, asyncio.create_task(self.unhealthy.wait()), *self._probes(container)]
        try:
            await asyncio.wait(tasks[:2], return_when=asyncio.FIRST_COMPLETED)
            for task in tasks[1:]:
                task.cancel()
            if not ended.done():
                killing = asyncio.create_task(self._kill_unhealthy(container))
                tasks.append(killing)
                await asyncio.wait({ended, killing}, return_when=asyncio.FIRST_COMPLETED)
            return await ended
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _kill_unhealthy(self, container: Container) -> None:
        """Stop it; tried again until it is stopped."""
        self.ready = False
        self.view.add_event("Killing", "Container failed liveness probe, will be restarted")
        self.changed()
        while True:
            try:
                return await self.runtime.stop(container)
            except ContainerRuntimeError as error:
                self._not_killed(error)
                await asyncio.sleep(self.back_off.first)

    def _probes(self, container: Container) -> list[asyncio.Task[None]]:
        async def run(command: tuple[str, ...]) -> str:
            return await run_command(self.runtime, container, command)

        def prober(kind: str, spec: ContainerProbe) -> Prober:
            return Prober(spec.probe, container.address.get, run, self._failed(kind))

        tasks = []
        if liveness := self.spec.liveness:
            work = self._watch_liveness(prober("Liveness", liveness))
            tasks.append(asyncio.create_task(work))
        if readiness := self.spec.readiness:
            work = self._watch_readiness(prober("Readiness", readiness))
            tasks.append(asyncio.create_task(work))
        return tasks

    async def _watch_liveness(self, prober: Prober) -> None:
        await asyncio.sleep(prober.probe.initial_delay)
        await prober.until_failing(at_once=True)
        self.unhealthy.set()

    async def _watch_readiness(self, prober: Prober) -> None:
        await asyncio.sleep(prober.probe.initial_delay)
        while True:
            await prober.until_passing()
            self._turn_ready(True)
            await prober.until_failing()
            self._turn_ready(False)
            await asyncio.sleep(prober.probe.period)

    def _turn_ready(self, ready: bool) -> None:
        self.ready = ready
        self.changed()

    def _failed(self, kind: str) -> Callable[[str], None]:
        def tell(problem: str) -> None:
            self.view.add_event("Unhealthy", f"{kind} probe failed: {problem}", WARNING)
            self.changed()

        return tell

    def _ended(self, container: Container) -> None:
        code = container.exit_code
        state = terminated(
            container.started,
            container.finished,
            137 if code is None else code,
            container.reason or ("Error" if code else "Completed"),
        )
        self.ready = False
        self.view.turn(state)
        self.changed()

    async def _wait_to_restart(self) -> None:
        if self._delay:
            self.view.add_event("BackOff", "Back-off restarting failed container", WARNING)
            self.view.turn(waiting("CrashLoopBackOff"))
            self.changed()
            await asyncio.sleep(self._delay)
        self.view.restart_count += 1

    def _spec(self) -> ContainerSpec:
        self.view.runs += 1
        self.folder.mkdir(parents=True, exist_ok=True)
        spec, group, asked = self.spec, self.group, self.spec.resources
        files: dict[str, bytes] = {}
        empty_dirs: dict[str, str] = {}
        volumes = {volume.name: volume for volume in group.volumes}
        for mount in spec.mounts:
            volume = volumes[mount.name]
            if volume.secret is None:
                empty_dirs[mount.folder] = volume.name
            for key, content in volume.files.items():
                files[f"{mount.folder}/{key}"] = content
        return ContainerSpec(
            name=f"{self.unit}--{self.name}--{self.view.runs}",
            image=with_tag(spec.image),
            command=spec.command or None,
            args=None,
            variables={variable.name: variable.text for variable in spec.variables},
            ports=spec.ports,
            # An init container has the whole group's, since nothing else runs yet.
            cpu=group.cores if spec.is_init else asked.cpu_limit or asked.cpu,
            memory_gb=group.memory_gb if spec.is_init else asked.memory_limit_gb or asked.memory_gb,
            log_file=self.log_file,
            files=files,
            empty_dirs=empty_dirs,
            group=self.unit if group.shares else "",
            group_ports=group.ports if group.shares else (),
        )
