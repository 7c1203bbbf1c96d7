"""One request of a client: what its head decides, and the answer on its way back.

What scoring and ingress have in common. Who gets the request, and how, is theirs.
"""

from __future__ import annotations

import asyncio
import time
from typing import ClassVar, Protocol

from emulator.data_plane import http
from emulator.data_plane.http import Fields
from emulator.data_plane.refusal import ProtocolRefusals, Refusal


class Client(Protocol):
    """The connection that a request came on."""

    host: str
    is_full: bool

    def write(self, data: bytes) -> None: ...
    def answered(self, request: ClientRequest, data: bytes) -> None: ...
    def break_off(self) -> None: ...
    def hold(self, *, is_held: bool) -> None: ...


class ClientRequest:
    """One request, and the receiver of its answer (`AnswerReceiver`).

    It is read: `head_read`, `body_read`..., `read`. `start` is called when its turn comes.
    """

    words: ClassVar[ProtocolRefusals]
    # An answer that says its length and is no longer (bytes) is held back until all of it is
    # there, so that a backend which fails in the middle is answered for as one that failed.
    most_held: ClassVar[int] = 0

    def __init__(self, client: Client) -> None:
        self.client = client
        self.target = b""
        self.method = b""
        self.headers: Fields = []
        self.fields: dict[bytes, bytes] = {}
        self.host = ""
        self.keep_alive = True
        self.http_1_0 = False
        self.may_upgrade = False  # it asks for another protocol
        self.is_chunked = False
        self.is_read = False  # to its end, or no further
        self.is_sent = False  # it was started
        self.is_done = False
        self.refusal: Refusal | None = None
        self.is_answering = False  # some of the answer has gone out
        self.is_held = False
        self.answer_is_chunked = False
        self.pending = b""  # of the answer, not written yet
        self.begun = 0.0  # when its head was read, in seconds of time.monotonic
        self.status = 0  # of the answer, as the client gets it
        self.sent = 0  # bytes of the answer

    # What is theirs

    def decide(self) -> Refusal | None:
        """Everything else that the head decides: a refusal if it is not to be handed on."""
        raise NotImplementedError

    def body_read(self, data: bytes) -> None:
        raise NotImplementedError

    def hand_on(self) -> None:
        raise NotImplementedError

    def answer_fields(self, status: int, fields: Fields, length: int | None) -> tuple[int, Fields]:
        """What the client gets of a backend's status and headers."""
        raise NotImplementedError

    def refusal_fields(self, refusal: Refusal) -> Fields:
        described = [(b"content-type", refusal.media_type)] if refusal.body else []
        return [*described, *refusal.headers]

    def pause(self) -> None:
        """The client takes no more of the answer at the moment."""

    def resume(self) -> None: ...

    def count(self, seconds: float) -> None:
        """It was answered, so many seconds after its head was read."""

    def release(self) -> None:
        """It is over: let go of what works on it."""

    # Towards the backend

    def head_read(self, version: str, method: bytes) -> None:
        self.begun = time.monotonic()
        self.method = method
        self.fields = dict(self.headers)
        self.http_1_0 = version == "1.0"
        self.is_chunked = b"transfer-encoding" in self.fields
        tokens = self.fields.get(b"connection", b"").lower()
        self.keep_alive = not self.http_1_0 and b"close" not in tokens and b"upgrade" not in tokens
        named = self.fields.get(b"host", b"").decode("latin-1").partition(":")[0].lower()
        self.host = named or self.client.host
        self.refusal = self._malformed(version)
        if self.refusal:
            self.keep_alive = False
        else:
            self.refusal = self.decide()

    def _malformed(self, version: str) -> Refusal | None:
        """What httptools lets pass and the Envoy proxy that stands here on Azure does not.

        Hosts: https://www.rfc-editor.org/rfc/rfc9112#section-3.2
        Transfer encodings: https://www.rfc-editor.org/rfc/rfc9112#section-6.1
        Fragments: https://www.envoyproxy.io/docs/envoy/latest/version_history/v1.19/v1.19.1
        """
        if version not in ("1.1", "1.0") or b"#" in self.target:
            return self.words.bad_request
        are_repeated = len(self.fields) < len(self.headers)
        if are_repeated and sum(name == b"host" for name, _ in self.headers) > 1:
            return self.words.bad_request
        if self.is_chunked and self.fields[b"transfer-encoding"].strip().lower() != b"chunked":
            return self.words.not_implemented
        # httptools takes what follows such a head for the other protocol, so the body is lost.
        has_body = self.is_chunked or int(self.fields.get(b"content-length", b"0")) > 0
        return self.words.bad_request if self.may_upgrade and has_body else None

    def read(self) -> None:
        """The body came to its end."""
        self.is_read = True

    def start(self) -> None:
        """Its turn has come: hand it on, or answer it with a refusal."""
        self.is_sent = True
        if self.refusal:
            self.refuse(self.refusal)
        else:
            self.hand_on()

    def cancel(self) -> None:
        """The client has gone."""
        self._over()

    # Back to the client

    def head(self, status: int, fields: Fields, length: int | None) -> None:
        if length is None:
            # HTTP/1.0 knows no chunks: the end of the connection is the end of the body.
            self.answer_is_chunked = not self.http_1_0
            self.keep_alive = self.keep_alive and self.answer_is_chunked
        self.status, fields = self.answer_fields(status, fields, length)
        self.pending = self._head(self.status, fields)
        self.is_held = length is not None and length <= self.most_held
        if not self.is_held:
            self.is_answering = True
            asyncio.get_running_loop().call_soon(self.flush)

    def flush(self) -> None:
        """Write the head if no body came along with it: an event stream may have none for long."""
        if self.pending and not self.is_done:
            self._write()

    def more(self, data: bytes) -> None:
        self.pending += http.chunk(data) if self.answer_is_chunked else data
        if self.is_held:
            return
        self._write()
        if self.client.is_full:
            self.pause()

    def _write(self) -> None:
        self.sent += len(self.pending)
        self.client.write(self.pending)
        self.pending = b""

    def end(self) -> None:
        self.finish(self.pending + (http.LAST_CHUNK if self.answer_is_chunked else b""))

    def failed(self, refusal: Refusal, *, unanswered: bool) -> None:
        if self.is_answering:
            # The status has gone out already: only a broken connection says that it is not so.
            self._over()
            self.client.break_off()
        else:
            self.refuse(refusal)

    def refuse(self, refusal: Refusal) -> None:
        if self.is_done:
            return
        if not self.is_read:
            self.keep_alive = False  # the rest of the body is not read any more
        fields = self.refusal_fields(refusal)
        fields.append((b"content-length", b"%d" % len(refusal.body)))
        self.status = refusal.status
        self.answer_is_chunked = False
        self.finish(self._head(refusal.status, fields) + self._body(refusal))

    def _head(self, status: int, fields: Fields) -> bytes:
        if self.answer_is_chunked:
            fields.append((b"transfer-encoding", b"chunked"))
        if not self.keep_alive:
            fields.append((b"connection", b"close"))
        return http.answer_head(status, fields)

    def _body(self, refusal: Refusal) -> bytes:
        return b"" if self.method == b"HEAD" else refusal.body

    def finish(self, data: bytes) -> None:
        """The last of the answer."""
        self.sent += len(data)
        self._over()
        if not self.is_read:
            self.keep_alive = False
        self.client.answered(self, data)

    def _over(self) -> None:
        if not self.is_done:
            self.is_done = True
            if self.status and self.begun:
                self.count(time.monotonic() - self.begun)
            self.release()
