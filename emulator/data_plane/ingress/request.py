"""One request: from the client's connection to a replica, and the answer back.

Request headers that the ingress adds: https://learn.microsoft.com/azure/container-apps/ingress-overview
"""

from __future__ import annotations

import asyncio
import uuid
from random import Random
from typing import Protocol

from emulator.data_plane.ingress import answers
from emulator.data_plane.ingress.answers import Refusal
from emulator.data_plane.ingress.upstream import Fields, Pool, Upstream
from emulator.data_plane.routes import AppRoute, IngressTable, RevisionRoute, is_plain

# Azure's limit for a request, which cannot be raised without premium ingress.
REQUEST_TIMEOUT = 240.0  # seconds
# A larger body goes on a connection of its own.
LARGE = 64 * 1024  # bytes
# Sent again when a connection that was kept alive turns out to be closed (RFC 9110, 9.2.2).
_REPEATABLE = (b"GET", b"HEAD", b"OPTIONS")

# What concerns one connection only (RFC 9110, 7.6.1) or is written anew for the next one.
_HOP = {
    b"connection",
    b"expect",
    b"keep-alive",
    b"proxy-authenticate",
    b"proxy-authorization",
    b"proxy-connection",
    b"te",
    b"trailer",
    b"transfer-encoding",
    b"upgrade",
}
_REPLACED = _HOP | {b"x-forwarded-for", b"x-forwarded-host", b"x-forwarded-proto", b"x-request-id"}


class Ingress:
    """What all connections share."""

    def __init__(self, table: IngressTable, random: Random | None = None) -> None:
        self.table = table
        self.random = random or Random()
        self.pool = Pool()


class Client(Protocol):
    """The connection that a request came on."""

    ingress: Ingress
    host: str
    inside: str
    is_secure: bool
    is_full: bool

    def write(self, data: bytes) -> None: ...
    def answered(self, request: Request, data: bytes) -> None: ...
    def break_off(self) -> None: ...
    def hold(self, *, is_held: bool) -> None: ...


