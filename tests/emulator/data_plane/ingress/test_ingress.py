"""The ingress of Container Apps against scripted replicas, byte by byte."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from random import Random

import pytest

from emulator.data_plane.backend import Backend
from emulator.data_plane.ingress import request as request_module
from emulator.data_plane.ingress.connection import IngressConnection
from emulator.data_plane.ingress.ingress import Ingress
from emulator.data_plane.routes.apps import AppRoute, AppTable, RevisionRoute
from tests.waiting import until_async

DOMAIN = "env.westeurope.azurecontainerapps.io"
HOST, INTERNAL = f"app.{DOMAIN}", f"app.internal.{DOMAIN}"
PATIENCE = 10.0  # seconds after which a test has failed
Reader, Writer = asyncio.StreamReader, asyncio.StreamWriter
Handle = Callable[[Reader, Writer], Awaitable[None]]


class Stand:
    """An ingress with one app, whose one revision is served by `handle`."""

    def __init__(self) -> None:
        self.ingress = Ingress(AppTable(), Random(7))
        self.revision = RevisionRoute("app--one", lambda: None)
        self.backend = Backend(0)  # the replica
        self.connections = 0
        self.port = 0
        self.opened: list[IngressConnection] = []  # that no `ask` has taken yet
        self.inside = ""  # the domain of the environment that clients are in

    async def ask(self, data: bytes) -> bytes:
        """Send bytes to the ingress; answers what comes until it closes or has said all."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(data)
        received = b""
        async with asyncio.timeout(PATIENCE):
            await until_async(lambda: bool(self.opened))
            connection = self.opened.pop()
            while True:
                # What it had to say is there to be read by then, as all runs in one loop.
                is_over = bool(received) and not (connection.queue or connection.reading)
                try:
                    async with asyncio.timeout(0.05):
                        part = await reader.read(65536)
                except TimeoutError:
                    if is_over:
                        break
                else:
                    received += part
                    if not part:
                        break
        writer.close()
        return received


@asynccontextmanager
async def stand(handle: Handle) -> AsyncIterator[Stand]:
    made = Stand()

    async def counted(reader: Reader, writer: Writer) -> None:
        made.connections += 1
        try:
            await handle(reader, writer)
        except asyncio.IncompleteReadError:
            pass
        finally:
            writer.close()

    replica = await asyncio.start_server(counted, "127.0.0.1", 0)
    made.backend = Backend(replica.sockets[0].getsockname()[1])
    made.revision.backends = (made.backend,)
    route = AppRoute(((made.revision, 100),), allow_insecure=True)
    made.ingress.table.publish("/app", {HOST: route})
    loop = asyncio.get_running_loop()

    def connection() -> IngressConnection:
        made.opened.append(IngressConnection(made.ingress, HOST, made.inside))
        return made.opened[-1]

    door = await loop.create_server(connection, "127.0.0.1", 0)
    made.port = door.sockets[0].getsockname()[1]
    yield made
    door.close()
    replica.close()


async def read_head(reader: Reader) -> bytes:
    return await reader.readuntil(b"\r\n\r\n")


async def echo(reader: Reader, writer: Writer) -> None:
    """Answers each request's first line, on a connection that is kept."""
    while True:
        head = await read_head(reader)
        body = head.partition(b"\r\n")[0]
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body))


def get(path: str, *fields: str) -> bytes:
    lines = [f"GET {path} HTTP/1.1", f"host: {HOST}", *fields]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def test_pipelined_requests_are_answered_in_order():
    async def go() -> None:
        async with stand(echo) as made:
            answer = await made.ask(b"".join(get(f"/{n}") for n in range(5)))
            order = [answer.index(b"GET /%d HTTP/1.1" % n) for n in range(5)]
            assert order == sorted(order)
            assert made.connections == 1
            assert made.revision.under_way == 0
            assert made.backend.under_way == 0

    asyncio.run(go())


def test_a_connection_that_was_closed_meanwhile_costs_nothing():
    async def once(reader: Reader, writer: Writer) -> None:
        await read_head(reader)
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
        # Kept, as far as anybody can tell; closed when the next request comes.
        await reader.read(1)

    async def go() -> None:
        async with stand(once) as made:
            answer = await made.ask(get("/a") + get("/b") + get("/c"))
            assert answer.count(b"HTTP/1.1 200 OK") == 3
            assert made.connections == 3

    asyncio.run(go())


