"""A local Azure that runs containers as processes, and apps in it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.azure import LocalAzure, azure_in
from tests.emulator.services.apps_bench import AppsBench
from tests.emulator.services.container_machine import Machine, settings

from ..conftest import Opener


# A folder without an __init__.py is no package: such a fixture would last for the session.
@pytest.fixture(scope="module")
def local_azure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAzure]:
    """Its settings are in os.environ while the tests of a module run."""
    with azure_in(tmp_path_factory.mktemp("apps-azure"), settings("process")) as azure:
        yield azure


@pytest.fixture
def apps(local_azure: LocalAzure, unique: str) -> Iterator[AppsBench]:
    bench = AppsBench(Machine("process", local_azure), unique)
    yield bench
    bench.clean()


@pytest.fixture
def open_portal(apps: AppsBench, open_portal: Opener) -> Opener:
    """The pages are closed before the apps that they show are deleted."""
    return open_portal
