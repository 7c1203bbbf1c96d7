"""What the ingress answers itself, in the words of the Envoy proxy that stands there on Azure.

https://learn.microsoft.com/azure/container-apps/ingress-overview
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from http import HTTPStatus
from wsgiref.handlers import format_date_time

REASONS = {status.value: status.phrase.encode() for status in HTTPStatus}

Headers = tuple[tuple[bytes, bytes], ...]
PLAIN = b"text/plain; charset=utf-8"


@dataclass(frozen=True)
class Refusal:
    """An answer of the ingress. `headers` are further response headers."""

    status: int
    message: str
    headers: Headers = ()
    media_type: bytes = PLAIN

    @property
    def body(self) -> bytes:
        return f"{self.message}\n".encode()


# Azure's page for a host name that nothing answers, cut to its words.
NO_APP = Refusal(
    404,
    "<!DOCTYPE html><html><head><title>Azure Container App - Unavailable</title></head><body>"
    "<h1>Error 404 - This Container App is stopped or does not exist.</h1></body></html>",
    media_type=b"text/html",
)
NO_REPLICA = Refusal(503, "no healthy upstream")
NOT_REACHED = Refusal(
    503,
    "upstream connect error or disconnect/reset before headers. reset reason: connection failure",
)
LOST = Refusal(
    502,
    "upstream connect error or disconnect/reset before headers. reset reason: "
    "connection termination",
)
TIMED_OUT = Refusal(504, "stream timeout")
BAD_REQUEST = Refusal(400, "Bad Request")
HEAD_TOO_LARGE = Refusal(431, "Request Header Fields Too Large")
OUR_FAULT = Refusal(500, "Local Azure failed; see `python -m emulator logs`.")


def redirect(host: str, target: bytes) -> Refusal:
    """Plain http is sent to https: https://learn.microsoft.com/azure/container-apps/ingress-how-to"""
    return Refusal(301, "", ((b"location", b"https://" + host.encode() + target),))


_date = (0, b"")


def date() -> bytes:
    """The Date header's value, made once a second."""
    global _date
    now = int(time.time())
    if _date[0] != now:
        _date = (now, format_date_time(now).encode())
    return _date[1]


def status_line(status: int) -> bytes:
    return b"HTTP/1.1 %d %b\r\n" % (status, REASONS.get(status, b"Unknown"))
