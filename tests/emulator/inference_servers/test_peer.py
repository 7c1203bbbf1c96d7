"""An inference server answers the user whose it is, and nobody else of the machine."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing

import pytest

from emulator.inference_servers import peer
from emulator.inference_servers.supervisor import ServerSpec, State, Supervisor
from tests.emulator.inference_servers.servers import MIRROR, post, served

Spec = Callable[..., ServerSpec]
NOBODY = 65534

on_linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Linux alone tells")
as_root = pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can be another user"
)


def answer_to(user: int, port: int) -> bytes:
    """What a server answers a user."""
    ask = 'exec 3<>/dev/tcp/127.0.0.1/$0; printf "GET / HTTP/1.0\\r\\n\\r\\n" >&3; cat <&3'
    done = subprocess.run(
        ["bash", "-c", ask, str(port)],
        user=user,
        group=user,
        extra_groups=[],
        cwd="/",
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,  # the connection is reset
        timeout=60,
    )
    return done.stdout


@on_linux
@as_root
@pytest.mark.anyio
@pytest.mark.parametrize("plainly", [False, True], ids=["forked", "plain"])
@pytest.mark.parametrize("workers", [{}, {"GUNICORN_CMD_ARGS": "--worker-class=gthread"}])
async def test_another_user_gets_no_answer(
    runtime: Supervisor, spec: Spec, plainly: bool, workers: dict[str, str]
) -> None:
    server = await served(runtime, spec(plainly=plainly, variables=workers))
    for _ in range(3):
        assert await asyncio.to_thread(answer_to, NOBODY, server.port) == b""
        assert b"Healthy" in await asyncio.to_thread(answer_to, os.getuid(), server.port)
        assert await post(server.port, [1]) == [1]
    assert "Connection" not in server.spec.log_file.read_text()
    assert (server.restarts, server.state) == (0, State.READY)


@pytest.fixture
def connected() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Both ends of a connection over loopback: the client's and the server's."""
    with (
        closing(socket.create_server(("127.0.0.1", 0))) as listener,
        closing(socket.create_connection(listener.getsockname())) as client,
    ):
        server, _ = listener.accept()
        with closing(server):
            yield client, server


@on_linux
@pytest.mark.parametrize("find", [peer._by_netlink, peer._by_list])
def test_the_kernel_tells_whose_the_other_end_is(
    find: Callable[[tuple[str, int], tuple[str, int]], int | None],
    connected: tuple[socket.socket, socket.socket],
) -> None:
    client, server = connected
    assert find(server.getpeername(), server.getsockname()) == os.geteuid()
    assert find(("127.0.0.1", 1), server.getsockname()) is None
    assert peer.is_owner(server)
    client.close()


@on_linux
def test_without_netlink_the_list_is_read(
    connected: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, server = connected
    monkeypatch.setattr(peer, "_by_netlink", lambda *_: None)
    monkeypatch.setattr(peer, "_netlink_tells", [])
    assert peer.is_owner(server)
    monkeypatch.setattr(peer.os, "geteuid", lambda: 12345)
    assert not peer.is_owner(server)


@on_linux
@pytest.mark.anyio
async def test_the_helper_is_under_no_name_that_a_script_could_import(
    runtime: Supervisor, spec: Spec
) -> None:
    for plainly in (False, True):
        what = spec(MIRROR, name=f"ep--{plainly}", plainly=plainly)
        server = await served(runtime, what)
        names = "[name for name, module in sys.modules.items() if 'peer.py' in repr(module)]"
        assert await post(server.port, names) == []
