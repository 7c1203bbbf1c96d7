"""What the gateway stands between: scripted instances behind it, raw clients before it."""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

import requests

from emulator.data_plane.backend import Backend
from emulator.data_plane.ingress.connection import IngressConnection
from emulator.data_plane.ingress.ingress import Ingress
from emulator.data_plane.routes.apps import AppRoute, AppTable, RevisionRoute
from emulator.data_plane.routes.endpoints import DeploymentRoute, EndpointRoute, EndpointTable
from emulator.data_plane.scoring.connection import ScoringConnection
from emulator.data_plane.scoring.gateway import Gateway

HOST = "digits.westeurope.inference.ml.azure.com"
APP_HOST = "app.env.westeurope.azurecontainerapps.io"
ENDPOINT_ID = "/subscriptions/s/resourceGroups/g/providers/p/workspaces/w/onlineEndpoints/digits"
KEYS = ("primary-key", "secondary-key")
PATIENCE = 10.0  # seconds before a test gives up on a socket


@dataclass
class Received:
    """A request as an instance got it."""

    line: str
    headers: list[tuple[str, str]]
    body: bytes
    # To be called before the last byte of an answer: then this request no longer counts.
    done: Callable[[], None] = lambda: None

    def header(self, name: str) -> str | None:
        found = [value for key, value in self.headers if key.lower() == name.lower()]
        assert len(found) < 2, f"{name} came {len(found)} times"
        return found[0] if found else None


Respond = Callable[[socket.socket, Received], None]


def read_message(connection: socket.socket) -> tuple[bytes, bytes]:
    """Head and body of one message with a content-length. Raises EOFError."""
    data = b""
    while b"\r\n\r\n" not in data:
        more = connection.recv(65536)
        if not more:
            raise EOFError
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    length = 0
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
    while len(body) < length:
        more = connection.recv(65536)
        if not more:
            raise EOFError
        body += more
    return head, body


def reply(
    body: bytes = b'{"ok": true}',
    status: str = "200 OK",
    headers: tuple[str, ...] = (),
    after: float = 0.0,
) -> Respond:
    """Answer as gunicorn does: head, then body, then close."""

    def respond(connection: socket.socket, received: Received) -> None:
        time.sleep(after)
        received.done()
        fields = [
            "Server: gunicorn",
            "Connection: close",
            "Content-Type: application/json",
            f"Content-Length: {len(body)}",
            *headers,
        ]
        head = f"HTTP/1.1 {status}\r\n" + "\r\n".join(fields) + "\r\n\r\n"
        connection.sendall(head.encode("latin-1"))
        connection.sendall(body)

    return respond


def raw(*parts: bytes, pause: float = 0.0) -> Respond:
    """Send these bytes, whatever they mean, and close."""

    def respond(connection: socket.socket, _received: Received) -> None:
        for part in parts:
            connection.sendall(part)
            time.sleep(pause)

    return respond


class Instance:
    """A scoring server on a loopback port, each connection in a thread of its own."""

    def __init__(self, respond: Respond | None = None) -> None:
        self.respond = respond or reply()
        self.received: list[Received] = []
        self.hung_up = threading.Event()  # the gateway closed a connection before its answer
        self.under_way: set[int] = set()
        self.most = 0
        self.lock = threading.Lock()
        self.socket = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port: int = self.socket.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def now(self) -> int:
        return len(self.under_way)

    def close(self) -> None:
        with suppress(OSError):  # closed before
            # Closing alone would leave the thread in accept, and the port open.
            self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection:
            try:
                head, body = read_message(connection)
            except (EOFError, OSError):
                return
            line, *fields = head.decode("latin-1").split("\r\n")
            headers = [tuple(field.split(": ", 1)) for field in fields]
            received = Received(line, headers, body)  # type: ignore[arg-type]  # pairs, as split
            with self.lock:
                self.received.append(received)
                self.under_way.add(id(received))
                self.most = max(self.most, self.now)
            received.done = lambda: self.under_way.discard(id(received))
            try:
                self.respond(connection, received)
            except OSError:
                self.hung_up.set()
            finally:
                received.done()


def until_hung_up(instance: Instance) -> Respond:
    """Never answer; notice when the gateway closes."""

    def respond(connection: socket.socket, _received: Received) -> None:
        connection.settimeout(PATIENCE)
        if connection.recv(1) == b"":
            instance.hung_up.set()

    return respond


