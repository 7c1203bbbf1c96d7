"""A connection to a backend, as far as answers are read. Who extends it says how one asks."""

from __future__ import annotations

import asyncio
import logging
from typing import ClassVar, Protocol, cast

import httptools

from emulator.data_plane.http import LARGEST_HEAD, Fields
from emulator.data_plane.refusal import ProtocolRefusals, Refusal
from emulator.quick_ack import quick_ack

_log = logging.getLogger(__name__)


class AnswerReceiver(Protocol):
    """Who gets an answer: `head`, `more`... and `end`; `failed` instead at any point.

    `length` is None when the body's end says it. `unanswered` means that not a byte came.
    """

    def head(self, status: int, fields: Fields, length: int | None) -> None: ...
    def more(self, data: bytes) -> None: ...
    def end(self) -> None: ...
    def failed(self, refusal: Refusal, *, unanswered: bool) -> None: ...


class BackendConnection(asyncio.Protocol):
    """One answer at a time goes to `receiver`, which is None while nobody waits for one."""

    words: ClassVar[ProtocolRefusals]

    def __init__(self, port: int) -> None:
        self.port = port
        self.transport: asyncio.Transport | None = None
        self.parser = httptools.HttpResponseParser(self)
        self.receiver: AnswerReceiver | None = None
        self.is_head_request = False
        self.fields: Fields = []
        self.status = 0
        self.head_size = 0
        self.in_head = True
        self.has_end = False  # the answer says where it ends
        self.is_over = False
        self.is_reusable = False

    def expect(self, receiver: AnswerReceiver, *, is_head: bool) -> None:
        """The next answer on this connection is for this receiver."""
        self.receiver = receiver
        self.is_head_request = is_head
        self.fields, self.status, self.head_size, self.in_head = [], 0, 0, True
        self.has_end = self.is_over = self.is_reusable = False

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

    def fail(self, refusal: Refusal) -> None:
        receiver = self.receiver
        self.abandon()
        if receiver:
            receiver.failed(refusal, unanswered=self.in_head and self.head_size == 0)

    def complete(self) -> None:
        """The answer came to its end."""
        raise NotImplementedError

    # The connection

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        if self.receiver is None:
            return
        if not self.in_head and not self.has_end and exc is None:
            self.complete()  # the end of the connection is the end of the body
        else:
            self.fail(self.words.lost)

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
            self.fail(self.words.our_fault)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self.is_reusable = False
            if self.is_over:  # more than the answer came: the answer itself is good
                self.complete()
            else:
                self.fail(self.words.lost)
        else:
            if self.is_over:
                # Not from within the parser: the next request may go out on this connection.
                self.complete()
            elif self.in_head and self.head_size > LARGEST_HEAD:
                self.fail(self.words.lost)
            elif self.transport:
                quick_ack(self.transport)  # a server may hold the body back until then

    # The answer, as httptools reads it

    def on_header(self, name: bytes, value: bytes) -> None:
        if self.in_head:  # else it is a trailer
            self.fields.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        self.status = self.parser.get_status_code()
        if self.status < 200 or self.receiver is None:
            return
        self.in_head = False
        length: int | None = None
        is_chunked = False
        for name, value in self.fields:
            if name == b"content-length":
                length = int(value)
            elif name == b"transfer-encoding":
                is_chunked = True
        is_empty = self.is_head_request or self.status in (204, 304)
        self.has_end = is_empty or is_chunked or length is not None
        self.is_reusable = self.has_end and self.parser.should_keep_alive()
        self.receiver.head(self.status, self.fields, 0 if is_empty and length is None else length)
        if self.is_head_request:
            # httptools would wait for the body that a HEAD's Content-Length speaks of.
            self.parser = httptools.HttpResponseParser(self)
            self.is_over = True

    def on_body(self, data: bytes) -> None:
        if self.is_over:
            self.is_reusable = False  # a body where there is none: HEAD
        elif self.receiver:
            self.receiver.more(data)

    def on_message_complete(self) -> None:
        if self.status < 200:
            self.fields = []  # 100 Continue, 103 Early Hints: the answer is still to come
        else:
            self.is_over = True
