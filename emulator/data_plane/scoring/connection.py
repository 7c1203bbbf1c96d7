"""A client's connection to the gateway."""

from __future__ import annotations

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

    def new_request(self) -> ScoringRequest:
        return ScoringRequest(self, self.gateway)
