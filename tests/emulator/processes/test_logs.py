"""A server's log: its end, and its size."""

from __future__ import annotations

from pathlib import Path

import pytest

from emulator.processes import logs
from emulator.processes.logs import last_lines, prune, tail, trim


def test_tail(tmp_path: Path) -> None:
    log = tmp_path / "log.txt"
    assert tail(log) == ""
    log.write_bytes(b"first\nsecond\nthird\n")
    assert tail(log) == "first\nsecond\nthird\n"
    assert tail(log, start=6) == "second\nthird\n"
    assert tail(log, limit=8) == "third\n"  # whole lines
    assert tail(log, start=1000) == "first\nsecond\nthird\n"  # trimmed since
    log.write_bytes(b"caf\xe9\n")
    assert tail(log) == "caf\N{REPLACEMENT CHARACTER}\n"


def test_trim_keeps_the_end_while_it_is_written(tmp_path: Path) -> None:
    log = tmp_path / "log.txt"
    with log.open("ab", buffering=0) as server:
        server.write(b"".join(b"line %04d\n" % number for number in range(200)))
        trim(log, limit=4000, kept=100)
        assert log.stat().st_size == 2000  # not yet
        trim(log, limit=1000, kept=105)
        assert log.read_text().splitlines() == [f"line {number:04}" for number in range(190, 200)]
        server.write(b"line 0200\n")
    assert log.read_text().splitlines()[-2:] == ["line 0199", "line 0200"]


def test_a_line_without_end_is_bounded_and_not_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs, "LONGEST_LINE", 10)
    log = tmp_path / "log.txt"
    log.write_bytes(b"x" * 5000)
    assert tail(log, limit=100) == "x" * 10 + " ... (90 characters more)"
    trim(log, limit=1000, kept=100)
    assert log.read_bytes() == b"x" * 100
    log.write_bytes(b"short\n" + b"y" * 12 + b"\nshort\n")
    assert tail(log) == "short\n" + "y" * 10 + " ... (3 characters more)\nshort\n"


def test_last_lines(tmp_path: Path) -> None:
    log = tmp_path / "log.txt"
    assert last_lines(log, 3) == ""
    log.write_text("".join(f"line {number}\n" for number in range(10)))
    assert last_lines(log, 2) == "line 8\nline 9\n"
    assert last_lines(log, 0) == ""
    assert len(last_lines(log, 100).splitlines()) == 10
    assert last_lines(log, 100, limit=16) == "line 8\nline 9\n"


def test_a_few_files_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "KEPT_FILES", 3)
    for number in range(12):
        (tmp_path / f"web.{number}.log").touch()
    for other in ("web.log", "web-2.1.log", "web.x.log", "other.1.log", "web.1.txt"):
        (tmp_path / other).touch()
    before = {file.name for file in tmp_path.iterdir()}
    prune(tmp_path / "web.11.log", in_use=[tmp_path / "web.2.log"])
    after = {file.name for file in tmp_path.iterdir()}
    assert before - after == {f"web.{number}.log" for number in range(9) if number != 2}
    prune(tmp_path / "web.log")
    assert {file.name for file in tmp_path.iterdir()} == after
