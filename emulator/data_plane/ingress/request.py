"""One request: from the client's connection to a replica, and the answer back, as they come.

Request headers that the ingress adds: https://learn.microsoft.com/azure/container-apps/ingress-overview
"""

from __future__ import annotations

import asyncio
import uuid

from emulator.data_plane import http
from emulator.data_plane.backend import Backend, least_busy
from emulator.data_plane.client_request import Client, ClientRequest
from emulator.data_plane.http import Fields
from emulator.data_plane.ingress import affinity, cors, refusals
from emulator.data_plane.ingress.ingress import Ingress
from emulator.data_plane.ingress.replica_connection import ReplicaConnection
from emulator.data_plane.refusal import Refusal
from emulator.data_plane.routes.apps import RevisionRoute, is_plain
from emulator.data_plane.traffic import drawn

# Azure's limit for a request, which cannot be raised without premium ingress.
REQUEST_TIMEOUT = 240.0  # seconds
# A larger body goes on a connection of its own.
LARGE = 64 * 1024  # bytes
# Sent again when a connection that was kept alive turns out to be closed (RFC 9110, 9.2.2).
_REPEATABLE = (b"GET", b"HEAD", b"OPTIONS")

CLIENT_CERTIFICATE = b"x-forwarded-client-cert"
FORWARDING = {
    b"x-forwarded-for",
    b"x-forwarded-host",
    b"x-forwarded-proto",
    b"x-request-id",
    CLIENT_CERTIFICATE,
}
_REPLACED = http.HOP_BY_HOP | FORWARDING


