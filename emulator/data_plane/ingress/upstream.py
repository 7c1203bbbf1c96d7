"""Connections to replicas, kept alive from one request to the next."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Protocol, cast

import httptools

from emulator import container_port
from emulator.data_plane.ingress.answers import LOST, NOT_REACHED, OUR_FAULT, Refusal
from emulator.quick_ack import quick_ack

LARGEST_HEAD = 64 * 1024  # bytes
MOST_IDLE = 64  # connections to one replica that are kept
# For less long (seconds) than the servers keep them (uvicorn 5, gunicorn 2), so that no request
# meets a connection which is being closed.
IDLE = 1.5
_log = logging.getLogger(__name__)

Fields = list[tuple[bytes, bytes]]


class Receiver(Protocol):
    """Who gets an answer: `head`, then `more`... and `end`; `failed` instead at any point."""

    def head(self, status: int, fields: Fields, length: int | None) -> None: ...
    def more(self, data: bytes) -> None: ...
    def end(self) -> None: ...
    def failed(self, refusal: Refusal, *, unanswered: bool) -> None: ...
    def pause_sending(self) -> None: ...
    def resume_sending(self) -> None: ...


class Upstream(asyncio.Protocol):
    """One connection to a replica; one request at a time."""

    def __init__(self, pool: Pool, port: int) -> None:
        self.pool = pool
        self.port = port
        self.transport: asyncio.Transport | None = None
        self.receiver: Receiver | None = None
        self.is_head_request = False
        self.is_sent = False  # the request, whole
        self.was_used = False  # for a request before this one
        self.idle_since = 0.0
        self.fields: Fields = []
        self.status = 0
        self.head_size = 0
        self.in_head = True
        self.has_end = False  # the answer says where it ends
        self.is_over = False
        self.is_reusable = False
        self.parser = httptools.HttpResponseParser(self)

    # The request

    def begin(self, receiver: Receiver, *, is_head: bool) -> None:
        """The next answer on this connection is for this receiver."""
        self.receiver = receiver
        self.is_head_request = is_head
        self.is_sent = self.is_reusable = self.has_end = self.is_over = False
        self.fields, self.status, self.head_size, self.in_head = [], 0, 0, True

    def send(self, data: bytes) -> None:
        if self.transport:
            self.transport.write(data)

    def sent(self) -> None:
        """The request is complete."""
        self.is_sent = True

    def abandon(self) -> None:
        """Nobody waits for the answer any more."""
        self.receiver = None
        if self.transport:
            self.transport.abort()

    def pause(self) -> None:
        if self.transport and not self.transport.is_closing():
            self.transport.pause_reading()

    def resume(self) -> None:
        if self.transport and not self.transport.is_closing():
            self.transport.resume_reading()

    # The connection

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self.pool.forget(self)
        if self.receiver is None:
            return
        if not self.in_head and not self.has_end and exc is None:
            self._complete()  # the end of the connection is the end of the body
        else:
            self._fail(LOST)

    def pause_writing(self) -> None:
        if self.receiver:
            self.receiver.pause_sending()

    def resume_writing(self) -> None:
        if self.receiver:
            self.receiver.resume_sending()

    def data_received(self, data: bytes) -> None:
        if self.receiver is None:
            # Nothing was asked, so what comes is the end of this connection, not an answer.
            if self.transport:
                self.transport.abort()
            return
        if self.in_head:
            self.head_size += len(data)
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserCallbackError:
            _log.exception("an answer from port %d", self.port)
            self._fail(OUR_FAULT)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self.is_reusable = False
            if self.is_over:  # more than the answer came: the answer itself is good
                self._complete()
            else:
                self._fail(LOST)
        else:
            if self.is_over:
                # Not from within the parser: the next request may go out on this connection.
                self._complete()
            elif self.in_head and self.head_size > LARGEST_HEAD:
                self._fail(LOST)
            elif self.transport:
                quick_ack(self.transport)  # a server may hold the body back until then

    def _fail(self, refusal: Refusal) -> None:
        receiver, self.receiver = self.receiver, None
        if self.transport:
            self.transport.abort()
        if receiver:
            receiver.failed(refusal, unanswered=self.in_head and self.head_size == 0)

    # The answer, as httptools reads it

    def on_header(self, name: bytes, value: bytes) -> None:
        self.fields.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        self.status = self.parser.get_status_code()
        if self.status < 200 or self.receiver is None:
            return
        self.in_head = False
        length: int | None = None
        chunked = False
        for name, value in self.fields:
            if name == b"content-length":
                length = int(value)
            elif name == b"transfer-encoding":
                chunked = True
        empty = self.is_head_request or self.status in (204, 304)
        self.has_end = empty or chunked or length is not None
        self.is_reusable = self.has_end and self.parser.should_keep_alive()
        self.receiver.head(self.status, self.fields, 0 if empty and length is None else length)
        if self.is_head_request:
            # httptools would wait for the body that a HEAD's Content-Length speaks of.
            self.parser = httptools.HttpResponseParser(self)
            self.is_over = True

    def on_body(self, data: bytes) -> None:
        if self.receiver:
            self.receiver.more(data)

    def on_message_complete(self) -> None:
        if self.status < 200:
            self.fields = []  # 100 Continue, 103 Early Hints: the answer is still to come
        else:
            self.is_over = True

    def _complete(self) -> None:
        receiver, self.receiver = self.receiver, None
        self.was_used = True
        if self.is_reusable and self.is_sent and self.transport and not self.transport.is_closing():
            self.pool.keep(self)
        elif self.transport:
            self.transport.close()
        if receiver:
            receiver.end()


class Pool:
    """The connections that wait for a request, by port."""

    def __init__(self) -> None:
        self.idle: dict[int, list[Upstream]] = {}
        self.tasks: set[asyncio.Task[None]] = set()

    def take(self, port: int) -> Upstream | None:
        """The connection that was used last, None if none waits."""
        waiting = self.idle.get(port)
        oldest = asyncio.get_running_loop().time() - IDLE
        while waiting:
            upstream = waiting.pop()
            if upstream.transport and not upstream.transport.is_closing():
                if upstream.idle_since > oldest:
                    return upstream
                upstream.transport.close()
        return None

    def connect(self, port: int, done: Callable[[Upstream | Refusal], None]) -> None:
        """A new connection, or a refusal, is handed to `done`."""
        task = asyncio.get_running_loop().create_task(self._connect(port, done))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def _connect(self, port: int, done: Callable[[Upstream | Refusal], None]) -> None:
        try:
            _, upstream = await container_port.connect(lambda: Upstream(self, port), port)
        except OSError:
            done(NOT_REACHED)
        else:
            done(upstream)

    def keep(self, upstream: Upstream) -> None:
        waiting = self.idle.setdefault(upstream.port, [])
        upstream.idle_since = asyncio.get_running_loop().time()
        if len(waiting) < MOST_IDLE:
            waiting.append(upstream)
        elif upstream.transport:
            upstream.transport.close()

    def forget(self, upstream: Upstream) -> None:
        waiting = self.idle.get(upstream.port)
        if waiting and upstream in waiting:
            waiting.remove(upstream)
        if not waiting:
            self.idle.pop(upstream.port, None)
