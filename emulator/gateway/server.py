"""A client's connection: reads requests, hands them on one at a time, writes the answers."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from typing import cast

import httptools

from emulator.gateway import answers
from emulator.gateway.answers import Refusal
from emulator.gateway.request import LARGEST_BODY, Gateway, Request
from emulator.quick_ack import quick_ack

LARGEST_HEAD = 64 * 1024  # bytes
IDLE = 75.0  # seconds without a byte or a request under way before a connection is closed
_log = logging.getLogger(__name__)


class Connection(asyncio.Protocol):
    """Requests come in one after the other, pipelined or not; one is under way at a time."""

    def __init__(self, gateway: Gateway, host: str) -> None:
        self.gateway = gateway
        self.host = host.lower()
        self.transport: asyncio.Transport
        self.parser = httptools.HttpRequestParser(self)
        self.reading: Request | None = None  # its head or body is still coming
        self.queue: deque[Request] = deque()  # read; the first one is under way
        self.head_size = 0
        self.is_full = False
        self.is_paused = False
        self.is_advancing = False
        self.is_closing = False
        self.is_active = True
        self.timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
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
        except httptools.HttpParserUpgrade:
            self.is_closing = True  # answered as if no upgrade had been asked for
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

    def refuse(self, refusal: Refusal) -> None:
        """Answer what cannot be read, after all that came before it, and close."""
        request = self.reading or Request(self)
        self.reading = None
        request.refusal = refusal
        request.keep_alive = False
        self.is_closing = True
        self.add(request)

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
        if request.fields.get(b"expect", b"").lower() == b"100-continue":
            if request.refusal:
                # The client holds its body back until it hears from us: it need not send it.
                self.refuse(request.refusal)
            elif not self.queue:
                self.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, data: bytes) -> None:
        request = self.reading
        if request is None or request.refusal:
            return
        request.size += len(data)
        if request.size > LARGEST_BODY:
            request.refusal = answers.BODY_TOO_LARGE
            request.body.clear()
        else:
            request.body.append(data)

    def on_message_complete(self) -> None:
        request, self.reading = self.reading, None
        if request:
            if not request.keep_alive:
                self.is_closing = True
            self.add(request)

    # Answering

    def add(self, request: Request) -> None:
        self.queue.append(request)
        self.advance()

    def advance(self) -> None:
        """Send the first request on, unless it has been. A refusal is an answer at once."""
        if self.is_advancing:
            return
        self.is_advancing = True
        try:
            while self.queue and not self.queue[0].is_sent and not self.is_full:
                request = self.queue[0]
                try:
                    request.send()
                except Exception:
                    _log.exception("a request to %s", self.host)
                    request.failed(answers.OUR_FAULT)
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
        self.advance()
        self.control()

    def break_off(self) -> None:
        self.transport.abort()

    def control(self) -> None:
        """Read no further while requests wait their turn or answers are not taken."""
        pause = len(self.queue) > 1 or self.is_full
        if pause != self.is_paused and not self.transport.is_closing():
            self.is_paused = pause
            if pause:
                self.transport.pause_reading()
            else:
                self.transport.resume_reading()

    def pause_writing(self) -> None:
        self.is_full = True
        if self.queue and self.queue[0].source:
            self.queue[0].source.pause()
        self.control()

    def resume_writing(self) -> None:
        self.is_full = False
        if self.queue and self.queue[0].source:
            self.queue[0].source.resume()
        self.advance()
        self.control()
