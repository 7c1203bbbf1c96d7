"""The az CLI on a local Azure of its own, and a count of what its commands did."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.azure import LocalAzure, azure_in
from tests.cli.az import VARIABLE, Az

OUTCOMES = pytest.StashKey[dict[str, str]]()
RESULTS = Path(__file__).parents[2] / "build" / "az.json"


@pytest.fixture(scope="session")
def az_program() -> str:
    found = os.environ.get(VARIABLE) or ""
    if not found:
        pytest.skip(f"{VARIABLE} does not name an az CLI; `make az` installs one and runs this")
    if not shutil.which(found):
        pytest.fail(f"{VARIABLE} is {found}, and that is no program")
    return found


@pytest.fixture(scope="module")
def azure(az_program: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAzure]:
    """One where processes stand for containers: no image can be pulled on a test machine."""
    settings = {"AZURE_LOCAL_CONTAINERS": "process"}
    with azure_in(tmp_path_factory.mktemp("azure"), settings) as azure:
        yield azure


@pytest.fixture(scope="module")
def az(az_program: str, azure: LocalAzure, request: pytest.FixtureRequest) -> Az:
    """The CLI, signed in as `python -m emulator env` says."""
    outcomes = request.config.stash.setdefault(OUTCOMES, {})
    cli = Az(az_program, dict(azure.environment), outcomes)
    who = azure.environment
    command = f"login --service-principal --username {who['AZURE_CLIENT_ID']}"
    command += f" --password {who['AZURE_CLIENT_SECRET']} --tenant {who['AZURE_TENANT_ID']}"
    signed_in = cli.run(command.split())
    assert signed_in.code == 0, signed_in.printed
    return cli


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    outcomes = terminalreporter.config.stash.get(OUTCOMES, {})
    if not outcomes:
        return
    counts = {
        kind: sum(outcome == kind for outcome in outcomes.values())
        for kind in ("worked", "refused as on Azure", "501", "wrong")
    }
    terminalreporter.section("az CLI")
    parts = ", ".join(f"{count} {kind}" for kind, count in counts.items())
    terminalreporter.line(f"{len(outcomes)} commands: {parts}")
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps({"counts": counts, "commands": outcomes}, indent=1))
