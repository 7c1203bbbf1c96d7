"""`python -m portal`: serves the portal on a socket that is given, or on a port of the loopback."""

from __future__ import annotations

import asyncio
import socket
import sys
from contextlib import suppress
from pathlib import Path

import click
import uvicorn

from portal.app import create_app
from portal.settings import Settings


@click.command()
@click.option("--folder", type=click.Path(path_type=Path), required=True, help="Its state.")
@click.option("--descriptor", type=int, help="A listening socket, inherited.")
@click.option("--port", type=int, default=0, help="Where to listen without one; 0: anywhere.")
@click.option("--live", is_flag=True, help="This is live Azure.")
@click.option("--idle", type=float, help="Seconds without a request after which it ends.")
def main(folder: Path, descriptor: int | None, port: int, live: bool, idle: float | None) -> None:
    """Serve until SIGTERM or Ctrl-C. The environment says how Azure is reached."""
    if descriptor is None:
        listening = socket.create_server(("127.0.0.1", port))
    else:
        listening = socket.socket(fileno=descriptor)
    serve(Settings.of(folder, live), listening, idle)


def serve(settings: Settings, listening: socket.socket, idle: float | None = None) -> None:
    """Serve on this socket until SIGTERM or Ctrl-C, or until nobody asked for `idle` seconds."""
    config = uvicorn.Config(
        create_app(settings),
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=2,
        ws="none",
    )
    asyncio.run(_serve(uvicorn.Server(config), [listening, *_twin(listening)], idle))


def _twin(listening: socket.socket) -> list[socket.socket]:
    """Return the same port of IPv6's loopback, where there is one.

    Browsers look there first for names below localhost (passing.py): nobody else may answer them.
    """
    with suppress(OSError):
        address = ("::1", listening.getsockname()[1])
        return [socket.create_server(address, family=socket.AF_INET6)]
    return []


async def _serve(
    server: uvicorn.Server, listening: list[socket.socket], idle: float | None
) -> None:
    serving = asyncio.create_task(server.serve(sockets=listening))
    seen = 0
    while idle and not (await asyncio.wait({serving}, timeout=idle))[0]:
        asked = server.server_state.total_requests
        server.should_exit = asked == seen
        seen = asked
    await serving


if __name__ == "__main__":
    sys.exit(main())
