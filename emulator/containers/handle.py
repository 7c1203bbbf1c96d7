"""What both runtimes keep of a container that they started."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime

from emulator.containers.runtime import ContainerSpec, ContainerState

NOT_FOUND, NOT_EXECUTABLE, KILLED = 127, 126, 137  # exit codes, as a shell's and Docker's


class Handle:
    """A container, seen from here. The module that started it calls `running` and `ended`."""

    def __init__(self, spec: ContainerSpec, id: str, message: str = "", stand_in: str = "") -> None:
        self.spec = spec
        self.id = id
        self.message = message
        self.stand_in = stand_in
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
