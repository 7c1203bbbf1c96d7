"""The two hosts of the data plane, to be asked the same: an endpoint's and an app's."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from emulator.data_plane.backend import Backend
from tests.emulator.data_plane.scripted import (
    APP_HOST,
    HOST,
    KEYS,
    PATIENCE,
    Instance,
    Received,
    read_to_end,
    reply,
    serve,
    serve_app,
)


@dataclass
class Plane:
    """`fields` are the headers that a good request has; the instance answers with the target."""

    kind: str
    port: int
    host: str
    fields: tuple[str, ...]
    instance: Instance
    backend: Backend

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE)

    def request(
        self,
        target: str = "/score",
        *more: str,
        method: str = "POST",
        version: str = "HTTP/1.1",
        body: bytes = b"",
    ) -> bytes:
        """A request with no Content-Length but what `more` says, unless it has a body."""
        lines = [f"{method} {target} {version}", *self.fields, *more]
        if body:
            lines.append(f"Content-Length: {len(body)}")
        return "\r\n".join(lines).encode("latin-1", "replace") + b"\r\n\r\n" + body

    def last(self, target: str = "/last") -> bytes:
        """A good request after which the connection is closed."""
        return self.request(target, "Content-Length: 0", "Connection: close")

    def exchange(self, data: bytes, last: str = "/last") -> bytes:
        """What is answered to these bytes with a good last request behind them, to its end."""
        answer = b""
        with self.connect() as client:
            try:
                client.sendall(data + self.last(last))
                client.settimeout(0.1)
                while more := client.recv(65536):
                    answer += more
                return answer
            except ConnectionError:
                return answer  # closed while there was more to read, which a client may meet
            except TimeoutError:
                # It takes the last request for part of a body. Let it know that that was all.
                client.settimeout(PATIENCE)
                client.shutdown(socket.SHUT_WR)
                return answer + read_to_end(client)


def echo_target(connection: socket.socket, received: Received) -> None:
    reply(received.line.split(" ")[1].encode("latin-1"))(connection, received)


@contextmanager
def planes(kind: str) -> Iterator[Plane]:
    """`kind` is "scoring" or "ingress"."""
    instance = Instance(echo_target)
    key = f"Authorization: Bearer {KEYS[0]}"
    try:
        if kind == "ingress":
            with serve_app(instance) as (port, backend):
                yield Plane(kind, port, APP_HOST, (f"Host: {APP_HOST}", key), instance, backend)
        else:
            with serve() as serving:
                serving.deploy(
                    "blue", instance, traffic=100, max_concurrent_requests_per_instance=50
                )
                serving.change(requests_per_second=1_000_000)
                backend = serving.backend(instance.port)
                yield Plane(kind, serving.port, HOST, (f"Host: {HOST}", key), instance, backend)
    finally:
        instance.close()
