"""A web socket through the ingress: the opening request is passed on, then bytes both ways.

https://www.rfc-editor.org/rfc/rfc6455
"""

from __future__ import annotations

import asyncio
from typing import cast

from emulator import container_port
from emulator.data_plane.ingress import answers
from emulator.data_plane.ingress.request import Request, least_busy
from emulator.data_plane.routes import RevisionRoute

_NOT_PASSED = (
    *(b"x-forwarded-for", b"x-forwarded-host", b"x-forwarded-proto", b"x-request-id"),
    b"proxy-authorization",
)


def open_web_socket(request: Request, client: asyncio.Transport, rest: bytes) -> None:
    """Join the client's transport to a replica. `rest` is what the client has sent already."""
    socket = _Socket(request, client, rest)
    client.set_protocol(socket)
    socket.start()


class _Socket(asyncio.Protocol):
    """The client's side; a web socket counts as a request while it is open."""

    def __init__(self, request: Request, client: asyncio.Transport, rest: bytes) -> None:
        assert request.revision is not None
        self.revision: RevisionRoute = request.revision
        self.client = client
        self.waiting = bytearray(_opening(request) + rest)
        self.replica: asyncio.Transport | None = None
        self.task: asyncio.Task[None] | None = None
        self.port = 0
        self.is_open = True

    def start(self) -> None:
        self.revision.begun += 1
        self.revision.under_way += 1
        self.find_port()

    def find_port(self) -> None:
        if not self.is_open:
            return
        if self.revision.ports:
            self.port = least_busy(self.revision)
            self.revision.busy[self.port] += 1
            self.task = asyncio.get_running_loop().create_task(self.connect())
        elif self.revision.may_come:
            self.revision.waiting.append(self.find_port)
            self.revision.wake()
        else:
            self.refuse(answers.NO_REPLICA)

    async def connect(self) -> None:
        try:
            transport, _ = await container_port.connect(lambda: _Replica(self), self.port)
        except OSError:
            return self.refuse(answers.NOT_REACHED)
        self.replica = transport
        transport.write(bytes(self.waiting))
        return None

    def refuse(self, refusal: answers.Refusal) -> None:
        self.client.write(
            answers.status_line(refusal.status)
            + b"content-type: %b\r\ncontent-length: %d\r\nconnection: close\r\n\r\n%b"
            % (refusal.media_type, len(refusal.body), refusal.body)
        )
        self.client.close()

    def data_received(self, data: bytes) -> None:
        if self.replica:
            self.replica.write(data)
        else:
            self.waiting += data

    def connection_lost(self, _exc: Exception | None) -> None:
        if not self.is_open:
            return
        self.is_open = False
        self.revision.under_way -= 1
        if self.port:
            self.revision.busy[self.port] -= 1
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


class _Replica(asyncio.Protocol):
    """The replica's side."""

    def __init__(self, socket: _Socket) -> None:
        self.socket = socket

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if not self.socket.is_open:
            cast(asyncio.Transport, transport).abort()

    def data_received(self, data: bytes) -> None:
        self.socket.client.write(data)

    def connection_lost(self, _exc: Exception | None) -> None:
        self.socket.client.close()

    def pause_writing(self) -> None:
        if not self.socket.client.is_closing():
            self.socket.client.pause_reading()

    def resume_writing(self) -> None:
        if not self.socket.client.is_closing():
            self.socket.client.resume_reading()


def _opening(request: Request) -> bytes:
    lines = [b"%b %b HTTP/1.1\r\n" % (request.method, request.target)]
    lines += [b"%b: %b\r\n" % field for field in request.headers if field[0] not in _NOT_PASSED]
    return b"".join([*lines, *request.forwarding(), b"\r\n"])
