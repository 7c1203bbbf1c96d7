"""Servers forked from a process that has the framework loaded already. Linux only.

A server that is forked is ready in a tenth of a second and shares the framework's memory with the
others; one that starts by itself imports torch or tensorflow first. The first server of an
environment starts the fork server, which imports what that server would have imported.

Being forked must make no difference. Environment variables that are looked at while a framework is
loaded are the fork server's own from its start, whether they are set for the deployment or at the
head of its code, so servers share one only if they agree about these; where that cannot be told,
the server is started plainly. (A module of the deployment's own that has the name of an installed
one is no such case: the inference server puts the deployment's folder last on the path.)
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import re
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from emulator.inference_servers.starting import (
    LAUNCHER,
    Process,
    StartError,
    StartRequest,
    start_plainly,
)
from emulator.processes.environment import clean_environment
from emulator.processes.groups import signal_group

# A fork server that has had no servers for this long (seconds) ends and gives its memory back.
IDLE = 900.0
# Variables that are read when Python starts or by a library's native code; those that Python code
# reads while it is imported are noted by the launcher.
EARLY = re.compile(
    r"(?:ABSL_|ATEN_|BLIS_|CUDA_|DNNL_|DYLD_|GLIBC_|GOMP_|GOTO_|GRPC_|KERAS_|KMP_|LANG|LC_|LD_"
    r"|MALLOC_|MKL_|NUMEXPR_|NVIDIA_|OMP_|ONEDNN_|OPENBLAS_|OPENSSL_|PYTHON|PYTORCH_|TF_|TORCH_"
    r"|VECLIB_|XLA_)[A-Z0-9_]*"
)
_NAMED = re.compile(rf"""(["'])(?:{EARLY.pattern})\1""")
# os.environ["NAME"] = "value" or os.environ.setdefault("NAME", "value"), at the left margin
_SET = re.compile(
    rf"""^(?:os\.)?environ(?:\.setdefault\(|\[)(["'])(?P<name>{EARLY.pattern})\1(?:,|\] =) """
    r"""(["'])(?P<value>[^"'\\\n]*)\3\)?[ \t]*(?:#.*)?$""",
    re.MULTILINE,
)
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Kind:
    """What servers must have in common to be forked from one process."""

    python: Path
    preload: tuple[str, ...]
    variables: tuple[tuple[str, str], ...]


class ForkedProcess:
    """Forked; its fork server reaps it and says how it ended."""

    def __init__(self, pid: int, port: int) -> None:
        self.pid = pid
        self.port = port
        self.exited: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def wait(self) -> int:
        return await asyncio.shield(self.exited)


class ForkServer:
    """One process with the frameworks loaded, and the servers that it forked."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.variables: frozenset[str] = frozenset()
        self.servers: dict[int, ForkedProcess] = {}
        self.asked: dict[str, asyncio.Future[ForkedProcess]] = {}
        self.reader: asyncio.Task[None] | None = None

    @classmethod
    async def start(cls, kind: Kind, log_file: Path) -> ForkServer:
        """Start it and wait until the modules are loaded. Raises StartError."""
        python = kind.python
        try:
            with log_file.open("wb") as log:
                process = await asyncio.create_subprocess_exec(
                    python,
                    LAUNCHER,
                    "serve",
                    str(os.getpid()),
                    *kind.preload,
                    cwd=log_file.parent,
                    env=clean_environment(python) | dict(kind.variables),
                    stdin=asyncio.subprocess.PIPE,
                    stdout=asyncio.subprocess.PIPE,
                    stderr=log,
                    start_new_session=True,
                    limit=2**20,
                )
        except OSError as error:
            raise StartError(f"{python} could not be started: {error}") from error
        server = cls(process)
        try:
            assert process.stdout
            line = await process.stdout.readline()
            if not line:
                raise StartError(f"The fork server of {python} ended while loading: {log_file}.")
            server.variables = frozenset(json.loads(line)["variables"])
        except (ValueError, KeyError) as error:
            await end_process(process)
            raise StartError(f"The fork server of {python} said {line!r}.") from error
        except BaseException:
            await end_process(process)
            raise
        server.reader = asyncio.create_task(server._read(process.stdout))
        return server

    async def _read(self, answers: asyncio.StreamReader) -> None:
        while line := await answers.readline():
            news: dict[str, Any] = json.loads(line)
            if "exited" in news:
                self.servers.pop(news["exited"]).exited.set_result(news["code"])
            else:
                process = ForkedProcess(news["pid"], news["port"])
                self.servers[process.pid] = process
                self.asked.pop(news["name"]).set_result(process)
        # The kernel has killed its children with it.
        _log.info("fork server %d ended", self.process.pid)
        for waiting in self.asked.values():
            if not waiting.done():
                waiting.set_exception(StartError("The fork server ended."))
        for process in self.servers.values():
            signal_group(process.pid, kill=True)
            process.exited.set_result(-9)
        self.asked.clear()
        self.servers.clear()
        await self.process.wait()

    @property
    def alive(self) -> bool:
        return self.reader is not None and not self.reader.done()

    async def fork(self, request: StartRequest) -> ForkedProcess:
        """Fork a server. Raises StartError when the fork server is gone."""
        if not self.alive:
            raise StartError("The fork server ended.")
        answer: asyncio.Future[ForkedProcess] = asyncio.get_running_loop().create_future()
        self.asked[request.name] = answer
        message = {
            "name": request.name,
            "app_root": str(request.app_root),
            "entry_script": str(request.entry_script),
            "log_file": str(request.log_file),
            "variables": dict(request.variables),
        }
        assert self.process.stdin
        with suppress(OSError):  # `_read` sees the end, too
            self.process.stdin.write(json.dumps(message).encode() + b"\n")
            await self.process.stdin.drain()
        return await answer

    async def close(self) -> None:
        await end_process(self.process)
        if self.reader:
            await self.reader


async def end_process(process: asyncio.subprocess.Process) -> None:
    with suppress(ProcessLookupError):
        process.kill()
    await process.wait()


class ForkServers:
    """The fork servers that run, one of each kind."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.started: dict[Kind, asyncio.Task[ForkServer]] = {}
        self.timers: dict[ForkServer, asyncio.TimerHandle] = {}

    async def warm(
        self,
        python: Path,
        preload: tuple[str, ...],
        app_root: Path | None,
        variables: Mapping[str, str],
    ) -> None:
        """Start the fork server for this code and these variables, unless it runs."""
        early = await asyncio.to_thread(_early, variables, app_root)
        if early is not None:
            self._server(Kind(python, preload, early))

    def _server(self, kind: Kind) -> asyncio.Task[ForkServer]:
        task = self.started.get(kind)
        if task is None or _ended(task):
            task = self.started[kind] = asyncio.create_task(self._start(kind))
            task.add_done_callback(_ended)  # looks at the error, which `start` reports if asked
        return task

    async def _start(self, kind: Kind) -> ForkServer:
        name = "-".join(("fork-server", kind.python.parent.parent.name, *kind.preload))
        server = await ForkServer.start(kind, self.folder / f"{name}.log")
        self._rest(server)
        return server

    def _rest(self, server: ForkServer) -> None:
        """End the fork server if it has no servers after `IDLE` seconds, else look again then."""

        def look() -> None:
            if server.alive and not server.servers and not server.asked:
                server.process.kill()
            if server.alive:
                self._rest(server)
            else:
                del self.timers[server]

        self.timers[server] = asyncio.get_running_loop().call_later(IDLE, look)

    async def start(self, request: StartRequest, preload: tuple[str, ...]) -> Process:
        """Fork the server where that makes no difference to it, else start it plainly.

        Raises StartError when it cannot be started either way.
        """
        if not sys.platform.startswith("linux"):
            return await start_plainly(request)
        common = clean_environment(request.python).items()
        own = {
            name: value for name, value in request.variables.items() if (name, value) not in common
        }
        early = await asyncio.to_thread(_early, own, request.app_root)
        if early is not None:
            try:
                server = await asyncio.shield(self._server(Kind(request.python, preload, early)))
                if not server.variables & (own.keys() - dict(early).keys()):
                    return await server.fork(request)
            except StartError as error:
                _log.warning("%s is started plainly: %s", request.name, error)
        return await start_plainly(request)

    async def close(self) -> None:
        for timer in self.timers.values():
            timer.cancel()
        for task in self.started.values():
            task.cancel()
            with suppress(asyncio.CancelledError, StartError):
                await (await task).close()


def _ended(task: asyncio.Task[ForkServer]) -> bool:
    if not task.done():
        return False
    return task.cancelled() or task.exception() is not None or not task.result().alive


def _early(
    variables: Mapping[str, str], app_root: Path | None
) -> tuple[tuple[str, str], ...] | None:
    """The variables that must be set before a framework is loaded; None if that cannot be told."""
    early = {name: value for name, value in variables.items() if EARLY.fullmatch(name)}
    for file in app_root.rglob("*.py") if app_root else ():
        text = file.read_text(errors="replace") if file.is_file() else ""
        settings = list(_SET.finditer(text))
        if len(settings) != len(_NAMED.findall(text)):
            return None  # read, perhaps, or set in another way
        for setting in settings:
            if early.setdefault(setting["name"], setting["value"]) != setting["value"]:
                return None
    return tuple(sorted(early.items()))
