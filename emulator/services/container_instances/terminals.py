"""Terminals in containers, over web sockets, whose addresses exec and attach return.

https://learn.microsoft.com/rest/api/container-instances/containers/execute-command

The client connects, sends the password as its first message, and from then on what is typed; what
the program prints comes back as text. When the program ends the socket is closed.
"""

from __future__ import annotations

import asyncio
import codecs
import secrets
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from starlette.types import Receive, Scope, Send

from emulator.containers.runtime import (
    Container,
    ContainerRuntime,
    ContainerRuntimeError,
    ExecSession,
)
from emulator.services.container_instances import logs
from emulator.services.container_instances.paths import TERMINAL_PREFIX, TERMINAL_SUFFIX

LIFETIME = 60.0  # seconds in which the client has to connect
PASSWORD_TIMEOUT = 30.0  # seconds
# Close codes of RFC 6455.
NORMAL, WRONG, FAILED = 1000, 1008, 1011

Work = Callable[["Socket"], Awaitable[None]]


@dataclass(frozen=True)
class Invitation:
    password: str
    until: float
    work: Work


class Socket:
    """One accepted web socket."""

    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive = receive
        self._send = send

    async def receive(self) -> bytes | None:
        """The next message; None when the client has gone."""
        message = await self._receive()
        if message["type"] != "websocket.receive":
            return None
        if (text := message.get("text")) is not None:
            return str(text).encode()
        return bytes(message["bytes"])

    async def send(self, text: str) -> None:
        if text:
            await self._send({"type": "websocket.send", "text": text})

    async def close(self, code: int, reason: str = "") -> None:
        await self._send({"type": "websocket.close", "code": code, "reason": reason})


class Terminals:
    """The ASGI application behind {TERMINAL_PREFIX}{region}{TERMINAL_SUFFIX}."""

    def __init__(self, runtime: ContainerRuntime) -> None:
        self.runtime = runtime
        self.invitations: dict[str, Invitation] = {}

    def exec(
        self, location: str, container: Container, argv: tuple[str, ...], rows: int, cols: int
    ) -> dict[str, str]:
        """The answer to exec: where a client gets a terminal that runs `argv`."""

        async def work(socket: Socket) -> None:
            await self._exec(socket, container, argv, rows, cols)

        return self._invite(location, work, f"&rows={rows}&cols={cols}")

    def attach(self, location: str, container: Container, log_file: Path) -> dict[str, str]:
        """The answer to attach: where a client reads what the container prints from now on."""

        async def work(socket: Socket) -> None:
            await self._attach(socket, container, log_file)

        return self._invite(location, work, "")

    def _invite(self, location: str, work: Work, query: str) -> dict[str, str]:
        now = time.monotonic()
        self.invitations = {
            key: found for key, found in self.invitations.items() if found.until > now
        }
        key, password = secrets.token_hex(24), secrets.token_urlsafe(32)
        self.invitations[key] = Invitation(password, now + LIFETIME, work)
        host = f"{TERMINAL_PREFIX}{location}{TERMINAL_SUFFIX}"
        uri = f"wss://{host}/exec/{key}?api-version=2018-02-01-preview{query}"
        return {"webSocketUri": uri, "password": password}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "websocket":
            headers = [(b"content-type", b"text/plain"), (b"upgrade", b"websocket")]
            await send({"type": "http.response.start", "status": 426, "headers": headers})
            await send({"type": "http.response.body", "body": b"This is a web socket.\n"})
            return
        await receive()  # websocket.connect
        # An address is good for one connection.
        invitation = self.invitations.pop(scope["path"].rpartition("/")[2], None)
        if invitation is None or invitation.until < time.monotonic():
            await send({"type": "websocket.close", "code": WRONG})
            return
        await send({"type": "websocket.accept"})
        socket = Socket(receive, send)
        try:
            async with asyncio.timeout(PASSWORD_TIMEOUT):
                said = await socket.receive()
        except TimeoutError:
            said = b""
        if said is None:
            return
        if not secrets.compare_digest(said, invitation.password.encode()):
            await socket.close(WRONG, "The password is wrong.")
            return
        await invitation.work(socket)

    async def _exec(
        self, socket: Socket, container: Container, argv: tuple[str, ...], rows: int, cols: int
    ) -> None:
        try:
            session = await self.runtime.exec(container, argv, tty=True, rows=rows, cols=cols)
        except ContainerRuntimeError as error:
            await socket.send(f"{error}\r\n")
            await socket.close(FAILED)
            return
        typed = asyncio.create_task(_type(socket, session))
        printed = asyncio.create_task(_print(socket, session))
        try:
            await asyncio.wait({typed, printed}, return_when=asyncio.FIRST_COMPLETED)
            if printed.done():
                await socket.close(NORMAL)
        finally:
            for task in (typed, printed):
                task.cancel()
            await asyncio.gather(typed, printed, return_exceptions=True)
            await session.close()

    async def _attach(self, socket: Socket, container: Container, log_file: Path) -> None:
        ended, gone = asyncio.Event(), asyncio.Event()

        async def listen() -> None:
            # The program has no input to give it to.
            while await socket.receive() is not None:
                pass
            gone.set()
            ended.set()

        async def wait() -> None:
            await container.wait()
            ended.set()

        tasks = [asyncio.create_task(listen()), asyncio.create_task(wait())]
        try:
            async for text in logs.follow(log_file, ended):
                if gone.is_set():
                    return
                await socket.send(text)
            if not gone.is_set():
                await socket.close(NORMAL)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


async def _type(socket: Socket, session: ExecSession) -> None:
    while (data := await socket.receive()) is not None:
        await session.write(data)


async def _print(socket: Socket, session: ExecSession) -> None:
    decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
    while data := await session.read():
        await socket.send(decoder.decode(data))
    await socket.send(decoder.decode(b"", final=True))
