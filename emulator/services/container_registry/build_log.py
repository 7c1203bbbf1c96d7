"""The log of a run: a blob that grows while the build goes on, as its readers poll it.

`az acr build` reads what is new until the blob's metadata has `Complete`, whose value says how
the run ended: successful, failed, canceled, timedout or internalerror. Lines end in CR LF.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Protocol

FLUSH_EVERY = 0.2  # seconds
LARGEST_LOG = 16 * 1024 * 1024  # bytes


class LogStore(Protocol):
    """What a log needs of blob storage; the composition root hands the service in."""

    async def write(
        self,
        account: str,
        container: str,
        name: str,
        content: bytes,
        *,
        content_type: str,
        metadata: dict[str, str],
    ) -> None: ...


class BuildLog:
    """`line` may be called as often as the build likes; the blob follows a moment later."""

    def __init__(self, blobs: LogStore, account: str, container: str, name: str) -> None:
        self.blobs = blobs
        self.place = (account, container, name)
        self.content = bytearray()
        self.written = -1
        self.task: asyncio.Task[None] | None = None

    def line(self, text: str) -> None:
        """One line of the build's own output; beyond LARGEST_LOG they are left out."""
        if len(self.content) < LARGEST_LOG:
            self._add(text)
            if len(self.content) >= LARGEST_LOG:
                self._add("The log is too long; what follows is left out.")

    def end(self, text: str) -> None:
        """How the run ended, which is said however long the log is."""
        self._add("")
        self._add(text)

    def _add(self, text: str) -> None:
        self.content += text.rstrip("\r\n").encode() + b"\r\n"

    def step(self, text: str) -> None:
        """One line of ours, with the time."""
        self.line(f"{datetime.now(UTC):%Y/%m/%d %H:%M:%S} {text}")

    async def open(self) -> None:
        await self._write({})
        self.task = asyncio.create_task(self._follow())

    async def close(self, outcome: str) -> None:
        """Write the end: readers stop when they see the outcome."""
        # A write that is under way must not overwrite the end.
        await self.abandon()
        await self._write({"Complete": outcome})

    async def abandon(self) -> None:
        """Write no more; what was written stays as it is."""
        if self.task:
            self.task.cancel()
            await asyncio.gather(self.task, return_exceptions=True)

    async def _follow(self) -> None:
        while True:
            await asyncio.sleep(FLUSH_EVERY)
            if len(self.content) != self.written:
                await self._write({})

    async def _write(self, metadata: dict[str, str]) -> None:
        content = bytes(self.content)
        await self.blobs.write(
            *self.place, content, content_type="text/plain; charset=utf-8", metadata=metadata
        )
        self.written = len(content)
