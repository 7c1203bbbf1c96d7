"""Containers without an engine: processes of this machine, each in a folder of its own.

What is honoured: the image's files (a copy for each container), its settings and command, the
spec's variables, one port, the secret files and empty dirs, exit codes, logs, stopping.

The memory limit is watched: every tenth of a second the memory that the container's processes
have for themselves (what they share with others left out) is added up, and they are killed, as
OOMKilled with exit code 137, when it is more. The CPU limit is not applied: no system call limits
a process to half a core. There is no root folder, user or network of its own. `Container.message`
says so, and a program that names a path of the image in its own code does not find it.

The first of a container's ports is told to the program in PORT, and 127.0.0.1 in HOST; a further
one has to be free on this machine. PORT_{port} has each port of its group. Where a variable PORT
of the container asks for another port than the first, the program is told the port of this machine
that stands for that one: what nobody has opened, nobody reaches.
"""

from __future__ import annotations

import asyncio
import secrets
import shutil
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from emulator.containers.build_context import inside
from emulator.containers.build_output import BuildOutput
from emulator.containers.dockerfile import DockerfileError
from emulator.containers.handle import KILLED, Handle
from emulator.containers.line_log import LineLog
from emulator.containers.process import command as process_command
from emulator.containers.process.build import ProcessBuild
from emulator.containers.process.exec import ProcessExec
from emulator.containers.process.images import ROOT, ProcessImages
from emulator.containers.process.paths import below, on_this_machine
from emulator.containers.process.ports import LOOPBACK, ContainerPorts
from emulator.containers.process.stand_ins.catalogue import find as find_stand_in
from emulator.containers.process.stand_ins.images import StandInImages
from emulator.containers.references import with_tag
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
from emulator.processes import trees
from emulator.processes.cpu import cpu_seconds_of
from emulator.processes.guarded import GuardedProcess
from emulator.processes.leftovers import kill_marked
from emulator.processes.memory import PERIOD, memory_of
from emulator.processes.tasks import to_the_end
from emulator.python_environments.environments import BuildError, PythonEnvironments

GIB = 2**30
CLOSING_GRACE = 2.0  # seconds a container has when local Azure itself stops
LAST_OUTPUT = 1.0  # seconds in which what a container has started must close its output
CHUNK = 2**16
MESSAGE = (
    "A process of this machine, not a container: its {cpu:g} cores are no limit, its {memory:g} GB"
    " are watched, and it has no root folder, user or network of its own."
)


@dataclass
class StartedProcess:
    """What belongs to a container that was started."""

    handle: Handle
    root: Path
    environment: Mapping[str, str]
    process: GuardedProcess | None = None
    follower: asyncio.Task[None] | None = None
    sessions: list[ProcessExec] = field(default_factory=list)
    out_of_memory: bool = False


