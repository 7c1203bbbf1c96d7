"""A client's connection to the gateway."""

from __future__ import annotations

import asyncio

from emulator.data_plane.client_connection import ClientConnection
from emulator.data_plane.scoring.gateway import Gateway
from emulator.data_plane.scoring.refusals import PROTOCOL
from emulator.data_plane.scoring.request import ScoringRequest


class ScoringConnection(ClientConnection[ScoringRequest]):
    """A request is handed on when all of it is there: it may be sent to mirrors, too."""

    words = PROTOCOL

    def __init__(self, gateway: Gateway, host: str) -> None:
        super().__init__(host)
        self.gateway = gateway
        self.endpoint_id = ""  # that it is counted for

    def new_request(self) -> ScoringRequest:
        return ScoringRequest(self, self.gateway)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        if endpoint := self.gateway.table.find(self.host):
            self.endpoint_id = endpoint.endpoint_id
            self.gateway.counts.connected(self.endpoint_id)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        if self.endpoint_id:
            self.gateway.counts.disconnected(self.endpoint_id)
