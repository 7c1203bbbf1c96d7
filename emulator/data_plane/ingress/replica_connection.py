"""A connection to a replica, kept alive from one request to the next."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from emulator.data_plane.backend_connection import AnswerReceiver, BackendConnection
from emulator.data_plane.ingress.refusals import PROTOCOL


class Sender(AnswerReceiver, Protocol):
    """Who sends a request, part by part, and gets its answer."""

    def pause_sending(self) -> None: ...
    def resume_sending(self) -> None: ...


class ReplicaConnection(BackendConnection):
    """One request at a time. `on_idle` is called when it can take the next, `on_lost` when it is
    gone."""

    words = PROTOCOL

    def __init__(
        self,
        port: int,
        on_idle: Callable[[ReplicaConnection], None],
        on_lost: Callable[[ReplicaConnection], None],
    ) -> None:
        super().__init__(port)
        self.on_idle = on_idle
        self.on_lost = on_lost
        self.sender: Sender | None = None
        self.is_sent = False  # the request, whole
        self.was_used = False  # for a request before this one
        self.idle_since = 0.0

    def begin(self, sender: Sender, *, is_head: bool) -> None:
        """The next request on this connection is this sender's."""
        self.expect(sender, is_head=is_head)
        self.sender = sender
        self.is_sent = False

    def send(self, data: bytes) -> None:
        if self.transport:
            self.transport.write(data)

    def sent(self) -> None:
        """The request is complete."""
        self.is_sent = True

    def abandon(self) -> None:
        self.sender = None
        super().abandon()

    def complete(self) -> None:
        receiver, self.receiver, self.sender = self.receiver, None, None
        self.was_used = True
        if self.is_reusable and self.is_sent and self.transport and not self.transport.is_closing():
            self.on_idle(self)
        elif self.transport:
            self.transport.close()
        if receiver:
            receiver.end()

    def connection_lost(self, exc: Exception | None) -> None:
        self.on_lost(self)
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        if self.sender:
            self.sender.pause_sending()

    def resume_writing(self) -> None:
        if self.sender:
            self.sender.resume_sending()
