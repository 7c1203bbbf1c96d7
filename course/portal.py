"""`course portal`: the portal of local Azure, or of live Azure.

Local Azure holds a port for its portal (emulator/portal_port.py), so that there the command only
makes a link. Where there is no such port, and for live Azure, the command serves it itself.
"""

from __future__ import annotations

import os
import socket
import sys
import threading
import time
import webbrowser
from contextlib import suppress
from pathlib import Path

import click
import platformdirs

from course.lab import can_open_browser
from course.places import LIVE, LOCAL, TITLES, enter
from emulator.daemon import EmulatorError, running
from emulator.home import find_home
from emulator.portal_port import new_link
from emulator.state_file import StateError
from portal.sign_in import new_code

LOOK_AGAIN = 1.0  # seconds


def open_portal(kernel: str, browser: bool) -> None:
    """Print a link to the portal, and open it where there is a screen. Raises PlaceError."""
    environment = dict(os.environ)
    enter(kernel, environment, Path.cwd())
    link = new_link(find_home()) if kernel == LOCAL else None
    if link:
        _tell(kernel, link, browser)
        return
    os.environ.update(environment)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        _tell(kernel, f"http://127.0.0.1:{port}/sign-in?code={new_code(_folder(kernel))}", browser)
        click.echo("Ctrl-C stops it.")
        _serve(kernel, listening)


def serve_for_jupyter(kernel: str, port: int) -> None:
    """Serve the portal behind Jupyter's proxy, until a signal. Raises PlaceError.

    Jupyter starts it once. After a reset or a start of local Azure at another port it is started
    anew in the same process, since its settings and its credential are those of the one before.
    """
    before = dict(os.environ)
    enter(kernel, os.environ, Path.cwd())
    if kernel == LOCAL:
        threading.Thread(target=_follow, args=[before], daemon=True).start()
    with socket.create_server(("127.0.0.1", port)) as listening:
        _serve(kernel, listening)


def _follow(environment: dict[str, str]) -> None:
    """Start this program anew, with this environment, when another local Azure is there."""
    served = _running()
    while True:
        time.sleep(LOOK_AGAIN)
        now = _running()
        if now is not None and now != served:
            os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], environment)


def _running() -> tuple[int, int] | None:
    with suppress(EmulatorError, StateError):  # what is wrong is told to whoever starts it
        found = running(find_home())
        return (found.pid, found.port) if found else None
    return None


def _serve(kernel: str, listening: socket.socket) -> None:
    # Imported here: a link is made without them.
    from portal.__main__ import serve
    from portal.settings import Settings

    serve(Settings.of(_folder(kernel), live=kernel == LIVE), listening)


def _folder(kernel: str) -> Path:
    """Where the portal keeps its one-time links and sessions."""
    if kernel == LOCAL:
        return find_home().portal
    return platformdirs.user_state_path("azure-local") / "portal-live"


def _tell(kernel: str, link: str, browser: bool) -> None:
    click.echo(f"The portal, {TITLES[kernel]}. This link works once:\n\n    {link}\n")
    if browser and can_open_browser(os.environ):
        webbrowser.open(link)
    elif sys.stdout.isatty():
        click.echo("`course portal` makes another one.")
