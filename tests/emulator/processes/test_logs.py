"""A server's log: its end, and its size."""

from __future__ import annotations

from pathlib import Path

from emulator.processes.logs import tail, trim


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