class Request:
    """One request of a client, and the receiver of its answer."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.target = b""
        self.method = b""
        self.headers: Fields = []
        self.fields: dict[bytes, bytes] = {}
        self.body: list[bytes] = []  # read before the replica's connection was there
        self.is_read = False  # to its end
        self.keep_alive = True
        self.http_1_0 = False
        self.may_upgrade = False
        self.is_web_socket = False
        self.is_sent = False
        self.refusal: Refusal | None = None
        self.host = ""
        self.revision: RevisionRoute | None = None
        self.port = 0
        self.upstream: Upstream | None = None
        self.timer: asyncio.TimerHandle | None = None
        self.sends_chunks = False
        self.was_repeated = False
        self.answer_chunks = False
        self.is_answering = False
        self.pending = b""  # the answer's head, until its first part
        self.is_done = False

    # What the head decides

    def head_read(self, version: str, method: bytes) -> None:
        self.method = method
        self.fields = dict(self.headers)
        self.is_web_socket = (
            self.may_upgrade and self.fields.get(b"upgrade", b"").lower() == b"websocket"
        )
        self.http_1_0 = version == "1.0"
        tokens = self.fields.get(b"connection", b"").lower()
        self.keep_alive = not self.http_1_0 and b"close" not in tokens and b"upgrade" not in tokens
        if self.target[:7].lower() == b"http://":  # as a client asks a proxy
            _, slash, path = self.target[7:].partition(b"/")
            self.target = slash + path or b"/"
            self.keep_alive = False  # the next one may be for a host that is not ours
        if not self.target.startswith(b"/") and self.target != b"*":
            self.keep_alive, self.refusal = False, answers.BAD_REQUEST
            return
        named = self.fields.get(b"host", b"").decode("latin-1").partition(":")[0].lower()
        self.host = named or self.client.host
        route = self.client.ingress.table.find(self.host, self.client.inside)
        # The plain name of an app has no certificate, so that there is no https to send it to.
        needs_tls = not (self.client.is_secure or is_plain(self.host))
        if route is None:
            self.refusal = answers.NO_APP
        elif needs_tls and not route.allow_insecure:
            self.refusal = answers.redirect(self.host, self.target)
        else:
            self.revision = choose(route, self.client.ingress.random)
            self.refusal = None if self.revision else answers.NO_REPLICA
        self.sends_chunks = b"transfer-encoding" in self.fields

    # Towards the replica

    def start(self) -> None:
        """Its turn has come."""
        self.is_sent = True
        if self.refusal or self.revision is None:
            return self.refuse(self.refusal or answers.OUR_FAULT)
        revision = self.revision
        revision.begun += 1
        revision.under_way += 1
        self.timer = asyncio.get_running_loop().call_later(REQUEST_TIMEOUT, self.timed_out)
        return self.find_port()

    def find_port(self) -> None:
        """Take a replica, or wait for one to start."""
        revision = self.revision
        if revision is None or self.is_done:
            return
        if revision.ports:
            self.port = least_busy(revision)
            revision.busy[self.port] += 1
            self.connect(fresh=self.sends_chunks or self.is_large())
        elif revision.may_come:
            revision.waiting.append(self.find_port)
            revision.wake()
        else:
            self.refuse(answers.NO_REPLICA)

    def is_large(self) -> bool:
        length = self.fields.get(b"content-length", b"0")
        return not length.isdigit() or int(length) > LARGE

    def connect(self, *, fresh: bool) -> None:
        pool = self.client.ingress.pool
        upstream = None if fresh else pool.take(self.port)
        if upstream:
            self.connected(upstream)
        else:
            pool.connect(self.port, self.connected)

    def connected(self, upstream: Upstream | Refusal) -> None:
        if isinstance(upstream, Refusal):
            return self.refuse(upstream)
        if self.is_done:
            return upstream.abandon()
        self.upstream = upstream
        upstream.begin(self, is_head=self.method == b"HEAD")
        waiting, self.body = self.body, []
        upstream.send(self.message_head() + b"".join(map(self.framed, waiting)))
        self.client.hold(is_held=False)
        if self.is_read:
            self.read()
        return None

    def body_read(self, data: bytes) -> None:
        """A part of the body came."""
        if self.refusal or self.is_done:
            return
        if self.upstream:
            self.upstream.send(self.framed(data))
        else:
            self.body.append(data)
            self.client.hold(is_held=True)  # until there is a replica to give it to

    def read(self) -> None:
        """The body came to its end."""
        self.is_read = True
        if self.upstream and not self.is_done:
            if self.sends_chunks:
                self.upstream.send(b"0\r\n\r\n")
            self.upstream.sent()

    def framed(self, data: bytes) -> bytes:
        return b"%x\r\n%b\r\n" % (len(data), data) if self.sends_chunks else data

    def message_head(self) -> bytes:
        lines = [b"%b %b HTTP/1.1\r\n" % (self.method, self.target)]
        lines += [b"%b: %b\r\n" % field for field in self.headers if field[0] not in _REPLACED]
        lines += self.forwarding()
        if self.sends_chunks:
            lines.append(b"transfer-encoding: chunked\r\n")
        lines.append(b"\r\n")
        return b"".join(lines)

    def forwarding(self) -> list[bytes]:
        before = self.fields.get(b"x-forwarded-for")
        return [
            b"x-forwarded-for: %b127.0.0.1\r\n" % (before + b"," if before else b""),
            b"x-forwarded-proto: %b\r\n" % (b"https" if self.client.is_secure else b"http"),
            b"x-forwarded-host: %b\r\n" % self.fields.get(b"host", self.host.encode()),
            b"x-request-id: %b\r\n" % str(uuid.uuid4()).encode(),
        ]

    # Back to the client: the Receiver of upstream.py

    def head(self, status: int, fields: Fields, length: int | None) -> None:
        self.is_answering = True
        lines = [answers.status_line(status)]
        lines += [b"%b: %b\r\n" % field for field in fields if field[0] not in _HOP]
        if length is None:
            # HTTP/1.0 knows no chunks: the end of the connection is the end of the body.
            self.answer_chunks = not self.http_1_0
            self.keep_alive = self.keep_alive and self.answer_chunks
            if self.answer_chunks:
                lines.append(b"transfer-encoding: chunked\r\n")
        if not self.keep_alive:
            lines.append(b"connection: close\r\n")
        lines.append(b"\r\n")
        self.pending = b"".join(lines)
        asyncio.get_running_loop().call_soon(self.flush)

    def flush(self) -> None:
        """Write the head if no body came along with it: an event stream may have none for long."""
        if self.pending and not self.is_done:
            self.client.write(self.pending)
            self.pending = b""

    def more(self, data: bytes) -> None:
        part = b"%x\r\n%b\r\n" % (len(data), data) if self.answer_chunks else data
        self.client.write(self.pending + part)
        self.pending = b""
        if self.client.is_full and self.upstream:
            self.upstream.pause()

    def end(self) -> None:
        self.upstream = None
        last, self.pending = self.pending, b""
        self.finish(last + (b"0\r\n\r\n" if self.answer_chunks else b""))

    def failed(self, refusal: Refusal, *, unanswered: bool) -> None:
        upstream, self.upstream = self.upstream, None
        if self.is_answering:
            # The status has gone out already: only a broken connection says that it is not so.
            self.release()
            return self.client.break_off()
        if self.may_repeat(upstream, unanswered=unanswered):
            self.was_repeated = True
            return self.connect(fresh=True)
        return self.refuse(refusal)

    def may_repeat(self, upstream: Upstream | None, *, unanswered: bool) -> bool:
        """Whether it was lost with a connection that was kept alive, and has no body."""
        return (
            unanswered
            and not self.was_repeated
            and upstream is not None
            and upstream.was_used
            and self.is_read
            and self.method in _REPEATABLE
            and self.fields.get(b"content-length", b"0") == b"0"
            and not self.sends_chunks
        )

    def pause_sending(self) -> None:
        self.client.hold(is_held=True)

    def resume_sending(self) -> None:
        self.client.hold(is_held=False)

    def timed_out(self) -> None:
        if self.is_answering:
            self.cancel()
            self.client.break_off()
        else:
            self.refuse(answers.TIMED_OUT)

    def refuse(self, refusal: Refusal) -> None:
        if self.is_done:
            return
        if not self.is_read:
            self.keep_alive = False  # the rest of the body is not read any more
        body = b"" if self.method == b"HEAD" else refusal.body
        lines = [answers.status_line(refusal.status)]
        lines += [b"%b: %b\r\n" % field for field in refusal.headers]
        lines.append(
            b"content-type: %b\r\ncontent-length: %d\r\ndate: %b\r\n%b\r\n"
            % (
                refusal.media_type,
                len(refusal.body),
                answers.date(),
                b"" if self.keep_alive else b"connection: close\r\n",
            )
        )
        self.finish(b"".join(lines) + body)

    def finish(self, data: bytes) -> None:
        self.release()
        if not self.is_read:
            self.keep_alive = False
        self.client.answered(self, data)

    def cancel(self) -> None:
        """The client has gone."""
        self.release()

    def pause(self) -> None:
        """The client takes no more of the answer at the moment."""
        if self.upstream:
            self.upstream.pause()

    def resume(self) -> None:
        if self.upstream:
            self.upstream.resume()

    def release(self) -> None:
        if self.is_done:
            return
        self.is_done = True
        if self.timer:
            self.timer.cancel()
        if self.upstream:
            upstream, self.upstream = self.upstream, None
            upstream.abandon()
        if self.revision and self.is_sent and not self.refusal:
            self.revision.under_way -= 1
            if self.port:
                self.revision.busy[self.port] -= 1


def choose(route: AppRoute, random: Random) -> RevisionRoute | None:
    """A revision by its weight. None when no weight is above 0."""
    if len(route.shares) == 1:
        return route.shares[0][0]
    total = sum(weight for _, weight in route.shares)
    if total == 0:
        return None
    point = random.random() * total
    for revision, weight in route.shares:
        if point < weight:
            return revision
        point -= weight
    raise AssertionError("a point below the total lies in one of the shares")


def least_busy(revision: RevisionRoute) -> int:
    """The port with the fewest requests; the first of equals goes last the next time."""
    ports = revision.ports
    if len(ports) == 1:
        return ports[0]
    start = revision.begun % len(ports)
    return min(ports[start:] + ports[:start], key=revision.busy.__getitem__)
