from __future__ import annotations

import json
import multiprocessing
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from filelock import FileLock

from practice import catalogue
from practice.progress import record as progress
from practice.progress.record import DamagedError, ProgressError

LESSON = catalogue.lessons()[0]
FIRST, SECOND = (task.name for task in LESSON.tasks[:2])


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A learner's file that is not there yet."""
    path = tmp_path / "my" / "progress.json"
    path.parent.mkdir()
    monkeypatch.setenv(progress.VARIABLE, str(path))
    return path


def test_the_file_is_in_the_course_folder_unless_the_variable_names_another(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert progress.own_file() == file
    monkeypatch.delenv(progress.VARIABLE)
    assert progress.own_file() == Path(__file__).parents[3] / "progress.json"


def test_git_leaves_the_file_alone() -> None:
    ignored = (Path(__file__).parents[3] / ".gitignore").read_text().splitlines()
    assert "/progress.json*" in ignored


def test_a_pass_with_its_time_and_the_attempts_before_it(file: Path) -> None:
    for passed in (False, False, True):
        assert progress.record("00", FIRST, passed) == ""
    entry = progress.read(file).entry("00", FIRST)
    assert (entry.passed, entry.attempts) == (True, 3)
    assert entry.first_passed is not None
    assert timedelta(0) <= datetime.now(UTC) - entry.first_passed < timedelta(minutes=1)
    assert json.loads(file.read_text())["lessons"]["00"][FIRST]["state"] == "passed"


def test_what_passed_stays_as_it_was(file: Path) -> None:
    progress.record("00", FIRST, True)
    before = file.read_bytes()
    for passed in (False, True):
        progress.record("00", FIRST, passed)
    assert file.read_bytes() == before


def test_a_wrong_answer_is_an_attempt_and_no_pass(file: Path) -> None:
    progress.record("00", FIRST, False)
    entry = progress.read(file).entry("00", FIRST)
    assert (entry.passed, entry.attempts) == (False, 1)
    assert json.loads(file.read_text())["lessons"]["00"][FIRST]["state"] == "tried"


def test_entries_of_exercises_that_the_course_no_longer_has_are_kept(file: Path) -> None:
    progress.record("42", "forgotten", True)
    progress.record("00", FIRST, True)
    assert progress.read(file).entry("42", "forgotten").passed
    assert progress.read(file).passed(LESSON) == 1


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "{}",
        '{"lessons": []}',
        '{"lessons": {"00": {"x": {"state": "great", "attempts": 1}}}}',
        '{"lessons": {"00": {"x": {"state": "passed", "attempts": 1}}}}',
        '{"lessons": {"00": {"x": {"state": "passed", "attempts": 1, "first_passed": "soon"}}}}',
        '{"lessons": {"00": {"x": {"state": "tried", "attempts": null}}}}',
        '{"lessons": {"00": {"x": {"state": "tried", "attempts": Infinity}}}}',
    ],
)
def test_a_damaged_file_is_kept_aside_and_named(file: Path, text: str) -> None:
    file.write_text(text)
    with pytest.raises(DamagedError, match=r"progress\.json is damaged: "):
        progress.read(file)
    note = progress.record("00", FIRST, True)
    assert "kept as progress.json.damaged-1" in note
    assert file.with_name("progress.json.damaged-1").read_text() == text
    assert progress.read(file).entry("00", FIRST).passed


def test_a_second_damaged_file_does_not_replace_the_first(file: Path) -> None:
    for number, text in enumerate(("one", "two"), start=1):
        file.write_text(text)
        assert f"damaged-{number}" in progress.record("00", FIRST, True)
    kept = [file.with_name(f"progress.json.damaged-{number}").read_text() for number in (1, 2)]
    assert kept == ["one", "two"]


def test_bytes_that_are_no_text_are_damage(file: Path) -> None:
    file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DamagedError):
        progress.read(file)


def test_a_file_that_cannot_be_read_is_not_touched(file: Path) -> None:
    file.mkdir()
    with pytest.raises(ProgressError, match="cannot be read") as raised:
        progress.record("00", FIRST, True)
    assert not isinstance(raised.value, DamagedError)
    assert file.is_dir()


def test_a_place_where_no_file_can_be_is_told(file: Path) -> None:
    (file.parent / "a file").touch()
    elsewhere = file.parent / "a file" / "progress.json"
    with pytest.raises(ProgressError, match="cannot be written"):
        progress.record("00", FIRST, True, elsewhere)


def test_a_file_in_use_is_told(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "PATIENCE", 0.05)
    with (
        FileLock(file.with_name("progress.json.lock")),
        pytest.raises(ProgressError, match="in use"),
    ):
        progress.record("00", FIRST, True)


def test_a_write_that_fails_leaves_the_file_whole(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    progress.record("00", FIRST, True)
    before = file.read_bytes()

    def disk_full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", disk_full)
    with pytest.raises(ProgressError, match="No space left"):
        progress.record("00", SECOND, True)
    assert file.read_bytes() == before


def _record_many(file: Path, lesson: str) -> None:
    for number in range(25):
        progress.record(lesson, f"exercise_{number}", True, file)


def test_two_kernels_that_write_at_once_lose_nothing(file: Path) -> None:
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_record_many, args=(file, each)) for each in ("50", "51")]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
        assert writer.exitcode == 0
    assert len(progress.read(file).entries) == 50


def test_a_link_stays_a_link(file: Path, tmp_path: Path) -> None:
    target = tmp_path / "elsewhere.json"
    file.symlink_to(target)
    progress.record("00", FIRST, True)
    assert file.is_symlink()
    assert progress.read(target).entry("00", FIRST).passed


def test_reset_forgets_one_lesson_or_all(file: Path) -> None:
    for lesson in ("00", "01", "02"):
        progress.record(lesson, "one", True)
    progress.reset("01")
    assert [key[0] for key in progress.read(file).entries] == ["00", "02"]
    progress.reset()
    assert progress.read(file).entries == {}
