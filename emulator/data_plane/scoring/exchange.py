"""One request to one instance of a deployment, and its answer back.

The scoring server (azureml-inference-server-http) has a synchronous worker that takes one request
a connection and closes it, so there is nothing to keep alive and no pool: connect, send, read.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

from emulator.data_plane.backend_connection import AnswerReceiver, BackendConnection
from emulator.data_plane.scoring.refusals import NOT_READY, PROTOCOL


class Exchange(BackendConnection):
    """Sends `request`, tells `receiver` of the answer, and calls `over` once, whatever happens."""

    words = PROTOCOL

    def __init__(
        self,
        port: int,
        request: bytes,
        *,
        is_head: bool,
        receiver: AnswerReceiver,
        over: Callable[[], None],
    ) -> None:
        super().__init__(port)
        self.request = request
        self.over = over
        self.is_finished = False
        self.expect(receiver, is_head=is_head)
        self.task = asyncio.get_running_loop().create_task(self._connect())

    async def _connect(self) -> None:
        try:
            await asyncio.get_running_loop().create_connection(lambda: self, "127.0.0.1", self.port)
        except OSError:
            self.fail(NOT_READY)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        if self.is_finished:
            self.transport.abort()
        else:
            self.transport.write(self.request)

    def abandon(self) -> None:
        """As its base; what has not been sent of the request by now is of no use."""
        super().abandon()
        if self.transport is None:
            self.task.cancel()
        if not self.is_finished:
            self.is_finished = True
            self.over()

    def complete(self) -> None:
        receiver = self.receiver
        # The instance first: the next request is on its way before this answer is written.
        self.abandon()
        if receiver:
            receiver.end()
