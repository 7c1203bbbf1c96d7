from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.emulator.services.batch_bench import BatchBench


@pytest.fixture
def batch(ml_client, tmp_path: Path, unique: str) -> Iterator[BatchBench]:
    bench = BatchBench(ml_client, tmp_path, unique)
    yield bench
    bench.clean()
