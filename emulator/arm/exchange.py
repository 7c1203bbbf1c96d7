"""One request to Resource Manager with what was answered, for those who keep a log of them."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, field
from typing import Any

from starlette.responses import Response
from starlette.types import Scope

# Bodies larger than this are not kept, only their size is.
LARGEST_KEPT = 64 * 1024  # bytes
_OPERATION = re.compile(r"/([0-9a-f-]{36})(?:\?|$)")


@dataclass(slots=True, eq=False)
class Body:
    """A body as it came over the wire: `content` is None where it was too large to be kept."""

    size: int
    content: bytes | None

    @classmethod
    def of(cls, content: bytes) -> Body:
        return cls(len(content), content if len(content) <= LARGEST_KEPT else None)


NOTHING = Body(0, b"")


@dataclass(slots=True, eq=False)
class ArmExchange:
    """Filled while the request is answered, and read by nobody before `end`.

    `path` is as it was sent, `id` in the spelling of its route ("" where it has none), `claims`
    are the token's ({} where it had no valid one). `arrived` is in seconds since the epoch.
    `operation_id` names what was begun and is polled, "" where the answer names nothing.
    """

    method: str
    path: str
    query: str
    headers: dict[bytes, bytes]
    client_address: str
    arrived: float
    id: str = ""
    claims: dict[str, Any] = field(default_factory=dict)
    received: Body = NOTHING
    status: int = 0
    sent: Body = NOTHING
    request_id: str = ""
    correlation_id: str = ""
    operation_id: str = ""
    milliseconds: float = 0.0
    _clock: float = field(default_factory=time.perf_counter)

    @classmethod
    def begin(cls, scope: Scope) -> ArmExchange:
        client = scope.get("client")
        return cls(
            scope["method"],
            scope["path"],
            scope["query_string"].decode("latin-1"),
            {name: value for name, value in scope["headers"] if name in _HEADERS},
            client[0] if client else "127.0.0.1",
            time.time(),
        )

    def end(self, response: Response) -> None:
        headers = response.headers
        self.status = response.status_code
        self.sent = Body.of(bytes(response.body))
        self.request_id = headers["x-ms-request-id"]
        self.correlation_id = headers["x-ms-correlation-request-id"]
        polled = headers.get("azure-asyncoperation") or headers.get("location") or ""
        if found := _OPERATION.search(polled):
            self.operation_id = found[1]
        self.milliseconds = (time.perf_counter() - self._clock) * 1000

    def header(self, name: bytes) -> str:
        """One of the few headers that are kept, "" where it was not sent."""
        return self.headers.get(name, b"").decode("latin-1")


USER_AGENT, CLIENT_REQUEST_ID = b"user-agent", b"x-ms-client-request-id"
_HEADERS = frozenset({USER_AGENT, CLIENT_REQUEST_ID})
