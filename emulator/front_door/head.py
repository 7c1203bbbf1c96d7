"""A request's head: its first line and its fields, as httptools reads them.

https://www.rfc-editor.org/rfc/rfc9112
"""

from __future__ import annotations

import base64
from dataclasses import dataclass

import httptools

Fields = tuple[tuple[bytes, bytes], ...]
# They concern the connection to this proxy alone:
# https://www.rfc-editor.org/rfc/rfc9110#name-connection
HOP_BY_HOP = (b"connection", b"proxy-connection", b"keep-alive")


class HeadError(Exception):
    """A head that cannot be acted upon, with the status and the sentence to refuse it with."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


@dataclass(frozen=True)
class Head:
    """`target` is as it was sent: `host:port` of CONNECT, or a URL, or a path."""

    method: str
    target: str
    version: str
    fields: Fields

    def password(self) -> str:
        """The password in Proxy-Authorization, "" when there is none.

        https://www.rfc-editor.org/rfc/rfc7617
        """
        given = next((v for name, v in self.fields if name.lower() == b"proxy-authorization"), b"")
        scheme, _, credentials = given.strip().partition(b" ")
        if scheme.lower() != b"basic":
            return ""
        try:
            return base64.b64decode(credentials.strip(), validate=True).decode().partition(":")[2]
        except ValueError:
            return ""

    def for_our_own(self) -> bytes:
        """The head for an application here: what was sent, less the password."""
        kept = [field for field in self.fields if field[0].lower() != b"proxy-authorization"]
        return self._written(self.target, kept)

    def for_another(self, target: str, authorization: str = "") -> bytes:
        """The head for the next server, which is asked for one answer and to close then.

        `authorization` is for the proxy that this is sent to, if it is one.
        """
        nominated = {
            option.strip().lower()
            for name, value in self.fields
            if name.lower() == b"connection"
            for option in value.split(b",")
        }
        dropped = {*HOP_BY_HOP, b"proxy-authorization", *nominated}
        kept = [field for field in self.fields if field[0].lower() not in dropped]
        kept.append((b"Connection", b"close"))
        if authorization:
            kept.append((b"Proxy-Authorization", authorization.encode("latin-1")))
        return self._written(target, kept)

    def _written(self, target: str, fields: list[tuple[bytes, bytes]]) -> bytes:
        lines = [f"{self.method} {target} HTTP/{self.version}".encode("latin-1")]
        lines += [name + b": " + value for name, value in fields]
        return b"\r\n".join(lines) + b"\r\n\r\n"


def read_head(data: bytes) -> Head:
    """Read a whole head, its empty line included. Raises HeadError."""
    reading = _Reading()
    parser = httptools.HttpRequestParser(reading)
    try:
        parser.feed_data(data)
    except httptools.HttpParserUpgrade:
        pass  # CONNECT, or one that asks for web sockets: the head is read
    except httptools.HttpParserError:
        # Parsed before it is refused, so that it can be told from what is no HTTP at all.
        if parser.get_http_version() not in ("0.0", "0.9", "1.0", "1.1"):
            raise HeadError(505, "The front door speaks HTTP/1.1.") from None
        raise HeadError(400, "This is not an HTTP request.") from None
    if not reading.complete:
        raise HeadError(400, "This is not an HTTP request.")
    version = parser.get_http_version()
    if not version.startswith("1."):
        raise HeadError(505, "The front door speaks HTTP/1.1.")
    return Head(
        parser.get_method().decode(),
        reading.target.decode("latin-1"),
        version,
        tuple(reading.fields),
    )


class _Reading:
    """What httptools calls as it goes."""

    def __init__(self) -> None:
        self.target = b""
        self.fields: list[tuple[bytes, bytes]] = []
        self.complete = False

    def on_url(self, part: bytes) -> None:
        self.target += part

    def on_header(self, name: bytes, value: bytes) -> None:
        self.fields.append((name, value))

    def on_headers_complete(self) -> None:
        self.complete = True
