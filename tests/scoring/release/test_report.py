from __future__ import annotations

from pathlib import Path

import pytest

from scoring.release.measuring import Answer
from scoring.release.report import Report, row, verdicts


def test_a_row_tells_of_the_answers_that_came() -> None:
    good = [Answer(200, 0.01, 3, 3)] * 94 + [Answer(200, 0.5, 4, 3)] * 6
    failed = [Answer(424, 9.0, None, 3)] * 100
    assert row("green", "v2", good + failed) == (
        *("green", "v2", "200", "100", "10 ms", "500 ms", "94%"),
    )
    assert row("green", "v2", failed) == ("green", "v2", "100", "100", "-", "-", "-")


def test_what_is_printed_is_on_the_page_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report, page = Report("Release of v2 to digits-x"), tmp_path / "page.md"
    page.write_text("before\n")
    report.say("smoke", "green answers")
    report.table([row("green", "v2", [Answer(200, 0.01, 3, 3)])])
    stopping = verdicts(report, {"failures": None, "latency": "It is slow."})
    report.append_to(page)
    assert stopping == ["latency"]
    printed = capsys.readouterr().out.splitlines()
    assert printed[0] == "smoke      green answers"
    assert printed[2].split() == ["green", "v2", "1", "0", "10", "ms", "10", "ms", "100%"]
    assert printed[3:] == ["gate       failures: passed", "gate       latency: It is slow."]
    told = page.read_text()
    assert told.startswith("before\n## Release of v2 to digits-x\n\n- **smoke** green answers\n")
    assert "\n| --- | --- | --- | --- | --- | --- | --- |\n| green | v2 | 1 | 0 |" in told
    assert told.endswith("- **gate** latency: It is slow.\n")
