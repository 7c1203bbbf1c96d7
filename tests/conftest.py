"""Local Azure for the tests: one emulator for the session, reached as any client reaches it."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from emulator.home import Home
from practice.progress import record
from tests.azure import LocalAzure, azure_in, course_client

if TYPE_CHECKING:
    from azure.ai.ml import MLClient

pytest_plugins = ["tests.chromium"]


def pytest_configure(config: pytest.Config) -> None:
    """Hold answers to Microsoft's models, where the variable names a folder of them."""
    folder = os.environ.get("CONFORMANCE_SPECS")
    if folder:
        from tests.conformance.recording import Recording

        recording = Recording(Path(folder))
        recording.install()
        config.pluginmanager.register(recording)


@pytest.fixture(scope="session", autouse=True)
def progress_of_nobody(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """No test, and nothing that a test starts, touches the progress of who runs the tests."""
    file = tmp_path_factory.mktemp("progress") / record.FILE
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(record.VARIABLE, str(file))
        yield file


@pytest.fixture(scope="session")
def local_azure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAzure]:
    """The session's emulator, shared by the tests: use names of your own (`unique`)."""
    with azure_in(tmp_path_factory.mktemp("local-azure")) as azure:
        yield azure


@pytest.fixture
def another_azure(tmp_path: Path) -> Iterator[LocalAzure]:
    """An emulator of the test's own, to be stopped and killed; use its `environment`."""
    azure = LocalAzure(Home(tmp_path / "local-azure"))
    yield azure
    azure.stop()


@pytest.fixture(scope="session")
def ml_client(local_azure: LocalAzure) -> MLClient:
    """The real client of the course's workspace."""
    return course_client()


@pytest.fixture
def unique() -> str:
    """A suffix that no other test has, so that tests share an emulator in any order."""
    return secrets.token_hex(3)