def test_a_post_is_never_sent_twice():
    bodies = []

    async def once(reader: Reader, writer: Writer) -> None:
        await read_head(reader)
        bodies.append(await reader.readexactly(2))
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
        await reader.read(1)

    post = f"POST / HTTP/1.1\r\nhost: {HOST}\r\ncontent-length: 2\r\n\r\nhi".encode()

    async def go() -> None:
        async with stand(once) as made:
            answer = await made.ask(post + post)
            assert answer.startswith(b"HTTP/1.1 200 OK")
            assert b"HTTP/1.1 502 Bad Gateway" in answer
            assert len(bodies) == 1

    asyncio.run(go())


def test_a_request_waits_for_a_replica_and_wakes_it():
    async def go() -> None:
        async with stand(echo) as made:
            made.revision.backends = ()
            woken = asyncio.Event()
            made.revision.wake = woken.set
            asking = asyncio.create_task(made.ask(get("/later")))
            await asyncio.wait_for(woken.wait(), 2)
            assert made.revision.under_way == 1
            made.revision.serve_from((made.backend,), may_come=True)
            assert b"GET /later" in await asking
            made.revision.serve_from((), may_come=False)
            refused = await made.ask(get("/never"))
            assert refused.startswith(b"HTTP/1.1 503")
            assert b"no healthy upstream" in refused

    asyncio.run(go())


def test_those_who_wait_learn_that_nothing_comes():
    async def go() -> None:
        async with stand(echo) as made:
            made.revision.backends = ()
            asking = asyncio.create_task(made.ask(get("/")))
            await until_async(lambda: made.revision.under_way == 1)
            made.revision.serve_from((), may_come=False)
            assert (await asking).startswith(b"HTTP/1.1 503")
            assert made.revision.under_way == 0

    asyncio.run(go())


def test_who_waits_at_a_revision_that_goes_is_sent_to_the_next():
    async def go() -> None:
        async with stand(echo) as made:
            made.revision.backends = ()
            asking = asyncio.create_task(made.ask(get("/moved")))
            await until_async(lambda: made.revision.under_way == 1)
            second = RevisionRoute("app--two", lambda: None, (made.backend,))
            route = AppRoute(((second, 100),), allow_insecure=True)
            made.ingress.table.publish("/app", {HOST: route})
            made.revision.serve_from((), may_come=False)
            assert b"GET /moved" in await asking
            assert (made.revision.under_way, second.under_way, second.begun) == (0, 0, 1)

    asyncio.run(go())


def test_a_request_takes_so_long_and_no_longer(monkeypatch: pytest.MonkeyPatch):
    assert request_module.REQUEST_TIMEOUT == 240
    monkeypatch.setattr(request_module, "REQUEST_TIMEOUT", 0.2)

    async def never(reader: Reader, writer: Writer) -> None:
        await read_head(reader)
        await reader.read(1)

    async def go() -> None:
        async with stand(never) as made:
            answer = await made.ask(get("/"))
            assert answer.startswith(b"HTTP/1.1 504")
            assert b"stream timeout" in answer
            assert made.revision.under_way == 0
            assert made.backend.under_way == 0

    asyncio.run(go())


