"""A program that local Azure started, under a guard (guard.py): all that it starts ends with it."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from emulator.processes import trees
from emulator.processes.tasks import start_or_undo, to_the_end

GUARD = (sys.executable, "-I", "-S", str(Path(__file__).with_name("guard.py")))
GUARDED = os.name == "posix"
REAPED = 0.001  # seconds between two looks at whether what has ended is reaped
KILLED = 137  # the exit code of what was killed
_log = logging.getLogger(__name__)


class GuardedProcess:
    """`pid` is the guard's: a session and a process group begin with it, and the tree hangs below
    it. `process` has the program's input and output."""

    def __init__(self, process: asyncio.subprocess.Process, status: int = -1) -> None:
        self.process = process
        self.pid = process.pid
        self._gone = asyncio.ensure_future(_until_gone(process))
        self._code: asyncio.Future[int] | None = None
        if status >= 0:
            self._code = asyncio.get_running_loop().create_future()
            asyncio.get_running_loop().add_reader(status, self._read_status, status)

    @classmethod
    async def start(
        cls, words: Sequence[str], *, tty: bool = False, lingering: bool = False, **options: Any
    ) -> GuardedProcess:
        """Start it; `options` are those of asyncio.create_subprocess_exec. Raises OSError, and
        ValueError for a word that no program can be given.

        `lingering`: what the program leaves behind may go on when the program has ended; `end`
        ends it. When this is cancelled, nothing of it is left.
        """
        if any("\0" in word for word in words):  # uvloop would cut it off there
            raise ValueError("a word of the command holds a NUL character")
        return await start_or_undo(
            cls._start(list(words), tty=tty, lingering=lingering, options=options),
            lambda started: started.end(0),
        )

    @classmethod
    async def _start(
        cls, words: list[str], *, tty: bool, lingering: bool, options: dict[str, Any]
    ) -> GuardedProcess:
        if not GUARDED:
            return cls(await asyncio.create_subprocess_exec(*words, **options))
        guard = [*GUARD, str(os.getpid()), *(("--tty",) if tty else ())]
        status = written = -1
        if lingering:
            status, written = os.pipe()
            guard += ["--status", str(written)]
            options = {**options, "pass_fds": (*options.get("pass_fds", ()), written)}
        try:
            process = await asyncio.create_subprocess_exec(
                *guard, *words, start_new_session=True, **options
            )
        except BaseException:
            if status >= 0:
                os.close(status)
            raise
        finally:
            if written >= 0:
                os.close(written)
        return cls(process, status)

    def _read_status(self, status: int) -> None:
        """The guard wrote the program's exit code, or ended itself without."""
        data = os.read(status, 16)
        asyncio.get_running_loop().remove_reader(status)
        os.close(status)
        assert self._code
        if not self._code.done():
            self._code.set_result(int(data) if data else KILLED)

    @property
    def ended(self) -> bool:
        """Whether the program has ended."""
        return self._code.done() if self._code else self.all_ended

    @property
    def all_ended(self) -> bool:
        """Whether all that it left has ended, too."""
        return self.process.returncode is not None

    async def wait(self) -> int:
        """Return the program's exit code once it has ended, 128 + n after signal n."""
        if self._code:
            return await asyncio.shield(self._code)
        code = await asyncio.shield(self._gone)
        return code if code >= 0 else 128 - code

    async def wait_for_all(self) -> None:
        """Wait until all that it left has ended, too."""
        await asyncio.shield(self._gone)

    async def end(self, grace: float) -> None:
        """End the program and all that it started: a request, `grace` seconds, then by force."""
        await end(self.pid, self.wait_for_all, grace)


async def _until_gone(process: asyncio.subprocess.Process) -> int:
    """Return its return code once it has ended.

    `Process.wait` waits for the end of its output as well, which what a killed guard has left
    behind may hold open.
    """
    if not sys.platform.startswith("linux"):
        return await process.wait()
    loop = asyncio.get_running_loop()
    with suppress(OSError):  # it has been reaped already
        pidfd = os.pidfd_open(process.pid)
        try:
            ended = asyncio.Event()
            loop.add_reader(pidfd, ended.set)
            await ended.wait()
        finally:
            loop.remove_reader(pidfd)
            os.close(pidfd)
    while process.returncode is None:
        await asyncio.sleep(REAPED)
    return process.returncode


async def end(pid: int, wait: Callable[[], Awaitable[object]], grace: float) -> bool:
    """End the process and its tree; `wait` returns when it has ended.

    A request, up to `grace` seconds, then by force, in whatever state it is. Returns within that
    and a few seconds more; False when it is still there then, which only the kernel can cause.
    """
    return await to_the_end(_end(pid, wait, grace))


async def _end(pid: int, wait: Callable[[], Awaitable[object]], grace: float) -> bool:
    ended = asyncio.ensure_future(wait())
    await asyncio.sleep(0)  # so that an end of before is seen
    try:
        if grace > 0 and not ended.done():
            # Those that it leaves behind are its guard's or its fork server's to end, where these
            # are not stopped themselves.
            left = await asyncio.to_thread(trees.Snapshot, pid)
            trees.ask_to_end(pid)
            await asyncio.wait({ended}, timeout=grace)
            if ended.done():
                await asyncio.to_thread(left.kill)
        if not ended.done():
            await asyncio.to_thread(trees.kill, pid)
            await asyncio.wait({ended}, timeout=trees.KILL_LIMIT)
        await asyncio.to_thread(trees.kill_group, pid)
        if not ended.done():
            _log.error("process %d was killed and is still there", pid)
        return ended.done()
    finally:
        ended.cancel()
