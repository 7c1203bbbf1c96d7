"""What the tests of the runtime do with a server."""

from __future__ import annotations

import asyncio
import json
import os
from contextlib import suppress
from typing import Any

import psutil

from emulator.inference_servers.supervisor import Server, ServerSpec, State, Supervisor
from tests.waiting import until_async

ECHO = """
    import json

    def init():
        pass

    def run(data):
        return json.loads(data)
"""

# Answers what it is asked for about its own process.
MIRROR = """
    import json, os, sys

    def init():
        pass

    def run(data):
        return eval(json.loads(data))
"""


async def post(port: int, body: object) -> Any:
    """POST /score on loopback; answers the JSON of a 200, else fails with the answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    data = json.dumps(body).encode()
    writer.write(
        b"POST /score HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(data), data)
    )
    answer = await reader.read()
    writer.close()
    head, _, content = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200"), answer
    return json.loads(content)


async def until_state(server: Server, state: State, seconds: float = 30) -> None:
    await until_async(lambda: server.state is state, seconds)


async def served(runtime: Supervisor, spec: ServerSpec) -> Server:
    server = await runtime.start(spec, lambda _: None)
    await server.ready()
    return server


def tree(pid: int) -> list[psutil.Process]:
    """The process and all below it that live, a guard left out."""
    top = psutil.Process(pid)
    found = []
    for each in (top, *top.children(recursive=True)):
        with suppress(psutil.Error):  # gone, a zombie
            if "guard.py" not in " ".join(each.cmdline()):
                found.append(each)
    return found


def group(pid: int) -> list[psutil.Process]:
    """Every process, zombies too, of the process group that `pid` leads."""
    found = []
    for process in psutil.process_iter():
        try:
            if os.getpgid(process.pid) == pid:
                found.append(process)
        except OSError:
            continue
    return found


def is_forked(server: Server) -> bool:
    """Whether a fork server is the parent, not this process."""
    return psutil.Process(server.pid).ppid() != os.getpid()
