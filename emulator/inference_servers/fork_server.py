"""One fork server: a process with the frameworks loaded, and the servers forked from it.

The other side is `Forker` in launcher.py.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import logging
import os
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from emulator.inference_servers.starting import (
    LAUNCHER,
    StartError,
    StartRequest,
    check_interpreter,
)
from emulator.processes import trees
from emulator.processes.environment import clean_environment
from emulator.processes.guarded import KILLED, GuardedProcess, end
from emulator.processes.leftovers import MARK
from emulator.processes.tasks import to_the_end

# How long (seconds) it may take to load its modules, and to answer a request for a server.
LOAD_LIMIT, FORK_LIMIT = 180.0, 10.0
# How long (seconds) one waits for a server that was asked for and is not wanted any more.
GIVE_UP_LIMIT = 2.0
# A fork server says how a server ended within this time (seconds), or not at all.
NEWS_LIMIT = 1.0
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
