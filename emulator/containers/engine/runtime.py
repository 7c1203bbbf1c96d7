"""Containers run by a Docker or Podman engine, through its HTTP API.

https://docs.docker.com/reference/api/engine/version/v1.41/
Podman answers the same calls: https://docs.podman.io/en/latest/_static/api.html

A container's ports are published on 127.0.0.1 alone. What is made here carries the label
`azure-local.home`, so that `recover` finds its own and no one else's.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import math
import time
from collections.abc import Awaitable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import aiodocker
import aiohttp
from aiodocker.containers import DockerContainer
from aiodocker.events import DockerEvents
from aiodocker.exceptions import DockerError
from aiodocker.stream import Stream
from aiodocker.volumes import DockerVolume

from emulator.containers.engine.config import (
    archive,
    container_config,
    holder_config,
    program_error,
)
from emulator.containers.engine.discovery import PODMAN, Engine
from emulator.containers.engine.exec import EngineExec
from emulator.containers.engine.images import EngineImages
from emulator.containers.engine.network import this_machine
from emulator.containers.handle import KILLED, Handle
from emulator.containers.line_log import LineLog
from emulator.containers.runtime import (
    Container,
    ContainerRuntimeError,
    ContainerSpec,
    ContainerState,
    ExecSession,
    Image,
    ImageNotFound,
    Log,
    ThisMachine,
    Usage,
)

HOME_LABEL = "azure-local.home"
GROUP_LABEL = "azure-local.group"
HOLDER_LABEL = "azure-local.keeps"
CLOSING_GRACE = 2.0  # seconds a container has when local Azure itself stops
GONE = (404, 409)  # it is not there any more, or is being removed already
ENDED = ("exited", "stopped", "dead")  # states in which an exit code is one
LOST = (DockerError, aiohttp.ClientError, OSError)  # the engine does not answer any more


class EngineRuntime:
    """`folder` names this local Azure."""

    kind = "container"

    def __init__(self, folder: Path, engine: Engine) -> None:
        self.home = str(folder.resolve())
        self.prefix = "azure-local-" + hashlib.sha256(self.home.encode()).hexdigest()[:8]
        self.url = engine.url
        self.description = str(engine)
        self.podman = engine.name == PODMAN
        self.client: aiodocker.Docker | None = None
        self.connector: aiohttp.BaseConnector | None = None
        self.images_here = EngineImages(self._docker)
        self.handles: dict[str, Handle] = {}  # engine's id -> handle
        self.followers: dict[str, asyncio.Task[None]] = {}
        self.holders: dict[str, str] = {}  # group -> engine's id of what keeps its network
        self.locks: dict[str, asyncio.Lock] = {}

    def _docker(self) -> aiodocker.Docker:
        """The client, made where there is an event loop. Two of its connections stay open for
        each container, so their number has no limit."""
        if self.client is None:
            if self.url.startswith("unix://"):
                self.connector = aiohttp.UnixConnector(self.url.removeprefix("unix://"), limit=0)
                self.client = aiodocker.Docker("unix://localhost", connector=self.connector)
            else:
                self.client = aiodocker.Docker(self.url)
        return self.client

    # Images

    async def build(
        self,
        context: Path,
        dockerfile: str,
        tags: Sequence[str],
        build_args: Mapping[str, str],
        log: Log,
    ) -> Image:
        return await self.images_here.build(context, dockerfile, tags, build_args, log)

    async def image(self, reference: str) -> Image | None:
        with _answering(reference):
            return await self.images_here.find(reference)

    async def images(self, registry: str) -> list[Image]:
        return await self.images_here.of_registry(registry)

    async def tag(self, image: Image, reference: str) -> Image:
        return await self.images_here.tag(image, reference)

    async def remove_image(self, reference: str) -> None:
        await self.images_here.remove(reference)

    async def pull(self, reference: str, credentials: tuple[str, str] | None, log: Log) -> Image:
        with _answering(reference):
            return await self.images_here.pull(reference, credentials, log)

    # Containers

    async def start(self, spec: ContainerSpec) -> Container:
        with _answering(spec.name):
            return await self._start(spec)

    async def _start(self, spec: ContainerSpec) -> Container:
        holder = await self._holder(spec) if spec.group else None
        container = await self._create(spec, holder)
        handle = self.handles[container.id] = Handle(spec, container.id)
        async with AsyncExitStack() as stack:
            log = LineLog(spec.log_file)
            stack.callback(log.close)
            try:
                if spec.files or spec.empty_dirs:
                    await container.put_archive("/", archive(spec.files, spec.empty_dirs))
                # Attached before it starts, so that no output is missed.
                stream = container.attach(stdout=True, stderr=True)
                stack.push_async_callback(stream.close)
                await stream.__aenter__()
                await container.start()
                handle.running(await self._address(holder or container.id, spec))
            except BaseException as error:
                code = program_error(error)
                if code is None:
                    del self.handles[container.id]
                    await _let(container.delete(force=True, v=True))
                    raise
                # Nothing else is wrong with it: it has ended, as one does that a shell starts.
                log.feed(f"{error}\n".encode())
                handle.ended(code)
                return handle
            self.followers[container.id] = asyncio.create_task(
                self._follow(container, handle, stream, log, stack.pop_all()), name=spec.name
            )
        return handle

    async def stop(self, container: Container, grace: float = 10) -> None:
        handle = self.handles.get(container.id)
        if handle is None or handle.state is ContainerState.TERMINATED:
            return
        handle.stopping = True
        await _let(self._docker().containers.container(handle.id).stop(t=math.ceil(grace)))
        await handle.wait()

    async def remove(self, container: Container) -> None:
        handle = self.handles.get(container.id)
        if handle is None:
            return
        handle.stopping = True
        await _let(self._docker().containers.container(handle.id).delete(force=True, v=True))
        if follower := self.followers.get(handle.id):
            await follower
        self.handles.pop(handle.id, None)
        group = handle.spec.group
        if group and not any(each.spec.group == group for each in self.handles.values()):
            await self._remove_group(group)

    async def usage(self, container: Container) -> Usage:
        # https://docs.docker.com/reference/api/engine/version/v1.41/#tag/Container/operation/ContainerStats
        try:
            found = await self._docker().containers.container(container.id).stats(stream=False)
        except LOST as error:
            raise ContainerRuntimeError(f"{container.spec.name}: {error}") from error
        stats = found[0] if found else {}
        cpu = stats.get("cpu_stats", {}).get("cpu_usage", {})
        memory = stats.get("memory_stats", {})
        given_back = memory.get("stats", {}).get("inactive_file", 0)  # files that it has read
        return Usage(cpu.get("total_usage", 0) / 1e9, max(0, memory.get("usage", 0) - given_back))

    async def exec(
        self,
        container: Container,
        argv: Sequence[str],
        *,
        tty: bool,
        rows: int = 24,
        cols: int = 80,
    ) -> ExecSession:
        if container.state is not ContainerState.RUNNING:
            raise ContainerRuntimeError(f"{container.spec.name} does not run.")
        try:
            execution = await (
                self._docker()
                .containers.container(container.id)
                .exec(list(argv), stdin=True, tty=tty)
            )
            session = EngineExec(execution, tty=tty)
            await session.start(rows, cols)
        except DockerError as error:
            raise ContainerRuntimeError(f"{container.spec.name}: {error.message}") from error
        return session

    async def this_machine(self) -> ThisMachine:
        return await this_machine(self._docker())

    async def recover(self) -> None:
        await self._remove_all()

    async def close(self) -> None:
        if self.client is None:
            return
        running = list(self.handles.values())
        await asyncio.gather(*(self.stop(each, CLOSING_GRACE) for each in running))
        await asyncio.gather(*(self.remove(each) for each in running))
        await self._remove_all()
        await self.client.close()
        if self.connector:
            await self.connector.close()
        self.client = self.connector = None

    # How

    async def _create(self, spec: ContainerSpec, holder: str | None) -> DockerContainer:
        volumes = {path: self._volume(spec.group, name) for path, name in spec.empty_dirs.items()}
        for name in set(volumes.values()):  # one that is there already stays as it is
            await self._docker().volumes.create({"Name": name, "Labels": self._labels(spec.group)})
        labels = {**spec.labels, **self._labels(spec.group)}
        config = container_config(spec, labels, volumes, holder)
        return await self._new(f"{self.prefix}-{spec.name}", config)

    async def _new(self, name: str, config: dict[str, Any]) -> DockerContainer:
        """Create it; one of ours that has the name already is a leftover."""
        containers = self._docker().containers
        try:
            return await containers.create(config, name=name)
        except DockerError as error:
            if error.status == 404:
                raise ImageNotFound(
                    f"The image {config['Image']} is not on this machine."
                ) from error
            if error.status not in (409, 500) or "in use" not in error.message:
                raise ContainerRuntimeError(f"{name}: {error.message}") from error
        await _let(containers.container(name).delete(force=True, v=True))
        try:
            return await containers.create(config, name=name)
        except DockerError as error:
            raise ContainerRuntimeError(f"{name}: {error.message}") from error

    def _labels(self, group: str) -> dict[str, str]:
        return {HOME_LABEL: self.home, GROUP_LABEL: group}

    def _volume(self, group: str, name: str) -> str:
        return f"{self.prefix}-{group}--{name}"

    async def _holder(self, spec: ContainerSpec) -> str:
        """The engine's id of what keeps the group's network, whichever of its containers runs."""
        async with self.locks.setdefault(spec.group, asyncio.Lock()):
            if found := self.holders.get(spec.group):
                return found
            labels = self._labels(spec.group) | {HOLDER_LABEL: "network"}
            config = holder_config(spec, labels)
            holder = await self._new(f"{self.prefix}-{spec.group}", config)
            try:
                await holder.start()
            except DockerError as error:
                await _let(holder.delete(force=True))
                raise ContainerRuntimeError(
                    f"The network of {spec.group} could not be made: {error.message}. The image of"
                    f" a group's first container must have the program {config['Entrypoint'][0]}."
                ) from error
            self.holders[spec.group] = holder.id
            return holder.id

    async def _remove_group(self, group: str) -> None:
        if holder := self.holders.pop(group, None):
            await _let(self._docker().containers.container(holder).delete(force=True, v=True))
        await self._remove_volumes(self._labels(group))

    async def _address(self, holder: str, spec: ContainerSpec) -> dict[int, int]:
        if not spec.ports:
            return {}
        shown = await self._docker().containers.container(holder).show()
        published = shown["NetworkSettings"]["Ports"] or {}
        address = {}
        for port in spec.ports:
            bindings = published.get(f"{port}/tcp")
            if not bindings:
                raise ContainerRuntimeError(
                    f"{spec.name}: port {port} was not among the ports that its group"
                    f" {spec.group} was started with."
                )
            address[port] = int(bindings[0]["HostPort"])
        return address

    async def _follow(
        self,
        container: DockerContainer,
        handle: Handle,
        stream: Stream,
        log: LineLog,
        stack: AsyncExitStack,
    ) -> None:
        """Write the log until the container has ended, and say how."""
        began = time.time()
        code, out_of_memory = KILLED, False
        try:
            async with stack:
                with suppress(*LOST):
                    while message := await stream.read_out():
                        log.feed(message.data, message.stream)
            with suppress(*LOST):
                await container.wait()
                state = (await container.show())["State"]
                # While someone removes it, Podman answers 0 for a code that it does not have.
                code = int(state["ExitCode"]) if state["Status"] in ENDED else KILLED
                out_of_memory = bool(state["OOMKilled"]) and code != 0
                if code == KILLED and self.podman and not (out_of_memory or handle.stopping):
                    out_of_memory = not await self._was_killed(container.id, began)
        finally:
            self.followers.pop(handle.id, None)
            handle.ended(code, out_of_memory=out_of_memory)

    async def _was_killed(self, id: str, since: float) -> bool:
        """Whether someone asked the engine to kill it.

        Podman 4 says OOMKilled of no container where control groups are of the first version.
        Nothing within a container can kill its first process, so one that was killed, and by no
        one's order, had no memory left.
        """
        events = DockerEvents(self._docker())
        reader = events.subscribe(create_task=False)
        filters = json.dumps({"container": [id], "event": ["kill", "stop", "remove"]})
        until = int(time.time()) + 1
        await events.run(since=int(since), until=until, filters=filters)
        return await reader.get() is not None

    async def _remove_all(self) -> None:
        labels = {HOME_LABEL: self.home}
        try:
            found = await self._docker().containers.list(
                all=True, filters=json.dumps({"label": _as_filter(labels)})
            )
            # Those that share a network go before what keeps it.
            found.sort(key=lambda each: HOLDER_LABEL in each._container["Labels"])
            for container in found:
                await _let(container.delete(force=True, v=True))
            await self._remove_volumes(labels)
        except DockerError as error:
            raise ContainerRuntimeError(f"{self.description}: {error.message}") from error
        self.holders.clear()

    async def _remove_volumes(self, labels: Mapping[str, str]) -> None:
        volumes = self._docker().volumes
        answer = await volumes.list(filters={"label": _as_filter(labels)})
        for volume in answer["Volumes"] or ():
            await _let(DockerVolume(self._docker(), volume["Name"]).delete())


def _as_filter(labels: Mapping[str, str]) -> list[str]:
    return [f"{name}={value}" for name, value in labels.items()]


@contextmanager
def _answering(what: str) -> Iterator[None]:
    """Raises ContainerRuntimeError in place of the engine's own errors."""
    try:
        yield
    except LOST as error:
        raise ContainerRuntimeError(f"{what}: {getattr(error, 'message', error)}") from error


async def _let(call: Awaitable[Any]) -> None:
    """Wait for it; what is gone already is fine. Raises ContainerRuntimeError."""
    try:
        await call
    except DockerError as error:
        if error.status not in GONE:
            raise ContainerRuntimeError(error.message) from error
    except (aiohttp.ClientError, OSError) as error:
        raise ContainerRuntimeError(f"The engine does not answer: {error}") from error
