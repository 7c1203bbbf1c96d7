"""TLS that takes whichever certificate a client has, of any authority and of none."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path

import pytest
import trustme

from emulator.client_certificates import AskingContext, forwarded
from emulator.tls import CertificateAuthority

HOST = "app.env.westeurope.azurecontainerapps.io"
VERSIONS = (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)


async def shown(context: AskingContext, client: ssl.SSLContext) -> tuple[bytes, ...] | None:
    """The client's certificates as the server has them, None when there is no connection."""

    async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"hello")
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    port = server.sockets[0].getsockname()[1]
    try:
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", port, ssl=client, server_hostname=HOST
        )
        greeting = await reader.read()
        writer.close()
    except OSError:
        return None
    finally:
        server.close()
    return context.chain if greeting else None


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("is_required", [False, True])
@pytest.mark.parametrize("has_one", [False, True])
def test_whom_it_lets_in(
    tmp_path: Path, version: ssl.TLSVersion, is_required: bool, has_one: bool
) -> None:
    authority = CertificateAuthority(tmp_path)
    context = authority.asking_context(HOST, is_required=is_required)
    client = ssl.create_default_context(cafile=str(authority.certificate))
    client.maximum_version = version
    issued = trustme.CA().create_child_ca().issue_cert("ada@example.org")
    if has_one:
        own = tmp_path / "client.pem"
        issued.private_key_and_cert_chain_pem.write_to_path(own)
        client.load_cert_chain(own)
    chain = asyncio.run(shown(context, client))
    if has_one:
        pems = [each.bytes().decode() for each in issued.cert_chain_pems]
        assert chain == tuple(map(ssl.PEM_cert_to_DER_cert, pems))
        assert b'";Chain="' in forwarded(chain)
    else:
        assert chain == (None if is_required else ())
