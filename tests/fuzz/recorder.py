"""Keeps what the real SDKs send, as messages."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter

from tests.fuzz.message import Message

# What a client adds for itself, and what differs from one connection to the next.
_LEFT_OUT = {
    *("accept", "accept-encoding", "content-length", "host", "user-agent"),
    *("traceparent", "x-ms-client-request-id", "x-ms-date"),
}
_KEPT_OPEN = ("connection", "keep-alive")


@contextmanager
def recording() -> Iterator[list[Message]]:
    """All requests that this process sends with `requests` while the block lasts."""
    sent: list[Message] = []
    send = HTTPAdapter.send

    def keep(self: HTTPAdapter, request: requests.PreparedRequest, *args: Any, **more: Any) -> Any:
        sent.append(message_of(request))
        return send(self, request, *args, **more)

    HTTPAdapter.send = keep  # type: ignore[method-assign]
    try:
        yield sent
    finally:
        HTTPAdapter.send = send  # type: ignore[method-assign]


def message_of(request: requests.PreparedRequest) -> Message:
    url = urlsplit(request.url or "")
    pairs = [pair.partition("=") for pair in url.query.split("&") if pair]
    headers = {name: _text(value) for name, value in request.headers.items()}
    return Message(
        request.method or "",
        url.hostname or "",
        url.path or "/",
        tuple((name, value) for name, _, value in pairs),
        tuple(pair for pair in headers.items() if not _is_added(*pair)),
        _body(request.body),
        url.port or (443 if url.scheme == "https" else 80),
    )


def _is_added(name: str, value: str) -> bool:
    return name.lower() in _LEFT_OUT or (name.lower(), value.lower()) == _KEPT_OPEN


def _text(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value


def _body(body: Any) -> bytes:
    if body is None:
        return b""
    if isinstance(body, str):
        return body.encode()
    if isinstance(body, bytes):
        return body
    where = body.tell()
    read: bytes = body.read()
    body.seek(where)
    return read
