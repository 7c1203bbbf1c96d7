"""A container's log: its lines with their times, bounded in length and in all."""

from __future__ import annotations

from pathlib import Path

import pytest

from emulator.containers import line_log
from emulator.containers.line_log import LineLog
from emulator.processes import logs


def lines(file: Path) -> list[str]:
    return [line.partition(" ")[2] for line in file.read_text().splitlines()]


def test_each_line_begins_with_its_time(tmp_path: Path) -> None:
    log = LineLog(tmp_path / "a.log")
    log.feed(b"one\ntw")
    log.feed(b"err", stream=2)
    log.feed(b"o\r\n\nthree")
    log.close()
    assert lines(log.path) == ["one", "two", "", "err", "three"] or lines(log.path) == [
        *("one", "two", "", "three", "err")
    ]
    assert all(line.split(" ")[0].endswith("Z") for line in log.path.read_text().splitlines())


@pytest.mark.parametrize("end", [b"\n", b""])
def test_a_longer_line_is_written_as_several(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, end: bytes
) -> None:
    monkeypatch.setattr(line_log, "LONGEST", 10)
    log = LineLog(tmp_path / "a.log")
    log.feed(b"x" * 25 + end)
    log.close()
    assert lines(log.path) == ["x" * 10, "x" * 10, "x" * 5]


def test_it_stays_below_its_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "LIMIT", 4000)
    monkeypatch.setattr(logs, "KEPT", 2000)
    log = LineLog(tmp_path / "a.log")
    for number in range(1000):
        log.feed(b"line %04d\n" % number)
        assert log.path.stat().st_size <= 4000
    log.close()
    assert lines(log.path)[-1] == "line 0999"


def test_a_few_runs_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "KEPT_FILES", 2)
    for number in range(5):
        LineLog(tmp_path / f"web.{number}.log").close()
    assert sorted(file.name for file in tmp_path.iterdir()) == ["web.3.log", "web.4.log"]
