"""One request of a client: through the router to a deployment, and the answer back to the client.

What becomes of x-request-id and x-ms-client-request-id:
https://learn.microsoft.com/azure/machine-learning/how-to-troubleshoot-online-endpoints
"""

from __future__ import annotations

import re
import time
import uuid
from random import Random
from typing import Protocol

from emulator.data_plane.routes import DeploymentRoute, RoutingTable
from emulator.data_plane.scoring import answers, router
from emulator.data_plane.scoring.admission import Call, Lane
from emulator.data_plane.scoring.answers import Refusal
from emulator.data_plane.scoring.forward import Answer, Exchange

# Azure's pages name no limit for a request any more; this one keeps a mistake from filling memory.
LARGEST_BODY = 32 * 1024 * 1024  # bytes

# What concerns one connection only (RFC 9110, 7.6.1) or is written anew for the next one.
_HOP = {
    b"connection",
    b"content-length",
    b"expect",
    b"keep-alive",
    b"proxy-authorization",
    b"proxy-connection",
    b"te",
    b"trailer",
    b"transfer-encoding",
    b"upgrade",
}
# The key or token is for the gateway; the scoring script has no business with it.
_NOT_FORWARDED = _HOP | {b"authorization", b"x-request-id", b"x-ms-client-request-id"}
_NOT_RETURNED = _HOP | {
    b"azureml-model-deployment",
    b"date",
    b"server",
    b"x-request-id",
    b"x-ms-client-request-id",
    answers.MODEL_REASON,
    answers.MODEL_STATUS,
}
_UNSAFE = re.compile(rb"[^A-Za-z0-9_-]")


class Gateway:
    """What all connections share: the routing table, and what is under way.

    `verify_token(token, audience)` answers a token's claims, or raises when it is not valid now.
    """

    def __init__(
        self,
        table: RoutingTable,
        verify_token: router.VerifyToken,
        random: Random | None = None,
    ) -> None:
        self.table = table
        self.verify_token = verify_token
        self.random = random or Random()
        self.lanes: dict[tuple[str, str], Lane] = {}
        self.rates: dict[str, router.Rate] = {}

    def lane(self, host: str, name: str) -> Lane:
        key = (host, name)
        if key not in self.lanes:
            self.lanes[key] = Lane(self.table, host, name)
        return self.lanes[key]


class Client(Protocol):
    """The connection that a request came on."""

    gateway: Gateway
    host: str

    def write(self, data: bytes) -> None: ...
    def answered(self, request: Request, data: bytes) -> None: ...
    def break_off(self) -> None: ...


