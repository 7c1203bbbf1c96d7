"""A web socket through the ingress: the opening request is passed on, then bytes both ways.

https://www.rfc-editor.org/rfc/rfc6455
"""

from __future__ import annotations

import asyncio
import re
import time
from typing import cast

from emulator import container_port
from emulator.data_plane import http
from emulator.data_plane.backend import Backend
from emulator.data_plane.ingress import refusals
from emulator.data_plane.ingress.request import FORWARDING, IngressRequest
from emulator.data_plane.refusal import Refusal
from emulator.data_plane.routes.apps import RevisionRoute

MOST_WAITING = 64 * 1024  # bytes that a client may send before there is a replica
_NOT_PASSED = FORWARDING | {b"proxy-authorization"}
_STATUS = re.compile(rb"HTTP/1\.[01] ([1-5]\d\d)")


def open_web_socket(request: IngressRequest, client: asyncio.Transport, rest: bytes) -> None:
    """Join the client's transport to a replica. `rest` is what the client has sent already."""
    socket = WebSocketClient(request, client, rest)
    client.set_protocol(socket)
    socket.start()


class WebSocketClient(asyncio.Protocol):
    """The client's side; a web socket counts as a request while it is open."""

    def __init__(self, request: IngressRequest, client: asyncio.Transport, rest: bytes) -> None:
        self.request = request
        self.client = client
        self.waiting = bytearray(_opening(request) + rest)
        self.revision: RevisionRoute | None = None
        self.backend: Backend | None = None
        self.replica: asyncio.Transport | None = None
        self.task: asyncio.Task[None] | None = None
        self.is_open = True
        self.is_answered = False

    def start(self) -> None:
        chosen = self.request.choose()
        if isinstance(chosen, Refusal):
            return self.refuse(chosen)
        self.revision = chosen
        chosen.begun += 1
        chosen.under_way += 1
        return self.find_replica()

    def find_replica(self) -> None:
        revision = self.revision
        if revision is None or not self.is_open:
            return
        if revision.backends:
            self.backend = self.request.pick(revision)
            self.backend.under_way += 1
            self.task = asyncio.get_running_loop().create_task(self.connect(self.backend.port))
        elif revision.may_come:
            revision.waiting.append(self.find_replica)
            revision.wake()
        else:
            self.refuse(refusals.NO_REPLICA)

    async def connect(self, port: int) -> None:
        try:
            transport, _ = await container_port.connect(lambda: WebSocketReplica(self), port)
        except OSError:
            return self.refuse(refusals.NOT_REACHED)
        self.replica = transport
        transport.write(bytes(self.waiting))
        self.waiting.clear()
        if not self.client.is_closing():
            self.client.resume_reading()
        return None

    def refuse(self, refusal: Refusal) -> None:
        body = refusal.body
        fields = [(b"content-type", refusal.media_type), (b"content-length", b"%d" % len(body))]
        fields.append((b"connection", b"close"))
        self.client.write(http.answer_head(refusal.status, fields) + body)
        self.client.close()
        self.answered(refusal.status)

    def answered(self, status: int) -> None:
        """The opening request was answered, which counts it; what follows is no request."""
        request = self.request
        if request.app_id and not self.is_answered:
            labels = request.labels(self.revision, self.backend, status)
            seconds = time.monotonic() - request.begun
            request.ingress.counts.answered(request.app_id, labels, seconds, 0)
        self.is_answered = True

    def data_received(self, data: bytes) -> None:
        if self.replica:
            self.replica.write(data)
            return
        self.waiting += data
        if len(self.waiting) > MOST_WAITING:
            self.client.pause_reading()

    def connection_lost(self, _exc: Exception | None) -> None:
        if not self.is_open:
            return
        self.is_open = False
        if self.revision:
            self.revision.under_way -= 1
        if self.backend:
            self.backend.under_way -= 1
        if self.task:
            self.task.cancel()
        if self.replica:
            self.replica.close()

    def pause_writing(self) -> None:
        if self.replica and not self.replica.is_closing():
            self.replica.pause_reading()

    def resume_writing(self) -> None:
        if self.replica and not self.replica.is_closing():
            self.replica.resume_reading()


class WebSocketReplica(asyncio.Protocol):
    """The replica's side."""

    def __init__(self, socket: WebSocketClient) -> None:
        self.socket = socket

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if not self.socket.is_open:
            cast(asyncio.Transport, transport).abort()

    def data_received(self, data: bytes) -> None:
        self.socket.client.write(data)
        if not self.socket.is_answered and (status := _STATUS.match(data)):
            self.socket.answered(int(status[1]))

    def connection_lost(self, _exc: Exception | None) -> None:
        self.socket.client.close()

    def pause_writing(self) -> None:
        if not self.socket.client.is_closing():
            self.socket.client.pause_reading()

    def resume_writing(self) -> None:
        if not self.socket.client.is_closing():
            self.socket.client.resume_reading()


def _opening(request: IngressRequest) -> bytes:
    fields = [field for field in request.headers if field[0] not in _NOT_PASSED]
    return http.request_head(request.method, request.target, fields + request.forwarding())
