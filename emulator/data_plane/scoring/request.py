"""One request of a client: through the router to a deployment, and the answer back to the client.

What becomes of x-request-id and x-ms-client-request-id:
https://learn.microsoft.com/azure/machine-learning/how-to-troubleshoot-online-endpoints
"""

from __future__ import annotations

import re
import time
import uuid

from emulator.data_plane import http
from emulator.data_plane.client_request import Client, ClientRequest
from emulator.data_plane.http import Fields
from emulator.data_plane.refusal import Refusal
from emulator.data_plane.routes.endpoints import DeploymentRoute
from emulator.data_plane.scoring import refusals, router
from emulator.data_plane.scoring.admission import Call
from emulator.data_plane.scoring.gateway import Gateway
from emulator.data_plane.traffic_counts import MIRRORED

# Azure's pages name no limit for a request any more; this one keeps a mistake from filling memory.
LARGEST_BODY = 32 * 1024 * 1024  # bytes
BY_NAME = b"azureml-model-deployment"

# Written anew for the next connection.
_REPLACED = http.HOP_BY_HOP | {b"content-length", b"x-request-id", b"x-ms-client-request-id"}
# The key or token is for the gateway; the scoring script has no business with it.
_NOT_FORWARDED = _REPLACED | {b"authorization"}
_NOT_RETURNED = _REPLACED | {
    BY_NAME,
    b"date",
    b"server",
    refusals.MODEL_REASON,
    refusals.MODEL_STATUS,
}
_UNSAFE = re.compile(rb"[^A-Za-z0-9_-]")