class Request:
    """One request of a client, and the receiver of its answer."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.target = b""
        self.method = b""
        self.headers: list[tuple[bytes, bytes]] = []
        self.fields: dict[bytes, bytes] = {}
        self.body: list[bytes] = []
        self.size = 0
        self.keep_alive = True
        self.is_read = False
        self.http_1_0 = False
        self.is_sent = False
        self.refusal: Refusal | None = None
        self.host = ""
        self.deployment: DeploymentRoute | None = None
        self.id = b""
        self.client_id = b""
        self.call: Call | None = None
        self.source: Exchange | None = None
        self.chunked = False

    # Towards the deployment

    def head_read(self, version: str, method: bytes) -> None:
        """Everything that the head alone decides: may it pass, and to which deployment."""
        self.method = method
        self.fields = dict(self.headers)
        self.http_1_0 = version == "1.0"
        tokens = self.fields.get(b"connection", b"").lower()
        self.keep_alive = not self.http_1_0 and b"close" not in tokens and b"upgrade" not in tokens
        self.id = str(uuid.uuid4()).encode()
        self.client_id = _UNSAFE.sub(b"", self.fields.get(b"x-ms-client-request-id", b""))[:40]
        self.refusal = self.route(version)

    def route(self, version: str) -> Refusal | None:
        gateway = self.client.gateway
        if version not in ("1.1", "1.0") or not self.target.startswith(b"/"):
            self.keep_alive = False
            plain = self.target.lower().startswith(b"http:")
            return answers.NEEDS_TLS if plain else answers.BAD_REQUEST
        named = self.fields.get(b"host", b"").decode("latin-1").partition(":")[0].lower()
        self.host = named or self.client.host
        endpoint = gateway.table.find(self.host)
        if endpoint is None:
            return answers.no_endpoint(self.host)
        refusal = router.authenticate(
            endpoint, self.fields.get(b"authorization"), gateway.verify_token
        )
        if refusal:
            return refusal
        if int(self.fields.get(b"content-length", b"0")) > LARGEST_BODY:
            return answers.BODY_TOO_LARGE
        rate = gateway.rates.setdefault(self.host, router.Rate())
        if not rate.take(endpoint.requests_per_second, time.monotonic()):
            return answers.RATE_LIMITED
        chosen = router.choose(
            endpoint, self.fields.get(b"azureml-model-deployment"), gateway.random
        )
        if isinstance(chosen, Refusal):
            return chosen
        self.deployment = chosen
        return None

    def body_read(self, data: bytes) -> None:
        if self.refusal:
            return
        self.size += len(data)
        if self.size > LARGEST_BODY:
            self.refusal = answers.BODY_TOO_LARGE
            self.body.clear()
        else:
            self.body.append(data)

    def read(self) -> None:
        self.is_read = True

    def start(self) -> None:
        """Hand the request on, or answer it with a refusal. Called when it is its turn."""
        self.is_sent = True
        if self.refusal or self.deployment is None:
            return self.refuse(self.refusal or answers.OUR_FAULT)
        gateway = self.client.gateway
        message = self.message()
        is_head = self.method == b"HEAD"
        self.call = Call(message, is_head=is_head, receiver=self)
        refusal = gateway.lane(self.host, self.deployment.name).admit(self.call)
        if refusal:
            return self.refuse(refusal)
        endpoint = gateway.table.find(self.host)
        if endpoint and endpoint.mirror_traffic and b"azureml-model-deployment" not in self.fields:
            for mirror in router.mirrors(endpoint, gateway.random):
                copy = Call(message, is_head=is_head, receiver=_Dropped(), copy=True)
                gateway.lane(self.host, mirror.name).admit(copy)
        return None

    def message(self) -> bytes:
        """The request as the instance gets it, on a connection of its own."""
        nominated = self.fields.get(b"connection", b"").lower().replace(b" ", b"").split(b",")
        lines = [b"%b %b HTTP/1.1\r\n" % (self.method, self.target)]
        for name, value in self.headers:
            if name not in _NOT_FORWARDED and name not in nominated:
                lines.append(b"%b: %b\r\n" % (name, value))
        if b"host" not in self.fields:
            lines.append(b"host: %b\r\n" % self.host.encode())
        lines.append(b"x-request-id: %b\r\n" % self.id)
        if self.client_id:
            lines.append(b"x-ms-client-request-id: %b\r\n" % self.client_id)
        if self.size or self.method not in (b"GET", b"HEAD", b"OPTIONS"):
            lines.append(b"content-length: %d\r\n" % self.size)
        lines.append(b"connection: close\r\n\r\n")
        return b"".join(lines + self.body)

    def cancel(self) -> None:
        """The client has gone."""
        if self.call:
            self.call.stop()

    def pause(self) -> None:
        """The client takes no more of the answer at the moment."""
        if self.source:
            self.source.pause()

    def resume(self) -> None:
        if self.source:
            self.source.resume()

    # Back to the client: the Receiver of forward.py

    def whole(self, answer: Answer, body: bytes) -> None:
        self.finish(self.render(answer, answer.length or 0), body)

    def begin(self, answer: Answer, source: Exchange) -> None:
        self.source = source
        if answer.length is None:
            # HTTP/1.0 knows no chunks: the end of the connection is the end of the body.
            self.chunked = not self.http_1_0
            self.keep_alive = self.keep_alive and self.chunked
        self.client.write(self.render(answer, answer.length))

    def more(self, data: bytes) -> None:
        self.client.write(b"%x\r\n%b\r\n" % (len(data), data) if self.chunked else data)

    def end(self) -> None:
        self.finish(b"0\r\n\r\n" if self.chunked else b"", b"")

    def failed(self, refusal: Refusal) -> None:
        if self.source:
            # The status has gone out already: only a broken connection can say that it is not so.
            return self.client.break_off()
        return self.refuse(refusal)

    def refuse(self, refusal: Refusal) -> None:
        body = b"" if self.method == b"HEAD" else refusal.body
        fields = [(b"content-type", b"text/plain; charset=utf-8"), *refusal.headers]
        self.finish(self.head(refusal.status, fields, len(refusal.body)), body)

    def finish(self, head: bytes, body: bytes) -> None:
        self.call = None
        self.client.answered(self, head + body)

    def render(self, answer: Answer, length: int | None) -> bytes:
        """What the instance answered, as Azure passes it on: anything but 200 becomes 424."""
        fields = [field for field in answer.headers if field[0] not in _NOT_RETURNED]
        status = answer.status
        if status != 200:
            fields.append((answers.MODEL_STATUS, b"%d" % status))
            fields.append((answers.MODEL_REASON, b"model_error"))
            status = 424
        return self.head(status, fields, length)

    def head(self, status: int, fields: list[tuple[bytes, bytes]], length: int | None) -> bytes:
        fields.append((b"x-request-id", self.id or str(uuid.uuid4()).encode()))
        if self.client_id:
            fields.append((b"x-ms-client-request-id", self.client_id))
        if self.deployment:
            fields.append((b"azureml-model-deployment", self.deployment.name.encode()))
        if length is not None:
            fields.append((b"content-length", b"%d" % length))
        elif self.chunked:
            fields.append((b"transfer-encoding", b"chunked"))
        if not self.keep_alive:
            fields.append((b"connection", b"close"))
        return answers.head(status, fields)


class _Dropped:
    """Receives the answer to mirror traffic, which nobody sees."""

    def whole(self, answer: Answer, body: bytes) -> None: ...
    def begin(self, answer: Answer, source: Exchange) -> None: ...
    def more(self, data: bytes) -> None: ...
    def end(self) -> None: ...
    def failed(self, refusal: Refusal) -> None: ...