class IngressRequest(ClientRequest):
    """It is handed on part by part. `inside` is the domain of the environment that the client is
    in, "" when it is in none, `address` the client's IP address, `certificate` the header for the
    app that tells of the client's certificate, b"" when it has shown none."""

    words = refusals.PROTOCOL

    def __init__(
        self,
        client: Client,
        ingress: Ingress,
        inside: str,
        address: str,
        certificate: bytes = b"",
        *,
        is_secure: bool,
    ) -> None:
        super().__init__(client)
        self.ingress = ingress
        self.inside = inside
        self.address = address
        self.certificate = certificate
        self.is_secure = is_secure
        self.is_web_socket = False
        self.body: list[bytes] = []  # read before the replica's connection was there
        self.revision: RevisionRoute | None = None
        self.backend: Backend | None = None
        self.replica: ReplicaConnection | None = None
        self.timer: asyncio.TimerHandle | None = None
        self.was_sent_on = False  # to another revision
        self.was_repeated = False
        self.is_sticky = False
        self.cors: Fields = []  # headers of the answer, whoever gives it
        self.cookie = b""  # that the client is to have from the answer on
        self.app_id = ""  # that it is counted for

    # What the head decides

    def decide(self) -> Refusal | None:
        """Whether there is an app, and whether it may be called so."""
        if self.target[:7].lower() == b"http://":  # as a client asks a proxy
            _, slash, path = self.target[7:].partition(b"/")
            self.target = slash + path or b"/"
            self.keep_alive = False  # the next one may be for a host that is not ours
        if not self.target.startswith(b"/") and self.target != b"*":
            self.keep_alive = False
            return self.words.bad_request
        route = self.ingress.table.find(self.host, self.inside)
        if route is None:
            return refusals.NO_APP
        self.app_id = route.app_id
        # The plain name of an app has no certificate, so that there is no https to send it to.
        if not (self.is_secure or is_plain(self.host) or route.allow_insecure):
            return refusals.redirect(self.host, self.target)
        if route.addresses and not route.addresses.admits(self.address):
            return refusals.ADDRESS_DENIED
        self.is_sticky = route.is_sticky
        if route.cors:
            self.cors = cors.answer_fields(route.cors, self.fields)
            if self.cors and cors.is_preflight(self.method, self.fields):
                return cors.preflight(route.cors)
        upgrade = self.fields.get(b"upgrade", b"").lower()
        self.is_web_socket = self.may_upgrade and upgrade == b"websocket"
        return None

    def choose(self) -> RevisionRoute | Refusal:
        """The revision that answers, drawn when the request's turn has come."""
        route = self.ingress.table.find(self.host, self.inside)
        if route is None:
            return refusals.NO_APP
        return drawn(route.shares, self.ingress.random) or refusals.NO_REPLICA

    # Towards the replica

    def hand_on(self) -> None:
        chosen = self.choose()
        if isinstance(chosen, Refusal):
            return self.refuse(chosen)
        self.timer = asyncio.get_running_loop().call_later(REQUEST_TIMEOUT, self.timed_out)
        return self.wait_at(chosen)

    def wait_at(self, revision: RevisionRoute) -> None:
        self.revision = revision
        revision.begun += 1
        revision.under_way += 1
        self.find_replica()

    def find_replica(self) -> None:
        """Take a replica, or wait for one to start."""
        revision = self.revision
        if revision is None or self.is_done:
            return
        if revision.backends:
            self.backend = self.pick(revision)
            self.backend.under_way += 1
            self.connect(self.backend, fresh=self.is_chunked or self.is_large())
        elif revision.may_come:
            revision.waiting.append(self.find_replica)
            revision.wake()
        else:
            self.leave(revision)

    def pick(self, revision: RevisionRoute) -> Backend:
        """One of the revision's replicas, of which there is one at least: the client's own where
        clients have one."""
        session = affinity.session_of(self.headers) if self.is_sticky else ""
        if own := affinity.of_session(revision.backends, session):
            return own
        backend = least_busy(revision.backends, revision.begun)
        if self.is_sticky:
            self.cookie = affinity.cookie(backend.session, is_secure=self.is_secure)
        return backend

    def leave(self, revision: RevisionRoute) -> None:
        """It went while the request waited: who has its traffic now gets the request, once."""
        chosen = self.choose()
        if self.was_sent_on or chosen is revision or isinstance(chosen, Refusal):
            return self.refuse(refusals.NO_REPLICA)
        self.was_sent_on = True
        revision.under_way -= 1
        return self.wait_at(chosen)

    def is_large(self) -> bool:
        return int(self.fields.get(b"content-length", b"0")) > LARGE

    def connect(self, backend: Backend, *, fresh: bool) -> None:
        pool = self.ingress.pool
        replica = None if fresh else pool.take(backend.port)
        if replica:
            self.connected(replica)
        else:
            pool.connect(backend.port, self.connected)

    def connected(self, replica: ReplicaConnection | Refusal) -> None:
        if isinstance(replica, Refusal):
            return self.refuse(replica)
        if self.is_done:
            return replica.abandon()
        self.replica = replica
        replica.begin(self, is_head=self.method == b"HEAD")
        waiting, self.body = self.body, []
        replica.send(self.message_head() + b"".join(map(self.framed, waiting)))
        self.client.hold(is_held=False)
        if self.is_read:
            self.read()
        return None

    def body_read(self, data: bytes) -> None:
        """A part of the body came."""
        if self.refusal or self.is_done:
            return
        if self.replica:
            self.replica.send(self.framed(data))
        else:
            self.body.append(data)
            self.client.hold(is_held=True)  # until there is a replica to give it to

    def read(self) -> None:
        super().read()
        if self.replica and not self.is_done:
            if self.is_chunked:
                self.replica.send(http.LAST_CHUNK)
            self.replica.sent()

    def framed(self, data: bytes) -> bytes:
        return http.chunk(data) if self.is_chunked else data

    def message_head(self) -> bytes:
        fields = [field for field in self.headers if field[0] not in _REPLACED]
        fields += self.forwarding()
        if self.is_chunked:
            fields.append((b"transfer-encoding", b"chunked"))
        return http.request_head(self.method, self.target, fields)

    def forwarding(self) -> Fields:
        """Where the request comes from."""
        before = self.fields.get(b"x-forwarded-for")
        told = [(CLIENT_CERTIFICATE, self.certificate)] if self.certificate else []
        return [
            *told,
            (b"x-forwarded-for", (before + b"," if before else b"") + self.address.encode()),
            (b"x-forwarded-proto", b"https" if self.is_secure else b"http"),
            (b"x-forwarded-host", self.fields.get(b"host", self.host.encode())),
            (b"x-request-id", str(uuid.uuid4()).encode()),
        ]

    # Back to the client

    def answer_fields(self, status: int, fields: Fields, length: int | None) -> tuple[int, Fields]:
        passed = [field for field in fields if field[0] not in http.HOP_BY_HOP]
        if self.cors:
            ours = {name for name, _ in self.cors}
            passed = [field for field in passed if field[0] not in ours] + self.cors
        if self.cookie:
            passed.append((b"set-cookie", self.cookie))
        return status, passed

    def refusal_fields(self, refusal: Refusal) -> Fields:
        return [*super().refusal_fields(refusal), *self.cors, (b"date", http.date())]

    def failed(self, refusal: Refusal, *, unanswered: bool) -> None:
        replica, self.replica = self.replica, None
        if self.backend and replica and unanswered and self.may_repeat(replica):
            self.was_repeated = True
            return self.connect(self.backend, fresh=True)
        return super().failed(refusal, unanswered=unanswered)

    def may_repeat(self, replica: ReplicaConnection) -> bool:
        """Whether it was lost with a connection that was kept alive, and has no body."""
        return (
            not self.was_repeated
            and replica.was_used
            and self.is_read
            and self.method in _REPEATABLE
            and int(self.fields.get(b"content-length", b"0")) == 0
            and not self.is_chunked
        )

    def end(self) -> None:
        self.replica = None  # it is kept for the next request
        super().end()

    def pause_sending(self) -> None:
        self.client.hold(is_held=True)

    def resume_sending(self) -> None:
        self.client.hold(is_held=False)

    def count(self, seconds: float) -> None:
        if self.app_id:
            labels = self.labels(self.revision, self.backend, self.status)
            self.ingress.counts.answered(self.app_id, labels, seconds, self.sent)

    @staticmethod
    def labels(
        revision: RevisionRoute | None, backend: Backend | None, status: int
    ) -> tuple[str, str, str]:
        """Who answered, as it is counted."""
        return revision.name if revision else "", backend.name if backend else "", str(status)

    def timed_out(self) -> None:
        super().failed(refusals.TIMED_OUT, unanswered=False)

    def pause(self) -> None:
        if self.replica:
            self.replica.pause()

    def resume(self) -> None:
        if self.replica:
            self.replica.resume()

    def release(self) -> None:
        if self.timer:
            self.timer.cancel()
        replica, self.replica = self.replica, None
        if replica:
            replica.abandon()
        if self.revision:
            self.revision.under_way -= 1
        if self.backend:
            self.backend.under_way -= 1
