"""Probes: what passes, what fails and why, and how often it must in a row."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
import trustme

from emulator.processes.probes import ExecCommand, HttpGet, Probe, Prober, TcpSocket, ask

pytestmark = pytest.mark.anyio
Answer = Callable[[bytes], bytes | None]


@asynccontextmanager
async def server(answer: Answer, context: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """Answers each request's head; None is no answer at all."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            said = answer(await reader.readuntil(b"\r\n\r\n"))
            if said is None:
                await reader.read()  # until the client has had enough
            else:
                writer.write(said)
        except asyncio.IncompleteReadError:
            pass
        finally:
            writer.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    async with listening:
        yield listening.sockets[0].getsockname()[1]


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\n", ""),
        (b"HTTP/1.0 204\r\n\r\n", ""),
        (b"HTTP/1.1 399 Odd\r\n\r\n", ""),
        (b"HTTP/1.1 404 Not Found\r\n\r\n", "HTTP probe failed with statuscode: 404"),
        (b"HTTP/1.1 100 Continue\r\n\r\n", "HTTP probe failed with statuscode: 100"),
        (b"SSH-2.0-x 200\r\n", "the answer is not HTTP"),
        (b"", "the answer is not HTTP"),
        (None, "no answer within 0.2 seconds"),
    ],
)
async def test_http(said: bytes | None, problem: str) -> None:
    async with server(lambda _: said) as port:
        probe = Probe(HttpGet(80), timeout=0.2 if said is None else 10)
        assert await ask(probe, {80: port}.get) == problem


async def test_http_asks_with_its_path_and_headers() -> None:
    heads: list[bytes] = []

    def answer(head: bytes) -> bytes:
        heads.append(head)
        return b"HTTP/1.1 200 OK\r\n\r\n"

    headers = (("Host", "example.com"), ("X-Mine", "1"))
    async with server(answer) as port:
        probe = Probe(HttpGet(80, "/ready?a=b", headers=headers), timeout=10)
        assert await ask(probe, {80: port}.get) == ""
    lines = heads[0].decode().split("\r\n")
    assert lines[0] == "GET /ready?a=b HTTP/1.1"
    assert {"host: example.com", "x-mine: 1", "connection: close"} <= set(lines)
    assert sum(line.lower().startswith("host:") for line in lines) == 1


async def test_https_does_not_look_at_the_certificate() -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("elsewhere.example").configure_cert(context)
    async with server(lambda _: b"HTTP/1.1 200 OK\r\n\r\n", context) as port:
        probe = Probe(HttpGet(443, scheme="https"), timeout=10)
        assert await ask(probe, {443: port}.get) == ""


async def test_what_cannot_be_reached_fails() -> None:
    async with server(lambda _: b"") as port:
        pass
    for action in (HttpGet(80), TcpSocket(80)):
        assert await ask(Probe(action), {80: port}.get) != ""
        assert await ask(Probe(action), {}.get) == "the container has no port 80"


async def test_tcp_passes_when_the_connection_stays_open() -> None:
    async with server(lambda _: None) as port:
        assert await ask(Probe(TcpSocket(80)), {80: port}.get) == ""

    async def close(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async with await asyncio.start_server(close, "127.0.0.1", 0) as closing:
        port = closing.sockets[0].getsockname()[1]
        probe = Probe(TcpSocket(80))
        assert await ask(probe, {80: port}.get) == "the connection was closed at once"


async def test_a_command_is_run_where_it_can_be() -> None:
    async def run(command: tuple[str, ...]) -> str:
        if command == ("sleep",):
            await asyncio.sleep(60)
        return "" if command == ("true",) else f"{command} failed"

    for command, problem in {
        "true": "",
        "false": "('false',) failed",
        "sleep": "no answer within 0.2 seconds",
    }.items():
        probe = Probe(ExecCommand((command,)), timeout=0.2)
        assert await ask(probe, {}.get, run) == problem
    assert await ask(Probe(ExecCommand(("true",))), {}.get) != ""


class Scripted:
    """A command that passes and fails as it is told, one letter an answer."""

    def __init__(self, answers: str) -> None:
        self.answers = list(answers)

    async def __call__(self, command: tuple[str, ...]) -> str:
        return "" if self.answers.pop(0) == "+" else "no"


@pytest.mark.parametrize(
    ("answers", "threshold", "left"), [("+x", 1, "x"), ("-+-++x", 2, "x"), ("--+x", 1, "x")]
)
async def test_until_passing(answers: str, threshold: int, left: str) -> None:
    script = Scripted(answers)
    probe = Probe(ExecCommand(("x",)), period=0.001, timeout=10, success_threshold=threshold)
    await Prober(probe, {}.get, script).until_passing()
    assert script.answers == list(left)


@pytest.mark.parametrize(
    ("answers", "threshold", "left"), [("-x", 1, "x"), ("+-+--x", 2, "x"), ("--+---x", 3, "x")]
)
async def test_until_failing(answers: str, threshold: int, left: str) -> None:
    script, told = Scripted(answers), list[str]()
    probe = Probe(ExecCommand(("x",)), period=0.001, timeout=10, failure_threshold=threshold)
    await Prober(probe, {}.get, script, told.append).until_failing()
    assert script.answers == list(left)
    assert told == ["no"] * answers.count("-")