class ProcessRuntime:
    """`folder` holds the images, the environments built for them, and what runs."""

    kind = "process"

    def __init__(self, folder: Path, description: str) -> None:
        self.description = description
        self.images_here = ProcessImages(folder / "images")
        self.environments = PythonEnvironments(folder / "environments")
        self.stand_ins = StandInImages(self.images_here, self.environments)
        self.root = folder.resolve()
        self.folder = self.root / "running"
        self.volumes = self.root / "volumes"
        for each in (self.folder, self.volumes):
            each.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.containers: dict[str, StartedProcess] = {}
        self.ports = ContainerPorts()
        self.watcher: asyncio.Task[None] | None = None
        self.closed = False

    # Images

    async def build(
        self,
        context: Path,
        dockerfile: str,
        tags: Sequence[str],
        build_args: Mapping[str, str],
        log: Log,
    ) -> Image:
        output = BuildOutput(log)
        loop = asyncio.get_running_loop()

        def note_from_thread(line: str) -> None:
            loop.call_soon_threadsafe(output.note, line)

        output.note("No container engine: building what a process of this machine can honour.")
        folder = await asyncio.to_thread(self.images_here.begin)
        try:
            text = inside(context, dockerfile).read_text()
            build = await asyncio.to_thread(
                ProcessBuild,
                context,
                dockerfile,
                folder / ROOT,
                build_args,
                note_from_thread,
                find_stand_in,
            )
            await asyncio.to_thread(build.run, text)
            config = build.config
            where = f"Dockerfile line {', '.join(map(str, build.pip_lines))}: RUN pip install: "
            python = await self.environments.with_packages(
                build.packages.requirements, build.packages.options, output.note
            )
            config.python = str(python)
            config.requirements = [str(each) for each in build.packages.requirements]
            output.note(f"Packages: {len(config.requirements)}, in {python}")
            stored = await asyncio.to_thread(
                self.images_here.finish, folder, config, [with_tag(tag) for tag in tags]
            )
        except DockerfileError as error:
            raise output.failed(str(error)) from error
        except BuildError as error:
            raise output.failed(where + _reason_of_pip(error.log)) from error
        except (OSError, ValueError) as error:
            raise output.failed(f"The Dockerfile {dockerfile} cannot be read: {error}") from error
        finally:
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
        output.note(f"Built {stored.digest}")
        for tag in tags:
            output.note(f"Tagged {tag}")
        return stored.named(tags[0])

    async def image(self, reference: str) -> Image | None:
        stored = self.images_here.find(reference)
        if stored is None or self.stand_ins.is_old(stored, reference):
            return None
        return stored.named(reference)

    async def images(self, registry: str) -> list[Image]:
        return self.images_here.of_registry(registry)

    async def tag(self, image: Image, reference: str) -> Image:
        await asyncio.to_thread(self.images_here.tag, image, reference)
        return replace(image, reference=reference)

    async def remove_image(self, reference: str) -> None:
        await asyncio.to_thread(self.images_here.remove, reference)

    async def pull(self, reference: str, credentials: tuple[str, str] | None, log: Log) -> Image:
        if found := await self.image(reference):
            return found
        stored = await self.stand_ins.make(reference, log)
        return stored.named(reference)

    # Containers

    async def start(self, spec: ContainerSpec) -> Container:
        if self.closed:
            raise ContainerRuntimeError(f"{spec.name}: local Azure stops.")
        stored = self.images_here.find(spec.image)
        if stored is None:
            raise ImageNotFound(f"The image {spec.image} is not on this machine.")
        if unread := _unread(spec, stored.config.unread):
            raise ContainerRuntimeError(
                f"{spec.name}: nothing would read what is mounted at {unread}."
                f" {stored.config.stand_in}"
            )
        id = secrets.token_hex(8)
        root = self.folder / id
        asked = process_command.asked_port(spec, stored.config)
        ports = self.ports.assign(spec, id, asked=asked, all_told=bool(stored.config.listens))
        message = MESSAGE.format(cpu=spec.cpu, memory=spec.memory_gb)
        stand_in = stored.config.stand_in
        handle = Handle(spec, id, " ".join((message, *stored.config.notes)), stand_in)
        log = LineLog(spec.log_file)
        if stand_in:
            log.feed(f"[local Azure] {stand_in}\n".encode())
        try:
            await to_the_end(asyncio.to_thread(self._prepare, spec, stored.root, root))
            environment = process_command.variables(spec, stored.config, root, ports)
            words = process_command.words(spec, stored.config, root, environment)
            running = StartedProcess(handle, root, environment)
            self.containers[id] = running
            workdir = below(root, stored.config.workdir)
            await self._spawn(running, words, workdir, {port: ports[port] for port in spec.ports})
        except BaseException as error:
            log.close()
            self.containers.pop(id, None)
            self._forget_ports(spec.group or id)
            await asyncio.to_thread(shutil.rmtree, root, ignore_errors=True)
            if isinstance(error, (OSError, ValueError)):
                raise ContainerRuntimeError(f"{spec.name}: {error}") from error
            raise
        running.follower = asyncio.create_task(self._follow(running, log), name=spec.name)
        if self.watcher is None:
            self.watcher = asyncio.create_task(self._watch(), name="memory of containers")
        return handle

    async def stop(self, container: Container, grace: float = 10) -> None:
        running = self.containers.get(container.id)
        if running is None or running.process is None or running.follower is None:
            return
        running.handle.stopping = True
        if not running.process.ended:
            await running.process.end(grace)
        await running.handle.wait()

    async def remove(self, container: Container) -> None:
        running = self.containers.get(container.id)
        if running is None:
            return
        await to_the_end(self._remove(running))

    async def _remove(self, running: StartedProcess) -> None:
        container = running.handle
        await self.stop(container, 0)
        if running.follower:
            await asyncio.wait({running.follower})
        self.containers.pop(container.id, None)
        await asyncio.to_thread(shutil.rmtree, running.root, ignore_errors=True)
        key = container.spec.group or container.id
        if self._forget_ports(key):
            await asyncio.to_thread(shutil.rmtree, self.volumes / key, ignore_errors=True)

    async def usage(self, container: Container) -> Usage:
        running = self.containers.get(container.id)
        if running is None or running.process is None or running.process.ended:
            raise ContainerRuntimeError(f"{container.spec.name} does not run.")
        guard = running.process.pid
        cpu_seconds = await asyncio.to_thread(cpu_seconds_of, guard)
        used = await asyncio.to_thread(memory_of, (guard,))
        return Usage(cpu_seconds, used[guard])

    async def exec(
        self,
        container: Container,
        argv: Sequence[str],
        *,
        tty: bool,
        rows: int = 24,
        cols: int = 80,
    ) -> ExecSession:
        running = self.containers.get(container.id)
        if running is None or not _runs(container):
            raise ContainerRuntimeError(f"{container.spec.name} does not run.")
        stored = self.images_here.find(container.spec.image)
        workdir = below(running.root, stored.config.workdir) if stored else running.root
        words = [on_this_machine(word, running.root) for word in argv]
        session = await ProcessExec.start(
            words, workdir, running.environment, tty=tty, rows=rows, cols=cols
        )
        if not _runs(container):  # it ended meanwhile
            await session.end()
            raise ContainerRuntimeError(f"{container.spec.name} does not run.")
        running.sessions[:] = [each for each in running.sessions if not each.all_ended]
        running.sessions.append(session)
        return session

    async def this_machine(self) -> ThisMachine:
        return ThisMachine(LOOPBACK, LOOPBACK)

    async def recover(self) -> None:
        await asyncio.to_thread(kill_marked, self.root)
        for folder in (self.folder, self.volumes):
            for each in folder.iterdir():
                await asyncio.to_thread(shutil.rmtree, each, ignore_errors=True)

    async def close(self) -> None:
        self.closed = True
        if self.watcher:
            self.watcher.cancel()
            with suppress(asyncio.CancelledError):
                await self.watcher
            self.watcher = None
        running = [each.handle for each in self.containers.values()]
        await asyncio.gather(*(self.stop(each, CLOSING_GRACE) for each in running))
        await asyncio.gather(*(self.remove(each) for each in running))
        await self.environments.close()

    # How

    def _forget_ports(self, key: str) -> bool:
        """Whether that was the last container of the group, or the one that is a group itself."""
        used = {each.handle.spec.group or id for id, each in self.containers.items()}
        if key not in used:
            self.ports.forget(key)
        return key not in used

    def _prepare(self, spec: ContainerSpec, image: Path, root: Path) -> None:
        """The container's own copy of the image's files, with its volumes in it."""
        shutil.copytree(image, root, symlinks=True)
        for path, name in spec.empty_dirs.items():
            volume = self.volumes / (spec.group or root.name) / name
            volume.mkdir(parents=True, exist_ok=True)
            mount = below(root, path)
            if mount.is_dir():
                shutil.rmtree(mount)
            mount.parent.mkdir(parents=True, exist_ok=True)
            mount.symlink_to(volume)
        for path, content in spec.files.items():
            file = below(root, path)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.touch(mode=0o600)
            file.write_bytes(content)
            file.chmod(0o400)

    async def _spawn(
        self, running: StartedProcess, words: list[str], workdir: Path, address: Mapping[int, int]
    ) -> None:
        if not words:
            raise ValueError("the image has no command, and none was given")
        workdir.mkdir(parents=True, exist_ok=True)
        running.process = await GuardedProcess.start(
            words,
            cwd=workdir,
            env=running.environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        if self.closed:  # it was being started as local Azure stopped
            await running.process.end(0)
            raise ValueError("local Azure stops")
        running.handle.running(address)

    async def _follow(self, running: StartedProcess, log: LineLog) -> None:
        """Write the log until the process has ended, and say how."""
        process = running.process
        assert process
        assert process.process.stdout
        output = asyncio.create_task(_copy(process.process.stdout, log))
        code = KILLED
        try:
            code = await process.wait()
        finally:
            # What it has started, and what was started beside it, ends with it.
            await asyncio.gather(process.end(0), *(each.end() for each in running.sessions))
            if code == KILLED:  # its guard too, perhaps, which has not ended what it left
                await asyncio.to_thread(kill_marked, running.root)
            await asyncio.wait({output}, timeout=LAST_OUTPUT)
            output.cancel()
            log.close()
            running.handle.ended(code, out_of_memory=running.out_of_memory and code == KILLED)

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(PERIOD)
            groups = {
                each.process.pid: each
                for each in self.containers.values()
                if each.process and not each.process.ended
            }
            if not groups:
                continue
            used = await asyncio.to_thread(memory_of, frozenset(groups))
            for pid, bytes_used in used.items():
                running = groups[pid]
                if bytes_used > running.handle.spec.memory_gb * GIB:
                    running.out_of_memory = True
                    await asyncio.to_thread(trees.kill, pid)


def _unread(spec: ContainerSpec, folders: Sequence[str]) -> str:
    """The first path that something is mounted at and that is in one of the folders."""
    mounted = (*spec.files, *spec.empty_dirs)
    found = (path for path in mounted if any(f"{path}/".startswith(f"{one}/") for one in folders))
    return next(found, "")


def _runs(container: Container) -> bool:
    return container.state is ContainerState.RUNNING


async def _copy(output: asyncio.StreamReader, log: LineLog) -> None:
    while data := await output.read(CHUNK):
        log.feed(data)


def _reason_of_pip(log: str) -> str:
    """pip's own last word on it."""
    errors = [line for line in log.splitlines() if line.startswith("ERROR: ")]
    return errors[-1].removeprefix("ERROR: ") if errors else log.rstrip().rpartition("\n")[2]
