"""What both runtimes keep of a container that they started, and how its log is written."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from emulator.containers.runtime import ContainerSpec, ContainerState
from emulator.processes.logs import LIMIT, trim

NOT_FOUND, NOT_EXECUTABLE, KILLED = 127, 126, 137  # exit codes, as a shell's and Docker's
LONGEST = 16 * 2**10  # bytes; a longer line is written as several, as Docker does


class Handle:
    """A container, seen from here. The module that started it calls `running` and `ended`."""

    def __init__(self, spec: ContainerSpec, id: str, message: str = "") -> None:
        self.spec = spec
        self.id = id
        self.message = message
        self.state = ContainerState.WAITING
        self.exit_code: int | None = None
        self.reason = ""
        self.started: datetime | None = None
        self.finished: datetime | None = None
        self.address: Mapping[int, int] = {}
        self.stopping = False  # asked to end, so that being killed is no surprise
        self._terminated = asyncio.Event()

    def running(self, address: Mapping[int, int]) -> None:
        self.state = ContainerState.RUNNING
        self.started = datetime.now(UTC)
        self.address = address

    def ended(self, exit_code: int, *, out_of_memory: bool = False) -> None:
        if self.state is ContainerState.TERMINATED:
            return
        self.state = ContainerState.TERMINATED
        self.exit_code = exit_code
        self.finished = datetime.now(UTC)
        self.started = self.started or self.finished
        self.reason = "OOMKilled" if out_of_memory else "Error" if exit_code else "Completed"
        self._terminated.set()

    async def wait(self) -> int:
        await self._terminated.wait()
        assert self.exit_code is not None
        return self.exit_code


class LineLog:
    """Writes output to a log file, each line after the time at which it began.

    `stream` tells apart what may be in the middle of a line: standard output and error.
    """

    def __init__(self, file: Path) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        self.path = file
        self.file: BinaryIO = file.open("ab", buffering=0)
        self.size = self.file.tell()
        self.begun: dict[int, tuple[bytes, bytes]] = {}  # stream -> time and text of its line

    def feed(self, data: bytes, stream: int = 1) -> None:
        now = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z").encode()
        time, before = self.begun.pop(stream, (now, b""))
        *lines, rest = (before + data).split(b"\n")
        while len(rest) > LONGEST:
            lines.append(rest[:LONGEST])
            rest = rest[LONGEST:]
        text = b""
        for line in lines:
            text += time + b" " + line.removesuffix(b"\r") + b"\n"
            time = now
        if rest:
            self.begun[stream] = (time, rest)
        if text:
            self._write(text)

    def _write(self, text: bytes) -> None:
        self.file.write(text)
        self.size += len(text)
        if self.size > LIMIT:
            trim(self.path)
            self.size = self.path.stat().st_size

    def close(self) -> None:
        """Write the lines that were never ended, too."""
        for time, text in self.begun.values():
            self._write(time + b" " + text + b"\n")
        self.begun.clear()
        self.file.close()