@dataclass
class Serving:
    """A gateway that listens, and the route that the test may replace."""

    port: int
    table: EndpointTable
    gateway: Gateway
    loop: asyncio.AbstractEventLoop
    backends: dict[int, Backend] = field(default_factory=dict)  # all there were, by port
    tokens: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    raises: Exception | None = None

    def deploy(self, name: str, *instances: Instance, traffic: int = 0, **settings: Any) -> None:
        settings.setdefault("instance_count", max(1, len(instances)))
        backends = tuple(self.backend(instance.port) for instance in instances)
        route = DeploymentRoute(name, backends, **settings)
        self.change(
            deployments={**self.route.deployments, name: route},
            traffic={**self.route.traffic, name: traffic},
        )

    @property
    def route(self) -> EndpointRoute:
        found = self.table.find(HOST)
        assert found is not None
        return found

    @property
    def busy(self) -> int:
        """Requests under way on all instances."""
        return sum(backend.under_way for backend in self.backends.values())

    def backend(self, port: int) -> Backend:
        return self.backends.setdefault(port, Backend(port))

    def change(self, **changes: Any) -> None:
        """Publish the endpoint with these changes."""
        self.run(lambda: self.table.publish(replace(self.route, **changes)))

    def serve_from(self, *instances: Instance, **settings: Any) -> None:
        """Put these instances in the place of those that blue has."""
        backends = tuple(self.backend(instance.port) for instance in instances)
        changed = replace(self.route.deployments["blue"], backends=backends, **settings)
        self.run(lambda: self.table.publish(self.route.with_deployment(changed)))

    def withdraw(self) -> None:
        self.run(lambda: self.table.withdraw(HOST, ENDPOINT_ID))

    def run(self, work: Callable[[], None]) -> None:
        """Do it in the gateway's thread."""

        async def do() -> None:
            work()

        asyncio.run_coroutine_threadsafe(do(), self.loop).result(PATIENCE)

    def send(
        self,
        method: str = "POST",
        path: str = "/score",
        *,
        key: str | None = KEYS[0],
        headers: dict[str, str] | None = None,
        **arguments: Any,
    ) -> requests.Response:
        """One request on a connection of its own."""
        sent = {"Host": HOST, **(headers or {})}
        if key is not None:
            sent["Authorization"] = f"Bearer {key}"
        arguments.setdefault("timeout", PATIENCE)
        return requests.request(
            method, f"http://127.0.0.1:{self.port}{path}", headers=sent, **arguments
        )

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE)

    def verify_token(self, token: str, audience: str) -> dict[str, Any]:
        if self.raises:
            raise self.raises
        return self.tokens[token, audience]


def request_bytes(
    body: bytes = b"", *headers: str, line: str = "POST /score HTTP/1.1", key: str = KEYS[0]
) -> bytes:
    fields = [line, f"Host: {HOST}", f"Authorization: Bearer {key}", *headers]
    if not any("transfer-encoding" in header.lower() for header in headers):
        fields.append(f"Content-Length: {len(body)}")
    return "\r\n".join(fields).encode("latin-1") + b"\r\n\r\n" + body


@contextmanager
def listening(
    loop: asyncio.AbstractEventLoop,
    protocol: Callable[[], asyncio.Protocol],
    context: ssl.SSLContext | None = None,
) -> Iterator[int]:
    """A port where the protocol listens, in a thread. Nothing may be logged as a fault of ours."""
    started, stop = threading.Event(), asyncio.Event()
    problems: list[Any] = []
    ports: list[int] = []
    handler = logging.Handler(logging.ERROR)
    handler.emit = problems.append  # type: ignore[method-assign]  # a bug of ours, logged
    logging.getLogger("emulator.data_plane").addHandler(handler)

    async def run() -> None:
        loop.set_exception_handler(lambda _loop, problem: problems.append(problem))
        server = await loop.create_server(protocol, "127.0.0.1", 0, ssl=context)
        ports.append(server.sockets[0].getsockname()[1])
        started.set()
        await stop.wait()
        server.close()

    thread = threading.Thread(target=loop.run_until_complete, args=(run(),), daemon=True)
    thread.start()
    assert started.wait(PATIENCE)
    try:
        yield ports[0]
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(PATIENCE)
        logging.getLogger("emulator.data_plane").removeHandler(handler)
    assert not problems, problems


def new_loop(*, plain: bool = False) -> asyncio.AbstractEventLoop:
    """The event loop that the emulator runs on, or Python's own."""
    if sys.platform == "win32" or plain:
        return asyncio.new_event_loop()
    import uvloop

    return uvloop.new_event_loop()


@contextmanager
def serve(context: ssl.SSLContext | None = None, *, plain: bool = False) -> Iterator[Serving]:
    """A gateway on a port, with an endpoint that has no deployment yet."""
    table = EndpointTable()
    table.publish(EndpointRoute(HOST, ENDPOINT_ID, "Key", KEYS))
    gateway = Gateway(table, lambda token, audience: serving.verify_token(token, audience))
    gateway.random = Random(20)
    serving = Serving(0, table, gateway, new_loop(plain=plain))
    with listening(serving.loop, lambda: ScoringConnection(gateway, HOST), context) as port:
        serving.port = port
        yield serving


@contextmanager
def serve_app(replica: Instance) -> Iterator[tuple[int, Backend]]:
    """The port of an ingress with one app, whose one replica this is."""
    backend = Backend(replica.port)
    revision = RevisionRoute("app--one", lambda: None, (backend,))
    ingress = Ingress(AppTable(), Random(20))
    ingress.table.publish("/app", {APP_HOST: AppRoute(((revision, 100),), allow_insecure=True)})
    with listening(new_loop(), lambda: IngressConnection(ingress, APP_HOST)) as port:
        yield port, backend
    assert revision.under_way == 0


def read_to_end(connection: socket.socket) -> bytes:
    data = b""
    while more := connection.recv(65536):
        data += more
    return data


def status_of(head: bytes) -> int:
    return int(head.split(b" ")[1])


def answers_in(data: bytes) -> list[tuple[int, bytes]]:
    """Statuses and bodies of the answers that follow one another, each with a length."""
    found = []
    while data:
        head, _, data = data.partition(b"\r\n\r\n")
        length = next(
            int(line.split(b":")[1])
            for line in head.lower().split(b"\r\n")
            if line.startswith(b"content-length:")
        )
        found.append((status_of(head), data[:length]))
        data = data[length:]
    return found