def test_a_client_that_leaves_takes_its_request_along():
    async def go() -> None:
        asked, gone = asyncio.Event(), asyncio.Event()

        async def wait(reader: Reader, writer: Writer) -> None:
            await read_head(reader)
            asked.set()
            with suppress(ConnectionError):
                assert await reader.read(1) == b""
            gone.set()

        async with stand(wait) as made, asyncio.timeout(PATIENCE):
            _, writer = await asyncio.open_connection("127.0.0.1", made.port)
            writer.write(get("/"))
            await asked.wait()
            assert made.revision.under_way == 1
            writer.close()
            await gone.wait()
            await until_async(lambda: made.revision.under_way == 0)

    asyncio.run(go())


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (b"HTTP/1.0 200 OK\r\n\r\nto the end", b"a\r\nto the end\r\n0\r\n\r\n"),
        (b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n", b"204"),
        (b"nonsense", b"502"),
        (b"", b"502"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nshort", b"short"),
        (b"HTTP/1.1 204 No Content\r\n\r\n{} that should not be there", b"204"),
    ],
)
def test_answers_of_every_kind(answer: bytes, expected: bytes):
    async def say(reader: Reader, writer: Writer) -> None:
        await read_head(reader)
        writer.write(answer)
        await writer.drain()

    async def go() -> None:
        async with stand(say) as made:
            received = await made.ask(get("/"))
            assert expected in received
            assert made.revision.under_way == 0

    asyncio.run(go())


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"NONSENSE\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nhost: other.azurecontainerapps.io\r\n\r\n", b"404"),
        (b"GET / HTTP/1.1\r\nx: " + b"y" * 70_000, b"431"),
        (f"GET http://{HOST}/x HTTP/1.1\r\nhost: {HOST}\r\n\r\n".encode(), b"200"),
        (f"GET / HTTP/1.0\r\nhost: {HOST}\r\n\r\n".encode(), b"200"),
    ],
)
def test_requests_of_every_kind(data: bytes, status: bytes):
    async def go() -> None:
        async with stand(echo) as made:
            assert (await made.ask(data)).startswith(b"HTTP/1.1 " + status)

    asyncio.run(go())


def test_a_client_may_ask_before_it_sends():
    async def take(reader: Reader, writer: Writer) -> None:
        await read_head(reader)
        assert await reader.readexactly(5) == b"hello"
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")

    async def go() -> None:
        async with stand(take) as made:
            reader, writer = await asyncio.open_connection("127.0.0.1", made.port)
            head = f"POST / HTTP/1.1\r\nhost: {HOST}\r\ncontent-length: 5\r\n"
            writer.write(f"{head}expect: 100-continue\r\n\r\n".encode())
            assert (await read_head(reader)).startswith(b"HTTP/1.1 100 Continue")
            writer.write(b"hello")
            assert (await read_head(reader)).startswith(b"HTTP/1.1 200 OK")
            writer.close()

    asyncio.run(go())


def test_http_is_redirected():
    async def go() -> None:
        async with stand(echo) as made:
            made.ingress.table.publish("/app", {HOST: AppRoute(((made.revision, 100),))})
            answer = await made.ask(get("/a?b=c"))
            assert answer.startswith(b"HTTP/1.1 301")
            assert f"location: https://{HOST}/a?b=c\r\n".encode() in answer

    asyncio.run(go())


@pytest.mark.parametrize(
    ("inside", "host", "status"),
    [
        ("", INTERNAL, 404),
        ("", "app", 404),
        (DOMAIN, INTERNAL, 301),
        (DOMAIN, "app", 200),  # there is no https for a name alone
        (DOMAIN, "APP:80", 200),
        (DOMAIN, "other", 404),
        (DOMAIN, "app---label", 404),
        (DOMAIN, HOST, 404),
        ("another.westeurope.azurecontainerapps.io", INTERNAL, 404),
        ("another.westeurope.azurecontainerapps.io", "app", 404),
    ],
)
def test_who_sees_an_internal_app(inside: str, host: str, status: int):
    async def go() -> None:
        async with stand(echo) as made:
            made.inside = inside
            route = AppRoute(((made.revision, 100),), only_in=DOMAIN)
            label = INTERNAL.replace("app.", "app---label.")
            made.ingress.table.publish("/app", {INTERNAL: route, label: route})
            answer = await made.ask(f"GET / HTTP/1.1\r\nhost: {host}\r\n\r\n".encode())
            assert answer.startswith(f"HTTP/1.1 {status}".encode())

    asyncio.run(go())


def test_a_connection_to_a_proxy_is_not_kept():
    """The next request on it may be for a host that is not ours."""

    async def go() -> None:
        async with stand(echo) as made:
            request = f"GET http://{HOST}/x HTTP/1.1\r\nhost: {HOST}\r\n\r\n".encode()
            answer = await made.ask(request + request)
            assert answer.count(b"HTTP/1.1 200") == 1
            assert b"connection: close\r\n" in answer

    asyncio.run(go())
