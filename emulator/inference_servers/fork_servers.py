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
import logging
import re
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from emulator.inference_servers.fork_server import ForkServer, Kind
from emulator.inference_servers.starting import (
    Process,
    StartError,
    StartRequest,
    start_plainly,
)
from emulator.processes.environment import clean_environment

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


class ForkServers:
    """The fork servers that run, one of each kind."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.started: dict[Kind, asyncio.Task[ForkServer]] = {}
        self.all: set[asyncio.Task[ForkServer]] = set()  # those that are retired, too
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
            self.all = {each for each in self.all if not _gone(each)} | {task}
        return task

    async def _start(self, kind: Kind) -> ForkServer:
        name = "-".join(("fork-server", kind.python.parent.parent.name, *kind.preload))
        server = await ForkServer.start(kind, self.folder / f"{name}.log")
        self._rest(server)
        return server

    def _rest(self, server: ForkServer) -> None:
        """End the fork server if it has no servers after `IDLE` seconds, else look again then."""

        def look() -> None:
            if server.alive and server.idle:
                server.retire(f"no servers for {IDLE:g} seconds")
            if server.alive:
                self._rest(server)
            else:
                self.timers.pop(server, None)

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

    def logs(self) -> list[Path]:
        """What the fork servers print while they load, a file each."""
        return list(self.folder.glob("fork-server-*.log"))

    async def close(self) -> None:
        for timer in self.timers.values():
            timer.cancel()
        tasks = list(self.all)
        for task in tasks:
            task.cancel()  # those that load still; what was started is ended with them
        await asyncio.gather(*map(_close, tasks))


def _ended(task: asyncio.Task[ForkServer]) -> bool:
    """Whether no server can be had from it any more."""
    if not task.done():
        return False
    return task.cancelled() or task.exception() is not None or not task.result().alive


def _gone(task: asyncio.Task[ForkServer]) -> bool:
    """Whether no process of it is left."""
    return _ended(task) and (
        task.cancelled() or task.exception() is not None or task.result().process.ended
    )


async def _close(task: asyncio.Task[ForkServer]) -> None:
    with suppress(asyncio.CancelledError, StartError):
        await (await task).close()


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
