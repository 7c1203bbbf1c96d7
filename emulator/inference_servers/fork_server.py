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
import itertools
import json
import logging
import os
import re
import sys
from collections.abc import Coroutine, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from emulator.inference_servers.starting import (
    LAUNCHER,
    Process,
    StartError,
    StartRequest,
    check_interpreter,
    start_plainly,
)
from emulator.processes import trees
from emulator.processes.environment import clean_environment
from emulator.processes.guarded import KILLED, GuardedProcess, end
from emulator.processes.leftovers import MARK
from emulator.processes.tasks import to_the_end

# A fork server that has had no servers for this long (seconds) ends and gives its memory back.
IDLE = 900.0
# How long (seconds) it may take to load its modules, and to answer a request for a server.
LOAD_LIMIT, FORK_LIMIT = 180.0, 10.0
# How long (seconds) one waits for a server that was asked for and is not wanted any more.
GIVE_UP_LIMIT = 2.0
# A fork server says how a server ended within this time (seconds), or not at all.
NEWS_LIMIT = 1.0
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
    """Forked; its fork server reaps it and says how it ended.

    Its end is seen here as well (a pidfd), for when the fork server says nothing any more.
    """

    def __init__(self, pid: int, port: int) -> None:
        self.pid = pid
        self.port = port
        loop = asyncio.get_running_loop()
        self.exited: asyncio.Future[int] = loop.create_future()
        with suppress(OSError):  # it is gone already: the fork server says so next
            self._watch(os.pidfd_open(pid))

    def _watch(self, pidfd: int) -> None:
        loop = asyncio.get_running_loop()

        def close(_: object) -> None:
            loop.remove_reader(pidfd)
            os.close(pidfd)

        def ended() -> None:
            loop.remove_reader(pidfd)
            loop.call_later(NEWS_LIMIT, self.ended, KILLED)

        loop.add_reader(pidfd, ended)
        self.exited.add_done_callback(close)

    def ended(self, code: int) -> None:
        if not self.exited.done():
            self.exited.set_result(code)

    async def wait(self) -> int:
        code = await asyncio.shield(self.exited)
        return code if code >= 0 else 128 - code

    async def end(self, grace: float) -> None:
        await end(self.pid, self.wait, grace)


