"""A connection of which nothing, or half of a head, ever comes."""

from __future__ import annotations

import asyncio

import pytest

from emulator.data_plane.routes.addresses import PublicAddresses
from emulator.front_door.opening import Behind, Opening
from emulator.tls import CertificateAuthority


@pytest.mark.parametrize("begun", [b"", b"CONNECT management.azure.com:443 HTTP/1.1\r\nHost: man"])
def test_a_client_that_does_not_finish_its_head_is_sent_away(behind: Behind, begun: bytes) -> None:
    async def wait_for_an_answer() -> bytes:
        server = await asyncio.get_running_loop().create_server(
            lambda: Opening(behind, admit=lambda _: "", patience=0.05), "127.0.0.1", 0
        )
        async with server:
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            writer.write(begun)
            answer = await reader.read()
            writer.close()
        return answer

    answer = asyncio.run(wait_for_an_answer())
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"No request came within" in answer


@pytest.fixture
def behind(tmp_path) -> Behind:
    def serve(host: str, inside: str) -> asyncio.Protocol:
        raise AssertionError("nothing was asked")

    return Behind(CertificateAuthority(tmp_path), serve, PublicAddresses())
