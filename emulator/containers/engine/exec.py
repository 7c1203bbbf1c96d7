"""A program that an engine runs inside a container, attached.

https://docs.docker.com/reference/api/engine/version/v1.41/#tag/Exec
"""

from __future__ import annotations

import asyncio
from contextlib import suppress

import aiohttp
from aiodocker.exceptions import DockerError
from aiodocker.execs import Exec

PERIOD = 0.02  # seconds between two looks at whether it has ended


class EngineExec:
    def __init__(self, execution: Exec, *, tty: bool) -> None:
        self.execution = execution
        self.tty = tty
        self.stream = execution.start(detach=False)

    async def start(self, rows: int, cols: int) -> None:
        await self.stream.__aenter__()
        await self.resize(rows, cols)

    async def read(self) -> bytes:
        with suppress(aiohttp.ClientError, OSError):
            if message := await self.stream.read_out():
                return message.data
        return b""

    async def write(self, data: bytes) -> None:
        with suppress(RuntimeError, AssertionError, OSError):  # it has ended meanwhile
            await self.stream.write_in(data)

    async def resize(self, rows: int, cols: int) -> None:
        if self.tty:
            with suppress(DockerError):  # it has ended already
                await self.execution.resize(h=rows, w=cols)

    async def wait(self) -> int:
        while True:
            shown = await self.execution.inspect()
            if not shown["Running"] and shown["ExitCode"] is not None:
                return int(shown["ExitCode"])
            await asyncio.sleep(PERIOD)

    async def close(self) -> None:
        """The engine ends the program, if it still runs, when its terminal goes; without one it
        gets the end of its input."""
        await self.stream.close()