class ForkServer:
    """One process with the frameworks loaded, and the servers that it forked.

    One that does not answer in time is retired: it is asked no more, and killed as soon as none of
    its servers runs, for they would be killed with it.
    """

    def __init__(self, process: GuardedProcess) -> None:
        self.process = process
        self.variables: frozenset[str] = frozenset()
        self.servers: dict[int, ForkedProcess] = {}
        self.asked: dict[str, asyncio.Future[ForkedProcess]] = {}
        self.reader: asyncio.Task[None] | None = None
        self.retired = False
        self.ending: set[asyncio.Task[None]] = set()
        self._requests = itertools.count(1)

    @classmethod
    async def start(cls, kind: Kind, log_file: Path) -> ForkServer:
        """Start it and wait until the modules are loaded. Raises StartError."""
        python = kind.python
        check_interpreter(python)
        mark = {MARK: str(log_file.parent)}
        try:
            log_file.write_bytes(b"")
            with log_file.open("ab") as log:
                process = await GuardedProcess.start(
                    (str(python), str(LAUNCHER), "serve", *kind.preload),
                    cwd=log_file.parent,
                    env=clean_environment(python) | dict(kind.variables) | mark,
                    stdin=asyncio.subprocess.PIPE,
                    stdout=asyncio.subprocess.PIPE,
                    stderr=log,
                    limit=2**20,
                )
        except OSError as error:
            raise StartError(f"{python} could not be started: {error}") from error
        server = cls(process)
        line = b""
        try:
            answers = process.process.stdout
            assert answers
            async with asyncio.timeout(LOAD_LIMIT):
                line = await answers.readline()
            if not line:
                raise StartError(f"The fork server of {python} ended while loading: {log_file}.")
            # The mark is ours, and each server has its own: whoever looks at all sees it, too.
            server.variables = frozenset(json.loads(line)["variables"]) - {MARK}
        except TimeoutError:
            await process.end(0)
            raise StartError(
                f"The fork server of {python} did not load its modules within {LOAD_LIMIT:g}"
                f" seconds: {log_file}."
            ) from None
        except (ValueError, KeyError, TypeError) as error:
            await process.end(0)
            raise StartError(f"The fork server of {python} said {line!r}.") from error
        except BaseException:
            await process.end(0)
            raise
        server.reader = asyncio.create_task(server._read(answers))
        return server

    async def _read(self, answers: asyncio.StreamReader) -> None:
        try:
            while line := await answers.readline():
                news: dict[str, Any] = json.loads(line)
                if "exited" in news:
                    if process := self.servers.get(news["exited"]):
                        process.ended(news["code"])
                else:
                    self._forked(news["name"], ForkedProcess(news["pid"], news["port"]))
        except (ValueError, KeyError, TypeError):
            _log.exception("news of fork server %d", self.process.pid)
        finally:
            _log.info("fork server %d ended", self.process.pid)
            self.retired = True
            for waiting in self.asked.values():
                if not waiting.done():
                    waiting.set_exception(StartError("The fork server ended."))
            self.asked.clear()
            # The kernel kills its servers with it, and the guard what they leave.
            await self.process.end(0)
            for process in list(self.servers.values()):
                process.ended(KILLED)

    def _forked(self, name: str, process: ForkedProcess) -> None:
        self.servers[process.pid] = process
        process.exited.add_done_callback(lambda _: self._exited(process.pid))
        waiting = self.asked.pop(name, None)
        if waiting is None or waiting.done():  # whoever asked has given up meanwhile
            self._in_background(process.end(0))
        else:
            waiting.set_result(process)

    def _exited(self, pid: int) -> None:
        self.servers.pop(pid, None)
        self._end_if_retired()

    def retire(self, why: str) -> None:
        _log.warning("fork server %d is asked no more: %s", self.process.pid, why)
        self.retired = True
        self._end_if_retired()

    def _end_if_retired(self) -> None:
        if self.retired and not self.servers and self.reader and not self.reader.done():
            self._in_background(self.process.end(0))

    def _in_background(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self.ending.add(task)
        task.add_done_callback(self.ending.discard)

    @property
    def alive(self) -> bool:
        return self.reader is not None and not self.reader.done() and not self.retired

    @property
    def idle(self) -> bool:
        return not self.servers and not self.asked

    async def fork(self, request: StartRequest) -> ForkedProcess:
        """Fork a server. Raises StartError when the fork server is gone, or silent."""
        if not self.alive:
            raise StartError("The fork server ended.")
        name = f"{request.name} {next(self._requests)}"
        answer: asyncio.Future[ForkedProcess] = asyncio.get_running_loop().create_future()
        self.asked[name] = answer
        message = {
            "name": name,
            "app_root": str(request.app_root),
            "entry_script": str(request.entry_script),
            "log_file": str(request.log_file),
            "variables": dict(request.variables),
        }
        requests = self.process.process.stdin
        assert requests
        with suppress(OSError, RuntimeError):  # `_read` sees the end, too
            requests.write(json.dumps(message).encode() + b"\n")
        try:
            await asyncio.wait({answer}, timeout=FORK_LIMIT)
        except asyncio.CancelledError:
            # It is on its way, most likely, and must not be left behind.
            await to_the_end(self._give_up(answer))
            raise
        if not answer.done():
            answer.cancel()
            self.retire(f"no answer within {FORK_LIMIT:g} seconds")
            raise StartError(f"The fork server did not answer within {FORK_LIMIT:g} seconds.")
        return answer.result()

    async def _give_up(self, answer: asyncio.Future[ForkedProcess]) -> None:
        await asyncio.wait({answer}, timeout=GIVE_UP_LIMIT)
        if not answer.done():
            answer.cancel()  # `_forked` ends it, should it come
        elif answer.exception() is None:
            await answer.result().end(0)

    async def close(self) -> None:
        self.retired = True
        await self.process.end(0)
        if self.reader:
            await asyncio.wait({self.reader}, timeout=trees.KILL_LIMIT)
        if self.ending:
            await asyncio.wait(self.ending)


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
