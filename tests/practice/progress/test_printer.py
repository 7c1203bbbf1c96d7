"""How a lesson's progress is shown; the tables are tested with `course progress`."""

from __future__ import annotations

from pathlib import Path

import pytest

from practice import catalogue, progress
from practice.progress import record
from practice.progress.printer import bar

LESSON = catalogue.lessons()[0]
FIRST, SECOND = (task.name for task in LESSON.tasks[:2])


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A learner's file that is not there yet."""
    path = tmp_path / "progress.json"
    monkeypatch.setenv(record.VARIABLE, str(path))
    return path


def test_show_names_what_is_passed_and_what_is_to_do(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record.record("00", FIRST, True)
    record.record("00", SECOND, False)
    progress.show("00")
    lines = capsys.readouterr().out.splitlines()
    of = len(LESSON.tasks)
    assert lines[0] == f"Lesson 00: 1 of {of} exercises passed  [{bar(1, of)}]"
    assert lines[1:] == [
        f"  passed  {LESSON.tasks[0].heading}",
        *(f"  to do   {task.heading}" for task in LESSON.tasks[1:]),
    ]


def test_show_with_a_damaged_file_says_so_and_goes_on(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file.write_text("oops")
    progress.show("00")
    assert "is damaged" in capsys.readouterr().out
    assert file.read_text() == "oops"


@pytest.mark.parametrize(
    ("passed", "of", "drawn"),
    [(0, 3, 12 * "."), (1, 3, "####........"), (3, 3, 12 * "#"), (1, 99, "#...........")],
)
def test_the_bar(passed: int, of: int, drawn: str) -> None:
    assert bar(passed, of) == drawn
