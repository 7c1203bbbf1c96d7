"""Bytes from one connection to another."""

from __future__ import annotations

import asyncio
from typing import cast


class Pipe(asyncio.Protocol):
    """What arrives on one connection is written to the other, no faster than it takes it."""

    def __init__(self, other: asyncio.Transport) -> None:
        self.other = other
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self.other.write(data)

    def eof_received(self) -> bool:
        # Not passed on as a half-closed connection: under load, uvloop 0.23 frees memory twice when
        # write_eof is followed by close. Closing sends what is buffered first.
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self.other.close()

    # Backpressure: this connection cannot take more, so stop reading the other.
    def pause_writing(self) -> None:
        if not self.other.is_closing():
            self.other.pause_reading()

    def resume_writing(self) -> None:
        if not self.other.is_closing():
            self.other.resume_reading()


class Late(asyncio.Protocol):
    """Keeps what arrives between the TLS handshake and the application taking over."""

    def __init__(self) -> None:
        self.early = bytearray()
        self.lost = False

    def data_received(self, data: bytes) -> None:
        self.early += data

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = True

    def attach(self, transport: asyncio.Transport, protocol: asyncio.Protocol) -> None:
        if self.lost:
            return
        transport.set_protocol(protocol)
        protocol.connection_made(transport)
        if self.early:
            protocol.data_received(bytes(self.early))
