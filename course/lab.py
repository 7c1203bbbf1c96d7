"""`course lab`: JupyterLab, open on the start page, with the kernel of the chosen place."""

from __future__ import annotations

import getpass
import os
import signal
import socket
import sys
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import click
from jupyter_server.serverapp import ServerApp
from jupyterlab.labapp import LabApp

from course import copies, kernels, lessons, places, tile
from course.start.install import install as install_start_page
from emulator.home import find_home
from emulator.portal_port import new_link
from emulator.state_file import StateError

ANNOUNCEMENTS = "@jupyterlab/apputils-extension:announcements"
STOP_TIMEOUT = 20  # seconds


class CourseServer(ServerApp):
    """Jupyter's server, but one that ends when it is told to.

    Jupyter's own ends after its kernels did, however long that takes: for ever, where one was just
    starting and never came up, or where ending one failed. Kernels left behind end by themselves
    when they find the server gone.
    """

    def stop(self, from_signal: bool = False) -> None:
        """Stop in order, within STOP_TIMEOUT seconds."""
        super().stop(from_signal)
        loop = self.io_loop
        loop.add_callback(loop.call_later, STOP_TIMEOUT, loop.stop)


def can_open_browser(environment: Mapping[str, str], platform: str = sys.platform) -> bool:
    """Return whether a browser that this process opens would be on the user's own screen."""
    if "SSH_CONNECTION" in environment or "CI" in environment:
        return False
    if platform.startswith(("win", "darwin")):
        return True
    return bool(environment.get("DISPLAY") or environment.get("WAYLAND_DISPLAY"))


def options(kernel: str, port: int, browser: bool) -> list[str]:
    """Return JupyterLab's command line."""
    return [
        f"--ServerApp.root_dir={lessons.ROOT}",
        f"--ServerApp.port={port}",
        "--ServerApp.port_retries=100",
        f"--ServerApp.open_browser={browser}",
        "--ServerApp.allow_root=True",
        # The learner's own lessons are what the file browser shows first.
        f"--PlaceContentsManager.preferred_dir={copies.folder()}",
        "--Application.log_level=ERROR",
        "--ServerApp.contents_manager_class=course.contents.PlaceContentsManager",
        f"--PlaceContentsManager.place={kernel}",
        # The course's two kernels alone, so that a lesson cannot end up on plain Python.
        f"--KernelSpecManager.allowed_kernelspecs={set(places.TITLES)}",
        "--KernelSpecManager.ensure_native_kernel=False",
        f"--MultiKernelManager.default_kernel_name={kernel}",
        # No question about updates before the first lesson; about news, see without_news.
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
    ]


def lab(kernel: str, port: int, browser: bool) -> None:
    """Serve until Ctrl-C or a signal. Raises LessonError, PlaceError."""
    kernels.install()
    os.environ[tile.PLACE] = kernel
    install_start_page()
    if not copies.folder().is_relative_to(lessons.ROOT):
        folder = f"{copies.VARIABLE} names {copies.folder()}"
        raise lessons.LessonError(f"{folder}, which is not in the course's folder {lessons.ROOT}.")
    copies.renew()
    if kernel == places.LIVE:
        # A missing credential must not keep one from reading: the kernel explains it in the cell.
        serve(kernel, port, browser)
        return
    with places.open_place(kernel, lessons.NOTEBOOKS):
        serve(kernel, port, browser)


def serve(kernel: str, port: int, browser: bool) -> None:
    if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        # A closed terminal ends JupyterLab in order, so that its kernels and local Azure end too.
        signal.signal(signal.SIGHUP, lambda *_: os.kill(os.getpid(), signal.SIGTERM))
    browser = browser and can_open_browser(os.environ)
    LabApp.serverapp_class = CourseServer
    server = LabApp.initialize_server(argv=options(kernel, port, browser))
    server.web_app.settings["page_config_hook"] = without_news
    server.log.addFilter(lambda record: "To access the server" not in record.getMessage())
    # The loop's first task is to listen on the port, this is its second.
    server.io_loop.add_callback(tell_address, server.public_url, server.port, kernel)
    server.start()


def without_news(_: object, page: dict[str, Any]) -> dict[str, Any]:
    """Turn JupyterLab's news off: it would ask whether it may fetch them."""
    page["disabledExtensions"] = [*page.get("disabledExtensions", []), ANNOUNCEMENTS]
    return page


def tell_address(address: str, port: int, kernel: str) -> None:
    click.echo(f"\nJupyterLab, kernel {places.TITLES[kernel]}. Open this address in a browser:\n")
    click.echo(f"    {address}\n")
    if "SSH_CONNECTION" in os.environ:
        host = f"{getpass.getuser()}@{socket.gethostname()}"
        click.echo("First, on your own machine, forward its port:\n")
        click.echo(f"    ssh -L {port}:localhost:{port} {host}\n")
    if link := _portal(kernel):
        click.echo(f"The portal, to see what is in Azure (this link works once):\n\n    {link}\n")
    click.echo("Ctrl-C stops it, after asking.")


def _portal(kernel: str) -> str | None:
    if kernel == places.LIVE:
        return None  # its tile starts it
    with suppress(OSError, StateError):
        return new_link(find_home())
    return None
