"""Connections to the port of a container that is just going."""

from __future__ import annotations

import asyncio
import socket
import sys

import psutil
import pytest

from emulator import container_port


class Greeted(asyncio.Protocol):
    def __init__(self) -> None:
        self.greeting = asyncio.get_running_loop().create_future()

    def data_received(self, data: bytes) -> None:
        self.greeting.set_result(data)


@pytest.fixture
def listener():
    """One whose queue is full: whoever asks now waits, as if the question got lost."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as server:
        waiting = []
        while True:
            client = socket.socket()
            waiting.append(client)
            client.settimeout(0.3)
            try:
                client.connect(server.getsockname())
            except TimeoutError:
                break
        yield server
        for client in waiting:
            client.close()


async def greet(listener: socket.socket) -> None:
    """Let in whoever asks or has asked."""
    while True:
        connection, _ = await asyncio.get_running_loop().sock_accept(listener)
        connection.sendall(b"here")
        connection.close()


def asking(port: int) -> set[int]:
    """The ports from which this process has asked for a connection that is not made yet."""
    return {
        each.laddr.port
        for each in psutil.Process().net_connections("tcp")
        if each.status == psutil.CONN_SYN_SENT and each.raddr.port == port
    }


@pytest.mark.skipif(sys.platform != "linux", reason="others refuse where Linux lets wait")
def test_a_connection_that_gets_lost_is_asked_for_anew(listener):
    port = listener.getsockname()[1]
    ours_before = asking(port)

    async def main() -> bytes:
        connecting = asyncio.create_task(container_port.connect(Greeted, port))
        seen: set[int] = set()
        while len(seen) < 2 and not connecting.done():
            seen |= asking(port) - ours_before
            await asyncio.sleep(0.05)
        listener.setblocking(False)
        letting_in = asyncio.create_task(greet(listener))
        transport, protocol = await connecting
        greeting = await protocol.greeting
        letting_in.cancel()
        transport.close()
        return greeting

    assert asyncio.run(asyncio.wait_for(main(), 60)) == b"here"


def test_a_port_where_nothing_listens_refuses():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(ConnectionRefusedError):
        asyncio.run(container_port.connect(asyncio.Protocol, port))
