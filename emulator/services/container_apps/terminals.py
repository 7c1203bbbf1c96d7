"""A terminal in a container, as `az containerapp exec` has it, over a web socket.

    first byte     second byte    then
    0 forwarded    0 input        what is typed
    0              1, 2 output    what the program prints
    0              4 resize       {"Width": columns, "Height": rows}
    1 info, 2 error               what the proxy says

https://learn.microsoft.com/azure/container-apps/container-console
"""

from __future__ import annotations

import asyncio
import json
import shlex
from contextlib import suppress
from urllib.parse import parse_qs

from starlette.types import Receive, Scope, Send

from emulator.containers.runtime import (
    ContainerRuntime,
    ContainerRuntimeError,
    ContainerState,
    ExecSession,
)
from emulator.services.container_apps.replica import ReplicaContainer

INPUT, OUTPUT, RESIZE = b"\x00\x00", b"\x00\x01", b"\x00\x04"
INFO, ERROR = b"\x01", b"\x02"
LARGEST_SIDE = 9999  # rows or columns


async def run_terminal(
    runtime: ContainerRuntime,
    container: ReplicaContainer,
    scope: Scope,
    receive: Receive,
    send: Send,
) -> None:
    """Run the command of the query in the container, `sh` by default."""
    await receive()  # websocket.connect
    await send({"type": "websocket.accept"})

    async def show(data: bytes) -> None:
        await send({"type": "websocket.send", "bytes": data})

    query = parse_qs(scope["query_string"].decode("latin-1"))
    argv = shlex.split(query.get("command", ["sh"])[0]) or ["sh"]
    await show(INFO + f"Connecting to the container '{container.plan.name}'...".encode())
    try:
        if container.container is None or container.state is not ContainerState.RUNNING:
            raise ContainerRuntimeError(f"The container '{container.plan.name}' does not run.")
        session = await runtime.exec(container.container, argv, tty=True)
    except ContainerRuntimeError as error:
        await show(ERROR + str(error).encode())
        await send({"type": "websocket.close", "code": 1011})
        return
    await show(INFO + f"Successfully Connected to container: '{container.plan.name}'".encode())
    typed = asyncio.create_task(_type(session, receive))
    printed = asyncio.create_task(_print(session, send))
    try:
        await asyncio.wait({typed, printed}, return_when=asyncio.FIRST_COMPLETED)
        if printed.done():
            await send({"type": "websocket.close", "code": 1000})
    finally:
        for task in (typed, printed):
            task.cancel()
        await asyncio.gather(typed, printed, return_exceptions=True)
        await session.close()


async def _type(session: ExecSession, receive: Receive) -> None:
    while (message := await receive())["type"] == "websocket.receive":
        data = message.get("bytes") or (message.get("text") or "").encode()
        if data[:2] == INPUT:
            await session.write(data[2:])
        elif data[:2] == RESIZE:
            with suppress(ValueError, KeyError, TypeError, OverflowError):
                size = json.loads(data[2:])
                rows, columns = int(size["Height"]), int(size["Width"])
                if 0 < rows <= LARGEST_SIDE and 0 < columns <= LARGEST_SIDE:
                    await session.resize(rows, columns)


async def _print(session: ExecSession, send: Send) -> None:
    while data := await session.read():
        await send({"type": "websocket.send", "bytes": OUTPUT + data})
