"""Several clients on the same names, kill -9 meanwhile: what is there then was asked for."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.rounds import Rounds

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_ten_rounds(tmp_path: Path) -> None:
    """`python -m tests.faults --rounds 1 --seed N` repeats the round that a finding names."""
    rounds = Rounds(tmp_path, ROOT / "build" / "faults" / "short.json")
    rounds.run(range(1, 11))
    assert len(rounds.seconds) == 10
    assert rounds.report() == ""
