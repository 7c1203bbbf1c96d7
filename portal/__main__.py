"""`python -m portal`: serves the portal on a socket that is given, or on a port of the loopback."""

from __future__ import annotations

import socket
import sys
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
def main(folder: Path, descriptor: int | None, port: int, live: bool) -> None:
    """Serve until SIGTERM or Ctrl-C. The environment says how Azure is reached."""
    if descriptor is None:
        listening = socket.create_server(("127.0.0.1", port))
    else:
        listening = socket.socket(fileno=descriptor)
    serve(Settings.of(folder, live), listening)


def serve(settings: Settings, listening: socket.socket) -> None:
    """Serve on this socket until SIGTERM or Ctrl-C."""
    config = uvicorn.Config(
        create_app(settings),
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=2,
        ws="none",
    )
    uvicorn.Server(config).run(sockets=[listening])


if __name__ == "__main__":
    sys.exit(main())
