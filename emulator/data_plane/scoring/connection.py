"""A client's connection to the gateway."""

from __future__ import annotations

from emulator.data_plane.connection import ClientConnection
from emulator.data_plane.scoring import answers
from emulator.data_plane.scoring.request import Gateway, Request


class Connection(ClientConnection[Request]):
    """A request is handed on when all of it is there: it may be sent to mirrors, too."""

    bad_request = answers.BAD_REQUEST
    head_too_large = answers.HEAD_TOO_LARGE
    our_fault = answers.OUR_FAULT

    def __init__(self, gateway: Gateway, host: str) -> None:
        super().__init__(host)
        self.gateway = gateway

    def new_request(self) -> Request:
        return Request(self)
