"""Clients that ask as fast as they are answered, all in one process of their own.

    python -m benchmarks.load '{"port": ..., "seconds": ..., "clients": ..., ...}'

prints requests per second and latencies. The same code asks the door and what is behind it; a
connection is kept for as long as the server keeps it. Written on bare sockets, because a client
library would take more time than what is measured.
"""

from __future__ import annotations

import base64
import json
import selectors
import socket
import ssl
import sys
import time
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Target:
    """What is asked. With `host` it is reached as any Azure host is: CONNECT and TLS."""

    port: int
    body: str
    path: str
    host: str | None = None
    ca_file: str | None = None
    key: str = ""
    password: str = ""  # the front door's

    def connect(self) -> socket.socket:
        connection = socket.create_connection(("127.0.0.1", self.port))
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self.host is None:
            return connection
        credentials = base64.b64encode(f"local:{self.password}".encode()).decode()
        connection.sendall(
            f"CONNECT {self.host}:443 HTTP/1.1\r\nHost: {self.host}:443\r\n"
            f"Proxy-Authorization: Basic {credentials}\r\n\r\n".encode()
        )
        assert b" 200 " in connection.recv(4096)
        context = ssl.create_default_context(cafile=self.ca_file)
        return context.wrap_socket(connection, server_hostname=self.host)

    def request(self) -> bytes:
        head = (
            f"POST {self.path} HTTP/1.1\r\nHost: {self.host or '127.0.0.1'}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(self.body)}\r\n"
        )
        if self.key:
            head += f"Authorization: Bearer {self.key}\r\n"
        return f"{head}\r\n{self.body}".encode()


@dataclass
class Client:
    connection: socket.socket | None = None
    began: float = 0.0
    received: bytes = b""


@dataclass
class Load:
    """`clients` at once for `seconds`, after as many seconds of warming up as `warm_up` says."""

    target: Target
    clients: int
    seconds: float
    warm_up: float = 0.5
    latencies: list[float] = field(default_factory=list)
    failures: int = 0
    connections: int = 0

    def run(self) -> dict[str, Any]:
        request = self.target.request()
        selector = selectors.DefaultSelector()
        clients = [Client() for _ in range(self.clients)]

        def ask(client: Client) -> None:
            if client.connection is None:
                client.connection = self.target.connect()
                selector.register(client.connection, selectors.EVENT_READ, client)
                self.connections += 1
            client.received = b""
            client.began = time.perf_counter()
            client.connection.sendall(request)

        for client in clients:
            ask(client)
        began = time.perf_counter()
        warm, end = began + self.warm_up, began + self.warm_up + self.seconds
        now = began
        while now < end:
            for ready, _ in selector.select(1):
                client = ready.data
                assert client.connection is not None
                data = client.connection.recv(65536)
                client.received += data
                complete, keep = answer_in(client.received)
                if not complete and data:
                    continue
                now = time.perf_counter()
                if now >= warm:
                    self.latencies.append(now - client.began)
                    self.failures += not client.received.startswith(b"HTTP/1.1 200 ")
                if not keep:
                    selector.unregister(client.connection)
                    client.connection.close()
                    client.connection = None
                ask(client)
        ordered = sorted(self.latencies)
        return {
            "requests per second": round(len(ordered) / (now - warm), 1),
            "p50 ms": round(ordered[len(ordered) // 2] * 1000, 2),
            "p99 ms": round(ordered[int(len(ordered) * 0.99)] * 1000, 2),
            "failures": self.failures,
            "connections": self.connections,
        }


def answer_in(data: bytes) -> tuple[bool, bool]:
    """Whether an answer is complete, and whether its connection is kept."""
    end = data.find(b"\r\n\r\n")
    if end < 0:
        return False, False
    head = data[:end].lower()
    at = head.find(b"content-length:") + len(b"content-length:")
    length = int(head[at : head.find(b"\r\n", at) if b"\r\n" in head[at:] else None])
    return len(data) >= end + 4 + length, b"connection: close" not in head


def main() -> None:
    settings = json.loads(sys.argv[1])
    print(json.dumps(Load(Target(**settings.pop("target")), **settings).run()))


if __name__ == "__main__":
    main()
