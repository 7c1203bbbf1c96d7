"""Local Azure for the tests: one emulator for the session, reached as any client reaches it."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from emulator import daemon
from emulator.defaults import REGION, RESOURCE_GROUP, SUBSCRIPTION, WORKSPACE
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

    def stop(self) -> None:
        daemon.down(self.home)

    @property
    def environment(self) -> dict[str, str]:
        return daemon.environment(self.home)


@pytest.fixture(scope="session")
def local_azure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAzure]:
    """The session's emulator; its settings are in os.environ while the session lasts."""
    before = dict(os.environ)
    home = Home(tmp_path_factory.mktemp("local-azure"))
    os.environ["AZURE_LOCAL_HOME"] = str(home.root)
    azure = LocalAzure(home)
    os.environ.update(azure.environment)
    yield azure
    azure.stop()
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture
def another_azure(tmp_path: Path) -> Iterator[LocalAzure]:
    """An emulator of the test's own, to be stopped and killed; use its `environment`."""
    azure = LocalAzure(Home(tmp_path / "local-azure"))
    yield azure
    azure.stop()


@pytest.fixture(scope="session")
def ml_client(local_azure: LocalAzure) -> MLClient:
    """The real client of the course's workspace."""
    from azure.ai.ml import MLClient
    from azure.identity import DefaultAzureCredential

    return MLClient(DefaultAzureCredential(), SUBSCRIPTION, RESOURCE_GROUP, WORKSPACE)


@pytest.fixture
def unique() -> str:
    """A suffix that no other test has, so that tests share an emulator in any order."""
    return secrets.token_hex(3)


__all__ = ["REGION", "LocalAzure"]
