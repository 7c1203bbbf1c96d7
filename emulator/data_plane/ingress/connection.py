"""A client's connection to the ingress."""

from __future__ import annotations

import asyncio

from emulator.client_certificates import AskingContext, forwarded
from emulator.data_plane.client_connection import ClientConnection
from emulator.data_plane.ingress.ingress import Ingress
from emulator.data_plane.ingress.refusals import PROTOCOL
from emulator.data_plane.ingress.request import IngressRequest
from emulator.data_plane.ingress.web_socket import open_web_socket


class IngressConnection(ClientConnection[IngressRequest]):
    """A request is handed on as it comes. `inside` is the domain of the environment that the
    client is in, "" when it is in none."""

    words = PROTOCOL
    streams = True

    def __init__(self, ingress: Ingress, host: str, inside: str = "") -> None:
        super().__init__(host)
        self.ingress = ingress
        self.inside = inside
        self.is_secure = False
        self.address = ""  # the client's
        self.certificate = b""  # the header that tells of the client's certificate

    def new_request(self) -> IngressRequest:
        return IngressRequest(
            self,
            self.ingress,
            self.inside,
            self.address,
            self.certificate,
            is_secure=self.is_secure,
        )

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        context = transport.get_extra_info("sslcontext")
        self.is_secure = context is not None
        if isinstance(context, AskingContext):
            self.certificate = forwarded(context.chain)
        self.address = transport.get_extra_info("peername")[0]
        super().connection_made(transport)

    def may_start(self, request: IngressRequest) -> bool:
        """A refusal waits for the whole body; a web socket is started by `upgrade`."""
        if request.refusal:
            return request.is_read
        return not request.is_web_socket

    def upgrade(self, rest: bytes) -> None:
        super().upgrade(rest)
        request = self.queue[-1] if self.queue else None
        if request is None or not request.is_web_socket or request.refusal:
            return
        if len(self.queue) > 1:
            # Those before it are still to be answered here: it is, too, as a plain request.
            request.is_web_socket = False
            return
        request.is_sent = True
        self.queue.clear()
        if self.timer:
            self.timer.cancel()
        open_web_socket(request, self.transport, rest)