class ScoringRequest(ClientRequest):
    """It is handed on whole, and a short answer comes back whole, or 424."""

    words = refusals.PROTOCOL
    most_held = 64 * 1024  # bytes

    def __init__(self, client: Client, gateway: Gateway) -> None:
        super().__init__(client)
        self.gateway = gateway
        self.body: list[bytes] = []
        self.size = 0
        self.deployment: DeploymentRoute | None = None
        self.id = str(uuid.uuid4()).encode()
        self.client_id = b""
        self.call: Call | None = None
        self.endpoint_id = ""  # that it is counted for
        self.model_status = ""  # of the deployment's own answer

    # Towards the deployment

    def decide(self) -> Refusal | None:
        """May it pass. Which deployment gets it is chosen when all of it is there."""
        self.client_id = _UNSAFE.sub(b"", self.fields.get(b"x-ms-client-request-id", b""))[:40]
        if not self.target.startswith(b"/"):
            self.keep_alive = False
            plain = self.target.lower().startswith(b"http:")
            return refusals.NEEDS_TLS if plain else self.words.bad_request
        gateway = self.gateway
        endpoint = gateway.table.find(self.host)
        if endpoint is None:
            return refusals.no_endpoint(self.host)
        self.endpoint_id = endpoint.endpoint_id
        refusal = router.authenticate(
            endpoint, self.fields.get(b"authorization"), gateway.verify_token
        )
        if refusal:
            return refusal
        if int(self.fields.get(b"content-length", b"0")) > LARGEST_BODY:
            return refusals.BODY_TOO_LARGE
        if not gateway.rate(self.host).take(endpoint.requests_per_second, time.monotonic()):
            return refusals.RATE_LIMITED
        return None

    def body_read(self, data: bytes) -> None:
        if self.refusal:
            return
        self.size += len(data)
        if self.size > LARGEST_BODY:
            self.refusal = refusals.BODY_TOO_LARGE
            self.body.clear()
        else:
            self.body.append(data)

    def hand_on(self) -> None:
        gateway = self.gateway
        endpoint = gateway.table.find(self.host)
        if endpoint is None:
            return self.refuse(refusals.no_endpoint(self.host))
        chosen = router.choose(endpoint, self.fields.get(BY_NAME), gateway.random)
        if isinstance(chosen, Refusal):
            return self.refuse(chosen)
        self.deployment = chosen
        message = self.message()
        is_head = self.method == b"HEAD"
        call = Call(message, is_head=is_head, receiver=self)
        refusal = gateway.lane(self.host, chosen.name).admit(call)
        if refusal:
            return self.refuse(refusal)
        self.call = call
        if endpoint.mirror_traffic and BY_NAME not in self.fields:
            for mirror in router.mirrors(endpoint, gateway.random):
                dropped = _Dropped(gateway, endpoint.endpoint_id, mirror.name)
                copy = Call(message, is_head=is_head, receiver=dropped, copy=True)
                gateway.lane(self.host, mirror.name).admit(copy)
        return None

    def message(self) -> bytes:
        """The request as the instance gets it, on a connection of its own."""
        nominated = self.fields.get(b"connection", b"").lower().replace(b" ", b"").split(b",")
        fields = [
            field
            for field in self.headers
            if field[0] not in _NOT_FORWARDED and field[0] not in nominated
        ]
        if b"host" not in self.fields:
            fields.append((b"host", self.host.encode()))
        fields.append((b"x-request-id", self.id))
        if self.client_id:
            fields.append((b"x-ms-client-request-id", self.client_id))
        if self.size or self.method not in (b"GET", b"HEAD", b"OPTIONS"):
            fields.append((b"content-length", b"%d" % self.size))
        fields.append((b"connection", b"close"))
        return http.request_head(self.method, self.target, fields) + b"".join(self.body)

    # Back to the client

    def answer_fields(self, status: int, fields: Fields, length: int | None) -> tuple[int, Fields]:
        """As Azure passes it on: anything but 200 becomes 424."""
        kept = [field for field in fields if field[0] not in _NOT_RETURNED]
        self.model_status = str(status)
        if status != 200:
            kept.append((refusals.MODEL_STATUS, b"%d" % status))
            kept.append((refusals.MODEL_REASON, b"model_error"))
            status = 424
        if length is not None:
            kept.append((b"content-length", b"%d" % length))
        return status, self._signed(kept)

    def refusal_fields(self, refusal: Refusal) -> Fields:
        self.model_status = _model_status(refusal)
        return self._signed(super().refusal_fields(refusal))

    def count(self, seconds: float) -> None:
        if self.endpoint_id:
            name = self.deployment.name if self.deployment else ""
            labels = (name, str(self.status), self.model_status)
            self.gateway.counts.answered(self.endpoint_id, labels, seconds, self.sent)

    def _signed(self, fields: Fields) -> Fields:
        """With what every answer of the gateway has."""
        signed = [(b"server", b"azureml-frontdoor"), (b"date", http.date()), *fields]
        signed.append((b"x-request-id", self.id))
        if self.client_id:
            signed.append((b"x-ms-client-request-id", self.client_id))
        if self.deployment:
            signed.append((BY_NAME, self.deployment.name.encode()))
        return signed

    def pause(self) -> None:
        if self.call and self.call.exchange:
            self.call.exchange.pause()

    def resume(self) -> None:
        if self.call and self.call.exchange:
            self.call.exchange.resume()

    def release(self) -> None:
        call, self.call = self.call, None
        if call:
            call.stop()


class _Dropped:
    """Receives the answer to mirror traffic, which is counted, and which nobody sees."""

    def __init__(self, gateway: Gateway, endpoint_id: str, deployment: str) -> None:
        self.gateway = gateway
        self.endpoint_id = endpoint_id
        self.deployment = deployment
        self.begun = time.monotonic()
        self.status = 0

    def head(self, status: int, fields: Fields, length: int | None) -> None:
        self.status = status

    def more(self, data: bytes) -> None: ...

    def end(self) -> None:
        self._count(200 if self.status == 200 else 424, str(self.status))

    def failed(self, refusal: Refusal, *, unanswered: bool) -> None:
        self._count(refusal.status, _model_status(refusal))

    def _count(self, status: int, model_status: str) -> None:
        self.gateway.counts.answered(
            self.endpoint_id,
            (self.deployment, str(status), model_status),
            time.monotonic() - self.begun,
            0,
            MIRRORED,
        )


def _model_status(refusal: Refusal) -> str:
    """The model's status that an answer of our own speaks of, "" if of none."""
    told = (value for name, value in refusal.headers if name == refusals.MODEL_STATUS)
    return next(told, b"").decode()
