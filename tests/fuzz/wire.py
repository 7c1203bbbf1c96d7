"""Sends messages byte by byte through local Azure's front door, which no HTTP client would do.

A client library refuses to send much of what is tried here: control characters in a path, headers
that are not Latin-1, two values of one header.
"""

from __future__ import annotations

import base64
import socket
import ssl
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http.client import HTTPException, HTTPMessage, HTTPResponse
from urllib.parse import unquote, urlsplit

from tests.fuzz.message import Message

LIMIT = 30.0  # seconds until a request is said to hang
MOST = 1 << 20  # bytes of an answer that are read
IDLE = 20.0  # seconds after which a connection is made anew; the server closes it after 75


@dataclass
class Answer:
    """`problem` says why there is no answer: the connection was dropped, or nothing came."""

    status: int = 0
    headers: HTTPMessage = field(default_factory=HTTPMessage)
    body: bytes = b""
    problem: str = ""


class Wire:
    """A client of one emulator. `environment` is what `python -m emulator env` prints."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        proxy = urlsplit(environment["HTTPS_PROXY"])
        self.proxy = (proxy.hostname or "", proxy.port or 0)
        self.greeting = ""
        if proxy.username is not None:
            user = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}"
            encoded = base64.b64encode(user.encode()).decode()
            self.greeting = f"Proxy-Authorization: Basic {encoded}\r\n"
        self.tls = ssl.create_default_context(cafile=environment["SSL_CERT_FILE"])
        self.connections: dict[tuple[str, int], tuple[socket.socket, float]] = {}

    def send(self, message: Message) -> Answer:
        """Send it on the connection that is open to the host, or on a new one."""
        key = (message.host, message.port)
        kept = self.connections.pop(key, None)
        if kept and time.monotonic() - kept[1] < IDLE:
            answer = self._exchange(kept[0], message)
            if not answer.problem.startswith("dropped"):
                return answer
            # It may have been closed before the request came, which is a server's right.
        try:
            connection = self._connect(*key)
        except OSError as error:
            return Answer(problem=f"no connection: {error!r}")
        return self._exchange(connection, message)

    def close(self) -> None:
        for connection, _ in self.connections.values():
            connection.close()
        self.connections.clear()

    def _connect(self, host: str, port: int) -> socket.socket:
        connection = socket.create_connection(self.proxy, timeout=LIMIT)
        where = f"{host}:{port}"
        connection.sendall(
            f"CONNECT {where} HTTP/1.1\r\nHost: {where}\r\n{self.greeting}\r\n".encode()
        )
        head = b""
        while b"\r\n\r\n" not in head:
            more = connection.recv(4096)
            if not more:
                raise ConnectionError(f"CONNECT {where} was dropped")
            head += more
        if b" 200 " not in head.partition(b"\r\n")[0]:
            raise ConnectionError(f"CONNECT {where} was answered {head!r}")
        if port != 443:
            return connection
        return self.tls.wrap_socket(connection, server_hostname=host)

    def _exchange(self, connection: socket.socket, message: Message) -> Answer:
        started = time.monotonic()
        try:
            # One that is refused before all of it was sent may have its answer there to read.
            with suppress(ConnectionError):
                connection.sendall(_head(message) + message.body)
            answer, reusable = _read(connection, message.method)
        except TimeoutError:
            connection.close()
            return Answer(problem=f"no answer within {LIMIT:g} seconds")
        except (OSError, HTTPException) as error:
            connection.close()
            spent = time.monotonic() - started
            return Answer(problem=f"dropped after {spent:.1f} seconds: {error!r}")
        if reusable:
            self.connections[message.host, message.port] = (connection, time.monotonic())
        else:
            connection.close()
        return answer


def _head(message: Message) -> bytes:
    lines = [f"{message.method} {message.target} HTTP/1.1", f"Host: {message.host}"]
    lines += [f"{name}: {value}" for name, value in message.headers]
    if message.body or message.method in ("PUT", "POST", "PATCH"):
        lines.append(f"Content-Length: {len(message.body)}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("utf-8", "surrogatepass")


def _read(connection: socket.socket, method: str) -> tuple[Answer, bool]:
    response = HTTPResponse(connection, method=method)
    response.begin()
    body = response.read(MOST)
    reusable = response.isclosed() and not response.will_close and response.status != 101
    response.close()
    return Answer(response.status, response.headers, body), reusable
