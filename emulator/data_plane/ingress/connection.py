"""A client's connection to the ingress."""

from __future__ import annotations

import asyncio

from emulator.data_plane.connection import ClientConnection
from emulator.data_plane.ingress import answers
from emulator.data_plane.ingress.request import Ingress, Request
from emulator.data_plane.ingress.sockets import open_web_socket


class Connection(ClientConnection[Request]):
    """A request is handed on as it comes. `inside` is the domain of the environment that the
    client is in, "" when it is in none."""

    streams = True
    bad_request = answers.BAD_REQUEST
    head_too_large = answers.HEAD_TOO_LARGE
    our_fault = answers.OUR_FAULT

    def __init__(self, ingress: Ingress, host: str, inside: str = "") -> None:
        super().__init__(host)
        self.ingress = ingress
        self.inside = inside
        self.is_secure = False

    def new_request(self) -> Request:
        return Request(self)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.is_secure = transport.get_extra_info("sslcontext") is not None
        super().connection_made(transport)

    def may_start(self, request: Request) -> bool:
        """A refusal waits for the whole body; a web socket is started by `upgrade`."""
        if request.refusal:
            return request.is_read
        return not request.is_web_socket

    def on_headers_complete(self) -> None:
        if self.reading:
            self.reading.may_upgrade = self.parser.should_upgrade()
        super().on_headers_complete()

    def upgrade(self, rest: bytes) -> None:
        request = self.queue[-1] if self.queue else None
        if request is None or not request.is_web_socket or request.refusal or len(self.queue) > 1:
            super().upgrade(rest)
            return
        request.is_sent = True
        self.queue.clear()
        if self.timer:
            self.timer.cancel()
        open_web_socket(request, self.transport, rest)
