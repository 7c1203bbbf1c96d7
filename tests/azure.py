"""An emulator for tests, and the client of the course's workspace in it."""

from __future__ import annotations

import base64
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from emulator import daemon
from emulator.defaults import RESOURCE_GROUP, SUBSCRIPTION, WORKSPACE
from emulator.home import Home

if TYPE_CHECKING:
    from azure.ai.ml import MLClient


class LocalAzure:
    """A running emulator. `restart` and `kill` are what can happen to it."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self.process = daemon.up(home)

    def kill(self) -> None:
        """kill -9, as a crash or a power cut would."""
        os.kill(self.process.pid, 9)
        os.waitpid(self.process.pid, 0)

    def start(self) -> None:
        self.process = daemon.up(self.home)
        if os.environ.get("AZURE_LOCAL_HOME") == str(self.home.root):
            # Meanwhile a connection of another process may have come to have its port.
            os.environ.update(self.environment)

    def stop(self) -> None:
        daemon.down(self.home)

    @property
    def proxy(self) -> str:
        """The front door's URL, its password included."""
        return self.environment["HTTPS_PROXY"]

    @property
    def proxy_authorization(self) -> dict[str, str]:
        """The header with which the front door lets a client in."""
        user = self.proxy.removeprefix("http://").partition("@")[0]
        return {"Proxy-Authorization": f"Basic {base64.b64encode(user.encode()).decode()}"}

    @property
    def environment(self) -> dict[str, str]:
        return daemon.environment(self.home)


@contextmanager
def azure_in(folder: Path, settings: Mapping[str, str] | None = None) -> Iterator[LocalAzure]:
    """An emulator whose settings are in os.environ while the block lasts.

    `settings` are variables that the emulator itself is started with.
    """
    before = dict(os.environ)
    os.environ.update(settings or {})
    home = Home(folder)
    os.environ["AZURE_LOCAL_HOME"] = str(home.root)
    azure = LocalAzure(home)
    os.environ.update(azure.environment)
    try:
        yield azure
    finally:
        azure.stop()
        os.environ.clear()
        os.environ.update(before)


def course_client() -> MLClient:
    from azure.ai.ml import MLClient
    from azure.identity import DefaultAzureCredential

    return MLClient(DefaultAzureCredential(), SUBSCRIPTION, RESOURCE_GROUP, WORKSPACE)
