"""One request to one instance of a deployment, and its answer back.

The scoring server (azureml-inference-server-http) has a synchronous worker that takes one request
a connection and closes it, so there is nothing to keep alive and no pool: connect, send, read.
This is the only file that speaks HTTP to an instance.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Protocol, cast

import httptools

from emulator.data_plane.scoring.answers import LOST, NOT_READY, OUR_FAULT, Refusal

# An answer that says its length and is no longer than this is passed on in one piece.
ONE_PIECE = 64 * 1024  # bytes
LARGEST_HEAD = 64 * 1024  # bytes
_log = logging.getLogger(__name__)


class Answer:
    """An instance's status and headers. `length` is None when the body's end says it."""

    __slots__ = ("headers", "length", "status")

    def __init__(self) -> None:
        self.status = 0
        self.headers: list[tuple[bytes, bytes]] = []
        self.length: int | None = None


class Receiver(Protocol):
    """Who gets the answer: `whole`, or `begin`, `more`... and `end`; `failed` at any point."""

    def whole(self, answer: Answer, body: bytes) -> None: ...
    def begin(self, answer: Answer, source: Exchange) -> None: ...
    def more(self, data: bytes) -> None: ...
    def end(self) -> None: ...
    def failed(self, refusal: Refusal) -> None: ...


class Exchange(asyncio.Protocol):
    """A connection to an instance: sends `request`, tells `receiver`, then calls `over` once."""

    def __init__(
        self, request: bytes, *, is_head: bool, receiver: Receiver, over: Callable[[], None]
    ) -> None:
        self.request = request
        self.is_head = is_head
        self.receiver = receiver
        self.over = over
        self.transport: asyncio.Transport | None = None
        self.task: asyncio.Task[None] | None = None
        self.answer = Answer()
        self.parser = httptools.HttpResponseParser(self)
        self.body: list[bytes] = []
        self.head_size = 0
        self.in_head = True
        self.chunked = False
        self.streaming = False
        self.done = False

    def connect(self, port: int) -> None:
        self.task = asyncio.get_running_loop().create_task(self._connect(port))

    async def _connect(self, port: int) -> None:
        try:
            await asyncio.get_running_loop().create_connection(lambda: self, "127.0.0.1", port)
        except OSError:
            self._finish(NOT_READY)

    def abandon(self) -> None:
        """Nobody waits for the answer any more."""
        if not self.done:
            self._finish(None)

    def pause(self) -> None:
        if self.transport and not self.transport.is_closing():
            self.transport.pause_reading()

    def resume(self) -> None:
        if self.transport and not self.transport.is_closing():
            self.transport.resume_reading()

    def _finish(self, refusal: Refusal | None) -> None:
        if self.done:
            return
        self.done = True
        if self.transport:
            # What has not been sent of the request by now is of no use.
            self.transport.abort()
        elif self.task:
            self.task.cancel()
        # The instance first: the next request is on its way before this answer is written.
        self.over()
        if refusal:
            self.receiver.failed(refusal)

    # The connection

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        if self.done:
            self.transport.abort()
        else:
            self.transport.write(self.request)

    def data_received(self, data: bytes) -> None:
        if self.done:
            return
        if self.in_head:
            self.head_size += len(data)
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserCallbackError:
            _log.exception("an answer from an instance")
            self._finish(None)
            self.receiver.failed(OUR_FAULT)
            return
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._finish(LOST)
            return
        if self.in_head and self.head_size > LARGEST_HEAD:
            self._finish(LOST)

    def connection_lost(self, exc: Exception | None) -> None:
        if self.done:
            return
        if not self.in_head and self.answer.length is None and not self.chunked and exc is None:
            self._complete()
        else:
            self._finish(LOST)

    # The answer, as httptools reads it

    def on_header(self, name: bytes, value: bytes) -> None:
        self.answer.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        answer = self.answer
        answer.status = self.parser.get_status_code()
        if answer.status < 200:
            return
        self.in_head = False
        for name, value in answer.headers:
            if name == b"content-length":
                answer.length = int(value)
            elif name == b"transfer-encoding":
                self.chunked = True
        if self.is_head or answer.status in (204, 304):
            answer.length = 0 if answer.length is None else answer.length
            self._complete()
        elif answer.length is None or answer.length > ONE_PIECE:
            self.streaming = True
            self.receiver.begin(answer, self)

    def on_body(self, data: bytes) -> None:
        if self.done:
            return
        if self.streaming:
            self.receiver.more(data)
        else:
            self.body.append(data)

    def on_message_complete(self) -> None:
        if self.answer.status < 200:
            self.answer = Answer()  # 100 Continue, 103 Early Hints: the answer is still to come
        else:
            self._complete()

    def _complete(self) -> None:
        if self.done:
            return
        self._finish(None)
        if self.streaming:
            self.receiver.end()
        else:
            self.receiver.whole(self.answer, b"".join(self.body))
