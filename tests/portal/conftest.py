"""The portal as its user has it: a process of its own, signed in to with a one-time link."""

from __future__ import annotations

import os
import secrets
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from azure.ai.ml import MLClient
from playwright.sync_api import Browser, BrowserContext, Page, expect

from course.lessons import ROOT
from portal.sign_in import new_code
from tests.azure import LocalAzure
from tests.emulator.services.deployments import Workbench

Opener = Callable[..., Page]
# Chromium gives up its requests when a container's network comes or goes; the page asks again.
NETWORK_CHANGED = "net::ERR_NETWORK_CHANGED"
expect.set_options(timeout=60_000)  # a busy machine is no mistake


class Portal:
    """A running portal; `url` is its root."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self.folder = folder
        with socket.create_server(("127.0.0.1", 0)) as listening:
            self.port = int(listening.getsockname()[1])
            descriptor = listening.fileno()
            given = ["--folder", str(folder), "--descriptor", str(descriptor), *arguments]
            self.process = subprocess.Popen(
                [sys.executable, "-m", "portal", *given],
                cwd=ROOT,
                env=os.environ,
                pass_fds=(descriptor,),
            )
        self.url = f"http://127.0.0.1:{self.port}"

    @property
    def link(self) -> str:
        """A one-time link."""
        return f"{self.url}/sign-in?code={new_code(self.folder)}"

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(timeout=30)


@pytest.fixture(scope="module")
def portal(local_azure: LocalAzure, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    """A portal of the tests' local Azure."""
    portal = Portal(tmp_path_factory.mktemp("portal"))
    yield portal
    portal.stop()


@pytest.fixture(scope="module")
def bench(ml_client: MLClient, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workbench]:
    """Makes endpoints and small deployments, and deletes them when the module's tests are over."""
    bench = Workbench(ml_client, tmp_path_factory.mktemp("bench"), secrets.token_hex(3))
    yield bench
    bench.clean()


@pytest.fixture
def open_portal(portal: Portal, browser: Browser) -> Iterator[Opener]:
    """Open a page of the portal, signed in: `open_portal(path, width=1200, dark=False)`.

    A test fails where a page logged an error or asked for something that is not on loopback.
    """
    contexts: list[BrowserContext] = []
    wrong: list[str] = []

    def open_page(path: str = "/", width: int = 1200, dark: bool = False) -> Page:
        context = browser.new_context(
            viewport={"width": width, "height": 900},
            color_scheme="dark" if dark else "light",
            base_url=portal.url,
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(60_000)
        page.on(
            "console",
            lambda message: wrong.append(message.text) if message.type == "error" else None,
        )
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on(
            "request", lambda request: None if _is_local(request.url) else wrong.append(request.url)
        )
        page.goto(portal.link)
        if path != "/":
            page.goto(path)
        return page

    yield open_page
    for context in contexts:
        context.close()
    if any(NETWORK_CHANGED in one for one in wrong):
        wrong = [one for one in wrong if not one.startswith("htmx:") and NETWORK_CHANGED not in one]
    assert not wrong


def _is_local(url: str) -> bool:
    return url.startswith(("http://127.0.0.1:", "data:", "blob:")) or ".localhost:" in url
