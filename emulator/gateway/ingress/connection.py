"""A client's connection to the ingress: reads requests, answers them one after the other."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from typing import cast

import httptools

from emulator.gateway.ingress import answers
from emulator.gateway.ingress.answers import Refusal
from emulator.gateway.ingress.request import Ingress, Request
from emulator.gateway.ingress.sockets import open_web_socket
from emulator.quick_ack import quick_ack

LARGEST_HEAD = 64 * 1024  # bytes
IDLE = 75.0  # seconds without a byte or a request under way before a connection is closed
_log = logging.getLogger(__name__)


class Connection(asyncio.Protocol):
    """Requests come in one after the other, pipelined or not; one is under way at a time."""

    def __init__(self, ingress: Ingress, host: str, inside: str = "") -> None:
        self.ingress = ingress
        self.host = host.lower()
        self.inside = inside  # the domain of the environment that the client is in
        self.is_secure = False
        self.transport: asyncio.Transport
        self.parser = httptools.HttpRequestParser(self)
        self.reading: Request | None = None  # its head or body is still coming
        self.queue: deque[Request] = deque()  # the first one is under way
        self.head_size = 0
        self.is_full = False
        self.is_held = False
        self.is_paused = False
        self.is_advancing = False
        self.is_closing = False
        self.is_active = True
        self.timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.is_secure = transport.get_extra_info("sslcontext") is not None
        self.watch()

    def watch(self) -> None:
        """Close the connection once nothing has happened on it for a while."""
        if self.is_active or self.queue:
            self.is_active = False
            self.timer = asyncio.get_running_loop().call_later(IDLE, self.watch)
        else:
            self.transport.close()

    def connection_lost(self, _exc: Exception | None) -> None:
        self.is_closing = True
        if self.timer:
            self.timer.cancel()
        for request in self.queue:
            request.cancel()
        self.queue.clear()

    # Reading

    def data_received(self, data: bytes) -> None:
        if self.is_closing:
            return
        self.is_active = True
        if self.reading is None or not self.reading.method:
            self.head_size += len(data)
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self.upgrade(data[upgrade.args[0] :])
        except httptools.HttpParserCallbackError:
            _log.exception("a request to %s", self.host)
            self.refuse(answers.OUR_FAULT)
        except httptools.HttpParserError:
            if not self.is_closing:
                self.refuse(answers.BAD_REQUEST)
        else:
            if self.reading and not self.reading.method and self.head_size > LARGEST_HEAD:
                self.refuse(answers.HEAD_TOO_LARGE)
            if self.reading:
                quick_ack(self.transport)
        self.control()

    def upgrade(self, rest: bytes) -> None:
        """The bytes after a head that asks for another protocol."""
        request = self.queue[-1] if self.queue else None
        if request is None or not request.is_web_socket or request.refusal or len(self.queue) > 1:
            self.is_closing = True  # answered as if no upgrade had been asked for
            return
        request.is_sent = True
        self.queue.clear()
        if self.timer:
            self.timer.cancel()
        open_web_socket(request, self.transport, rest)

    def refuse(self, refusal: Refusal) -> None:
        """Answer what cannot be read, after all that came before it, and close."""
        request = self.reading or Request(self)
        is_new = request not in self.queue
        self.reading = None
        request.is_read, request.keep_alive, self.is_closing = True, False, True
        if is_new:
            request.refusal = refusal
            self.add(request)
        else:
            request.cancel()
            self.break_off()

    def on_message_begin(self) -> None:
        self.reading = Request(self)

    def on_url(self, url: bytes) -> None:
        if self.reading:
            self.reading.target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        if self.reading and not self.reading.method:  # else it is a trailer
            self.reading.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        request = self.reading
        if request is None:
            return
        self.head_size = 0
        request.head_read(self.parser.get_http_version(), self.parser.get_method())
        request.is_web_socket = (
            self.parser.should_upgrade()
            and request.fields.get(b"upgrade", b"").lower() == b"websocket"
        )
        if request.fields.get(b"expect", b"").lower() == b"100-continue":
            if request.refusal:
                # The client holds its body back until it hears from us: it need not send it.
                request.is_read, request.keep_alive, self.is_closing = True, False, True
                self.reading = None
            elif not self.queue:
                self.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        self.add(request)

    def on_body(self, data: bytes) -> None:
        if self.reading:
            self.reading.body_read(data)

    def on_message_complete(self) -> None:
        request, self.reading = self.reading, None
        if request:
            request.read()
            if not request.keep_alive:
                self.is_closing = True
            self.advance()

    # Answering

    def add(self, request: Request) -> None:
        self.queue.append(request)
        self.advance()

    def advance(self) -> None:
        """Start the first request, unless it is under way. A refusal waits for the whole body."""
        if self.is_advancing:
            return
        self.is_advancing = True
        try:
            while self.queue and not self.queue[0].is_sent and not self.is_full:
                request = self.queue[0]
                if request.is_web_socket and not request.refusal:
                    return  # started by `upgrade`, with what follows its head
                if request.refusal and not request.is_read:
                    return
                try:
                    request.start()
                except Exception:
                    _log.exception("a request to %s", self.host)
                    request.refuse(answers.OUR_FAULT)
        finally:
            self.is_advancing = False

    def write(self, data: bytes) -> None:
        self.transport.write(data)

    def answered(self, request: Request, data: bytes) -> None:
        """The last of an answer: write it, and turn to the next request."""
        if not self.queue or self.queue[0] is not request:
            return  # the client has gone
        self.transport.write(data)
        if not request.keep_alive:
            self.is_closing = True
            self.queue.clear()
            self.transport.close()
            return
        self.queue.popleft()
        self.is_held = False
        self.advance()
        self.control()

    def break_off(self) -> None:
        self.transport.abort()

    def hold(self, *, is_held: bool) -> None:
        """Whether the replica takes no more of a body at the moment."""
        self.is_held = is_held
        self.control()

    def control(self) -> None:
        """Read no further while requests wait their turn, or bodies or answers are not taken."""
        pause = len(self.queue) > 1 or self.is_full or self.is_held
        if pause != self.is_paused and not self.transport.is_closing():
            self.is_paused = pause
            if pause:
                self.transport.pause_reading()
            else:
                self.transport.resume_reading()

    def pause_writing(self) -> None:
        self.is_full = True
        if self.queue and self.queue[0].upstream:
            self.queue[0].upstream.pause()
        self.control()

    def resume_writing(self) -> None:
        self.is_full = False
        if self.queue and self.queue[0].upstream:
            self.queue[0].upstream.resume()
        self.advance()
        self.control()
