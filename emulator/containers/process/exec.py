"""A program run beside a container that is a process: in its folder, with its variables."""

from __future__ import annotations

import asyncio
import os
import struct
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from emulator.containers.runtime import ContainerRuntimeError
from emulator.processes.guarded import GuardedProcess

CHUNK = 2**16


class ProcessExec:
    """`terminal` is the descriptor of the terminal's far end, None without one.

    What the program leaves behind goes on when it has ended, until the container ends.
    """

    def __init__(self, guarded: GuardedProcess, terminal: int | None) -> None:
        self.guarded = guarded
        self.process = guarded.process
        self.terminal = terminal
        self.output: asyncio.Queue[bytes] = asyncio.Queue()
        if terminal is not None:
            os.set_blocking(terminal, False)
            asyncio.get_running_loop().add_reader(terminal, self._readable, terminal)

    @classmethod
    async def start(
        cls,
        words: Sequence[str],
        workdir: Path,
        variables: Mapping[str, str],
        *,
        tty: bool,
        rows: int,
        cols: int,
    ) -> ProcessExec:
        if not words:
            raise ContainerRuntimeError("There is no program to run.")
        if tty and sys.platform == "win32":
            raise ContainerRuntimeError("Windows has no terminal for a process without an engine.")
        near = far = None
        if tty:
            far, near = os.openpty()
            _set_size(far, rows, cols)
        try:
            process = await GuardedProcess.start(
                words,
                tty=tty,
                lingering=True,
                cwd=workdir,
                env={"TERM": "xterm", **variables} if tty else variables,
                stdin=asyncio.subprocess.PIPE if near is None else near,
                stdout=asyncio.subprocess.PIPE if near is None else near,
                stderr=asyncio.subprocess.STDOUT if near is None else near,
            )
        except BaseException as error:
            if far is not None:
                os.close(far)
            if not isinstance(error, (OSError, ValueError)):  # ValueError: a NUL in a word
                raise
            raise ContainerRuntimeError(f"{words[0]} could not be started: {error}") from error
        finally:
            if near is not None:
                os.close(near)
        return cls(process, far)

    def _readable(self, terminal: int) -> None:
        try:
            data = os.read(terminal, CHUNK)
        except BlockingIOError:
            return
        except OSError:  # Linux says so when no program has the terminal any more
            data = b""
        self.output.put_nowait(data)
        if not data:
            asyncio.get_running_loop().remove_reader(terminal)

    async def read(self) -> bytes:
        if self.terminal is None:
            assert self.process.stdout
            return await self.process.stdout.read(CHUNK)
        data = await self.output.get()
        if not data:
            self.output.put_nowait(b"")  # the end stays the end
        return data

    async def write(self, data: bytes) -> None:
        if self.terminal is None:
            assert self.process.stdin
            with suppress(OSError):  # it has ended meanwhile
                self.process.stdin.write(data)
                await self.process.stdin.drain()
        else:
            while data:
                try:
                    data = data[os.write(self.terminal, data) :]
                except BlockingIOError:
                    await asyncio.sleep(0.01)
                except OSError:
                    return

    async def resize(self, rows: int, cols: int) -> None:
        if self.terminal is not None:
            _set_size(self.terminal, rows, cols)

    async def wait(self) -> int:
        return await self.guarded.wait()

    @property
    def all_ended(self) -> bool:
        return self.guarded.all_ended

    async def end(self) -> None:
        """End the program and whatever it left behind."""
        await self.guarded.end(0)
        await self.close()

    async def close(self) -> None:
        if not self.guarded.ended:
            await self.guarded.end(0)
        if self.terminal is not None:
            asyncio.get_running_loop().remove_reader(self.terminal)
            os.close(self.terminal)
            self.terminal = None
            self.output.put_nowait(b"")


def _set_size(terminal: int, rows: int, cols: int) -> None:
    if sys.platform != "win32":
        import fcntl
        import termios

        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, cols, 0, 0))
