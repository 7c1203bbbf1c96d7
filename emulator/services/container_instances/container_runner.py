"""One container of a group: started, watched and started again as the restart policy says.

See views.py for the states that it goes through.
"""

from __future__ import annotations

import asyncio
import base64
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

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
from emulator.services.container_instances.images import Images
from emulator.services.container_instances.probes import read_probe, run_command
from emulator.services.container_instances.views import (
    NORMAL,
    WARNING,
    View,
    add_event,
    is_terminated,
    running,
    terminated,
    turn,
    waiting,
)
from emulator.settings import seconds

# Seconds. At once the first time, then 10, doubled each time up to 5 minutes; a container that has
# run for 10 minutes begins anew.
# https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#restart-policy
BACK_OFF_FIRST = seconds("AZURE_LOCAL_BACK_OFF", 10.0)
BACK_OFF_LONGEST, BACK_OFF_RESET = 300.0, 600.0
PROCESS_DETAIL = "A process of this machine, not a container"


class ContainerRunner:
    """`properties` are the container's with its secrets, `group` those of its group.

    `view` is what others see of it, `changed` is called after each change of it.
    """

    def __init__(
        self,
        name: str,
        properties: dict[str, Any],
        group: dict[str, Any],
        unit: str,
        folder: Path,
        runtime: ContainerRuntime,
        images: Images,
        view: View,
        changed: Callable[[], None],
    ) -> None:
        self.name = name
        self.properties = properties
        self.group = group
        self.unit = unit
        self.folder = folder
        self.runtime = runtime
        self.images = images
        self.view = view
        self.changed = changed
        self.back_off = BackOff(BACK_OFF_FIRST, BACK_OFF_LONGEST, BACK_OFF_RESET, at_once=True)
        self.container: Container | None = None
        # Those before it: they hold the group's empty directories until the group ends.
        self.ended: list[Container] = []
        self.ready = False
        self.unhealthy = asyncio.Event()
        self.started = asyncio.Event()
        self._delay = 0.0

    @property
    def policy(self) -> str:
        return str(self.group.get("restartPolicy") or "Always")

    @property
    def log_file(self) -> Path:
        return self.folder / f"{self.name}.{self.view.get('_run', 0)}.log"

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
        """End what runs; `run` must have been cancelled before. Then forget every run of it."""
        container = self.container
        if container and container.state is not ContainerState.TERMINATED:
            self._event("Killing", "Killing container")
            await self.runtime.stop(container)
        if container and not is_terminated(self.view):
            self._ended(container)
        if not is_terminated(self.view):
            turn(self.view, waiting(""))
        self.changed()

    async def remove(self) -> None:
        for container in [*self.ended, *([self.container] if self.container else [])]:
            await self.runtime.remove(container)
        self.ended, self.container = [], None

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
                self._event("Created", "Created container")
                container = await self._launch()
            except (ImageNotFound, ContainerRuntimeError) as error:
                missing = isinstance(error, ImageNotFound)
                self._event("Failed", str(error), WARNING)
                turn(self.view, waiting("ErrImagePull" if missing else "RunContainerError"))
                self.changed()
                await asyncio.sleep(self.back_off.next(0))
                continue
            break
        detail = ""
        if self.runtime.kind == "process":
            detail = PROCESS_DETAIL
            said = container.message or f"{PROCESS_DETAIL}."
            self._event("NotAContainer", f"{said} ({self.runtime.description})", WARNING)
        elif container.message:
            self._event("NotApplied", container.message, WARNING)
        self._event("Started", "Started container")
        turn(self.view, running(container.started, detail))
        self.ready = not self.properties.get("readinessProbe")
        self.started.set()
        self.changed()
        return container

    async def _launch(self) -> Container:
        starting = asyncio.create_task(self.runtime.start(self._spec()))
        try:
            container = await asyncio.shield(starting)
        except asyncio.CancelledError:
            # What comes of it must not be forgotten: whoever cancelled this stops it.
            with suppress(ImageNotFound, ContainerRuntimeError):
                self._adopt(await starting)
            raise
        self._adopt(container)
        return container

    def _adopt(self, container: Container) -> None:
        if self.container:
            self.ended.append(self.container)
        self.container = container

    async def _pull(self) -> None:
        reference = with_tag(self.properties["image"])
        if not any(event["name"] == "Pulled" for event in self.view["events"]):
            self._event("Pulling", f'pulling image "{reference}"')
            self.changed()
        credentials = self.group.get("imageRegistryCredentials") or []
        image = await self.images.get(reference, credentials)
        named = f"{reference.partition('@')[0].rpartition(':')[0]}@{image.digest}"
        if not any(event["message"].endswith(f'"{named}"') for event in self.view["events"]):
            self._event("Pulled", f'Successfully pulled image "{named}"')

    async def _watch(self, container: Container) -> int:
        self.unhealthy.clear()
        ended = asyncio.create_task(container.wait())
        unhealthy = asyncio.create_task(self.unhealthy.wait())
        probes = self._probes(container)
        try:
            await asyncio.wait({ended, unhealthy}, return_when=asyncio.FIRST_COMPLETED)
            for probe in probes:
                probe.cancel()
            if not ended.done():
                self._event("Killing", "Container failed liveness probe, will be restarted")
                self.changed()
                await self.runtime.stop(container)
            return await ended
        finally:
            for task in (ended, unhealthy, *probes):
                task.cancel()
            await asyncio.gather(ended, unhealthy, *probes, return_exceptions=True)

    def _probes(self, container: Container) -> list[asyncio.Task[None]]:
        async def run(command: tuple[str, ...]) -> str:
            return await run_command(self.runtime, container, command)

        tasks = []
        watches = {"liveness": self._watch_liveness, "readiness": self._watch_readiness}
        for kind, watch in watches.items():
            probe = read_probe(self.properties.get(f"{kind}Probe"))
            if probe:
                failed = self._failed(kind.capitalize())
                work = watch(Prober(probe, container.address.get, run, failed))
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
            self._event("Unhealthy", f"{kind} probe failed: {problem}", WARNING)
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
        turn(self.view, state)
        self.changed()

    async def _wait_to_restart(self) -> None:
        if self._delay:
            self._event("BackOff", "Back-off restarting failed container", WARNING)
            turn(self.view, waiting("CrashLoopBackOff"))
            self.changed()
            await asyncio.sleep(self._delay)
        self.view["restartCount"] += 1

    def _event(self, name: str, message: str, kind: str = NORMAL) -> None:
        add_event(self.view["events"], name, message, kind)

    def _spec(self) -> ContainerSpec:
        number = self.view["_run"] = self.view.get("_run", 0) + 1
        self.folder.mkdir(parents=True, exist_ok=True)
        requests, limits = self._resources()
        volumes = {volume["name"]: volume for volume in self.group.get("volumes") or []}
        files: dict[str, bytes] = {}
        empty_dirs: dict[str, str] = {}
        for mount in self.properties.get("volumeMounts") or []:
            path, volume = mount["mountPath"].rstrip("/"), volumes[mount["name"]]
            if volume.get("secret") is None:
                empty_dirs[path] = volume["name"]
                continue
            for key, value in volume["secret"].items():
                files[f"{path}/{key}"] = base64.b64decode(value)
        return ContainerSpec(
            name=f"{self.unit}--{self.name}--{number}",
            image=with_tag(self.properties["image"]),
            command=tuple(self.properties.get("command") or ()) or None,
            args=None,
            variables={
                variable["name"]: variable.get("value") or variable.get("secureValue") or ""
                for variable in self.properties.get("environmentVariables") or []
            },
            ports=tuple(port["port"] for port in self.properties.get("ports") or []),
            cpu=float(limits.get("cpu") or requests["cpu"]),
            memory_gb=float(limits.get("memoryInGB") or requests["memoryInGB"]),
            log_file=self.log_file,
            files=files,
            empty_dirs=empty_dirs,
            group=self.unit if self._shares else "",
            group_ports=self._group_ports if self._shares else (),
        )

    @property
    def _shares(self) -> bool:
        """Whether it shares a network or an empty directory, be it with a later run of itself."""
        group = self.group
        return bool(
            group.get("initContainers")
            or len(group["containers"]) > 1
            or any(volume.get("emptyDir") is not None for volume in group.get("volumes") or [])
        )

    @property
    def _group_ports(self) -> tuple[int, ...]:
        return tuple(
            port["port"]
            for one in self.group["containers"]
            for port in one["properties"].get("ports") or []
        )

    def _resources(self) -> tuple[dict[str, Any], dict[str, Any]]:
        resources = self.properties.get("resources")
        if resources:
            return resources["requests"], resources.get("limits") or {}
        # An init container has the whole group's, since nothing else runs yet.
        all_of = [one["properties"]["resources"]["requests"] for one in self.group["containers"]]
        return {
            "cpu": sum(one["cpu"] for one in all_of),
            "memoryInGB": sum(one["memoryInGB"] for one in all_of),
        }, {}
