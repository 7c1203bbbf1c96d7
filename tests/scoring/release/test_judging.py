from __future__ import annotations

from pathlib import Path

from scoring.release.__main__ import HERE
from scoring.release.judging import judge, load_gates
from scoring.release.measuring import Answer

GOOD = [Answer(200, 0.01, 3, 3)] * 200
FAILED = [Answer(424, 0.01, None, 3)] * 200


def test_the_gate_that_is_there_compares_failures() -> None:
    gates = load_gates(HERE / "gates.py")
    assert list(gates) == ["failures"]
    assert judge(gates, GOOD, GOOD) == {"failures": None}
    assert judge(gates, GOOD, FAILED[:2] + GOOD[2:]) == {"failures": None}
    said = judge(gates, GOOD, FAILED[:3] + GOOD[3:])["failures"]
    assert said == "3 of 200 requests failed; of the version in use, 0."
    assert judge(gates, FAILED, FAILED) == {"failures": None}
    assert judge(gates, FAILED, GOOD) == {"failures": None}


def test_what_a_gate_cannot_decide_stops_the_release(tmp_path: Path) -> None:
    file = tmp_path / "gates.py"
    file.write_text(
        "def breaks(live, candidate): return 1 / 0\n"
        "def forgets(live, candidate): candidate.clear()\n"
        "def is_false(live, candidate): return False\n"
        "def is_true(live, candidate): return len(candidate) == 200\n"
        "def says_nothing(live, candidate): return ''\n"
        "def takes_one(candidate): return None\n"
    )
    said = judge(load_gates(file), GOOD, list(GOOD))
    assert said["forgets"] is None
    told = {name: why for name, why in said.items() if name != "forgets"}
    assert told == {
        "breaks": "the gate broke with ZeroDivisionError: division by zero",
        "is_false": "the gate returned False, which is neither None nor a sentence",
        "is_true": "the gate returned True, which is neither None nor a sentence",
        "says_nothing": "the gate returned '', which is neither None nor a sentence",
        "takes_one": "the gate broke with TypeError: takes_one() takes 1 positional argument "
        "but 2 were given",
    }


def test_helpers_and_imports_are_no_gates(tmp_path: Path) -> None:
    file = tmp_path / "gates.py"
    file.write_text(
        "from os.path import join\nimport numpy as np\nLIMIT = 3\nclass Kept: pass\n"
        "def _helper(): pass\nquick = lambda live, candidate: None\n"
    )
    assert list(load_gates(file)) == ["quick"]
