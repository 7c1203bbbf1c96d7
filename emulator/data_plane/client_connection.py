"""A client's connection: reads requests, has them answered one after the other.

Scoring and ingress differ in when a request starts, and in what it may turn into:

    scoring    when its body is read to the end
    ingress    when its head is; a web socket takes the connection over
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from typing import ClassVar, Generic, TypeVar, cast

import httptools

from emulator.data_plane.client_request import ClientRequest
from emulator.data_plane.http import LARGEST_HEAD
from emulator.data_plane.refusal import ProtocolRefusals, Refusal
from emulator.quick_ack import quick_ack

# As many as the Envoy proxy takes that stands here on Azure:
# https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/core/v3/protocol.proto
MOST_FIELDS = 100
IDLE = 75.0  # seconds without a byte or a request under way before a connection is closed
_log = logging.getLogger(__name__)

R = TypeVar("R", bound=ClientRequest)


class ClientConnection(asyncio.Protocol, Generic[R]):
    """Requests come in one after the other, pipelined or not; one is under way at a time."""

    words: ClassVar[ProtocolRefusals]
    # Whether a request starts before its body is read.
    streams: ClassVar[bool] = False

    def __init__(self, host: str) -> None:
        self.host = host.lower()
        self.transport: asyncio.Transport
        self.parser = httptools.HttpRequestParser(self)
        self.reading: R | None = None  # its head or body is still coming
        self.queue: deque[R] = deque()  # the first one is under way
        self.unused = 0  # bytes since the last head, part of a body or end of a request
        self.is_full = False
        self.is_held = False
        self.is_paused = False
        self.is_advancing = False
        self.is_closing = False
        self.is_active = True
        self.timer: asyncio.TimerHandle | None = None

    def new_request(self) -> R:
        raise NotImplementedError

    def upgrade(self, rest: bytes) -> None:
        """A head asked for another protocol; `rest` came after it. It is not given here, so the
        request is answered as if it had not asked."""
        self.is_closing = True

    def may_start(self, request: R) -> bool:
        """Whether a request whose turn it is can be started or refused now."""
        return True

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.watch()

    def watch(self) -> None:
        """Close the connection once nothing has happened on it for a while."""
        if self.is_active or any(request.is_sent for request in self.queue):
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
        self.unused += len(data)
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self.upgrade(data[upgrade.args[0] :])
        except httptools.HttpParserCallbackError:
            _log.exception("a request to %s", self.host)
            self.refuse(self.words.our_fault)
        except httptools.HttpParserError:
            if not self.is_closing:
                self.refuse(self.words.bad_request)
        else:
            if self.unused > LARGEST_HEAD and not self.is_closing:
                self.refuse(self.words.head_too_large)
            if self.reading:
                quick_ack(self.transport)
        self.control()

    def refuse(self, refusal: Refusal) -> None:
        """Answer what cannot be read, after all that came before it, and close."""
        request = self.reading or self.new_request()
        self.reading = None
        request.is_read, request.keep_alive, self.is_closing = True, False, True
        if request not in self.queue:
            request.refusal = refusal
            self.add(request)
        elif not request.is_sent:
            request.refusal = refusal
            self.advance()
        elif not request.is_done:
            # Its answer, which may have begun, would not be one to this.
            request.failed(refusal, unanswered=False)

    def on_message_begin(self) -> None:
        self.reading = self.new_request()

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
        self.unused = 0
        request.may_upgrade = self.parser.should_upgrade()
        request.head_read(self.parser.get_http_version(), self.parser.get_method())
        size = len(request.target) + sum(len(name) + len(value) for name, value in request.headers)
        if size > LARGEST_HEAD or len(request.headers) > MOST_FIELDS:
            request.refusal, request.keep_alive = self.words.head_too_large, False
        expected = request.fields.get(b"expect", b"").lower()
        if expected == b"100-continue" and not request.http_1_0:
            if request.refusal:
                # The client holds its body back until it hears from us: it need not send it.
                self.refuse(request.refusal)
                return
            if not self.queue:
                self.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        if self.streams:
            self.add(request)

    def on_body(self, data: bytes) -> None:
        self.unused = 0
        if self.reading:
            self.reading.body_read(data)

    def on_message_complete(self) -> None:
        request, self.reading, self.unused = self.reading, None, 0
        if request:
            request.read()
            if not request.keep_alive:
                self.is_closing = True
            if self.streams:
                self.advance()
            else:
                self.add(request)

    # Answering

    def add(self, request: R) -> None:
        self.queue.append(request)
        self.advance()

    def advance(self) -> None:
        """Start the first request, unless it is under way or cannot be started yet."""
        if self.is_advancing:
            return
        self.is_advancing = True
        try:
            while self.queue and not self.queue[0].is_sent and not self.is_full:
                request = self.queue[0]
                if not self.may_start(request):
                    return
                try:
                    request.start()
                except Exception:
                    _log.exception("a request to %s", self.host)
                    request.refuse(self.words.our_fault)
        finally:
            self.is_advancing = False

    def write(self, data: bytes) -> None:
        self.transport.write(data)

    def answered(self, request: ClientRequest, data: bytes) -> None:
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

    # Flow

    def hold(self, *, is_held: bool) -> None:
        """Whether no more of a body can be taken at the moment."""
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
        if self.queue:
            self.queue[0].pause()
        self.control()

    def resume_writing(self) -> None:
        self.is_full = False
        if self.queue:
            self.queue[0].resume()
        self.advance()
        self.control()
