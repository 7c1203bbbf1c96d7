"""What the tests of machine learning and of containers share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from emulator.home import Home
from tests.conftest import LocalAzure
from tests.emulator.services.apps_bench import AppsBench
from tests.emulator.services.container_machine import Machine, problem, settings
from tests.emulator.services.deployments import Workbench
from tests.emulator.services.jobs_bench import JobsBench
from tests.emulator.services.managed_identities import Identities


@pytest.fixture
def bench(ml_client, tmp_path: Path, unique: str) -> Iterator[Workbench]:
    workbench = Workbench(ml_client, tmp_path, unique)
    yield workbench
    workbench.clean()


@pytest.fixture
def identities(local_azure: LocalAzure, unique: str) -> Iterator[Identities]:
    identities = Identities(unique)
    yield identities
    identities.clean()


@pytest.fixture(scope="session", params=["process", "engine"])
def container_azure(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, LocalAzure, dict[str, str]]]:
    """An emulator for each way of running containers; skipped where there is no engine."""
    kind: str = request.param
    if why := problem(kind):
        pytest.skip(why)
    chosen = settings(kind)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in chosen.items():
            patch.setenv(name, value)
        azure = LocalAzure(Home(tmp_path_factory.mktemp(f"azure-{kind}")))
        yield kind, azure, chosen
        azure.stop()


@pytest.fixture
def machine(
    container_azure: tuple[str, LocalAzure, dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> Machine:
    """The clients of an emulator that runs containers; its settings are in os.environ."""
    kind, azure, chosen = container_azure
    for name, value in (azure.environment | chosen).items():
        monkeypatch.setenv(name, value)
    return Machine(kind, azure)


@pytest.fixture
def own_machine(
    another_azure_settings: tuple[str, dict[str, str]],
    another_azure: LocalAzure,
    monkeypatch: pytest.MonkeyPatch,
) -> Machine:
    """The clients of an emulator of the test's own, to be killed."""
    kind, chosen = another_azure_settings
    for name, value in (another_azure.environment | chosen).items():
        monkeypatch.setenv(name, value)
    return Machine(kind, another_azure)


@pytest.fixture(params=["process", "engine"])
def another_azure_settings(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> tuple[str, dict[str, str]]:
    if why := problem(request.param):
        pytest.skip(why)
    chosen = settings(request.param)
    for name, value in chosen.items():
        monkeypatch.setenv(name, value)
    return request.param, chosen


@pytest.fixture
def apps(machine: Machine, unique: str) -> Iterator[AppsBench]:
    bench = AppsBench(machine, unique)
    yield bench
    bench.clean()


@pytest.fixture
def jobs(apps: AppsBench) -> Iterator[JobsBench]:
    bench = JobsBench(apps)
    yield bench
    bench.clean()
