"""What the tests of machine learning share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.emulator.services.deployments import Workbench


@pytest.fixture
def bench(ml_client, tmp_path: Path, unique: str) -> Iterator[Workbench]:
    workbench = Workbench(ml_client, tmp_path, unique)
    yield workbench
    workbench.clean()
