"""`course progress`, and that running lessons leaves a learner's progress alone."""

from __future__ import annotations

import csv
import io
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from course import places
from course.cli import main
from course.execution import execute
from practice import catalogue
from practice.progress import record as progress
from tests.course.conftest import notebook

LESSONS = catalogue.lessons()
COUNT = sum(len(one.tasks) for one in LESSONS)


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "own" / "progress.json"
    path.parent.mkdir()
    monkeypatch.setenv(progress.VARIABLE, str(path))
    return path


def run(*arguments: str | Path, typed: str | None = None) -> Result:
    return CliRunner().invoke(main, ["progress", *map(str, arguments)], typed)


def learner(folder: Path, *passed: tuple[str, str]) -> Path:
    folder.mkdir(parents=True)
    for number, name in passed:
        progress.record(number, name, True, folder / progress.FILE)
    return folder


def pass_all(one: catalogue.Lesson, file: Path) -> None:
    for task in one.tasks:
        progress.record(one.number, task.name, True, file)


def test_ones_own_table(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "160")
    pass_all(LESSONS[0], file)
    progress.record("01", LESSONS[1].tasks[0].name, True)
    result = run()
    assert result.exit_code == 0
    rows = {line.split()[1]: line for line in result.output.splitlines() if "│" in line}
    of = len(LESSONS[0].tasks)
    assert f"{of} of {of}" in rows["00"]
    assert LESSONS[0].title in rows["00"]
    assert "all passed" in rows["00"]
    assert f"1 of {len(LESSONS[1].tasks)}" in rows["01"]
    assert LESSONS[1].tasks[1].heading in rows["01"]
    assert f"{of + 1} of {COUNT}" in rows["all"]


def test_ones_own_damaged_file_is_a_sentence(file: Path) -> None:
    file.write_text("oops")
    result = run()
    assert result.exit_code == 1
    assert result.output.startswith(f"Error: {file} is damaged")


def test_reset_asks_first(file: Path) -> None:
    progress.record("00", "most_missed", True)
    result = run("--reset", typed="n\n")
    assert result.exit_code == 1
    assert "Forget what passed in all lessons?" in result.output
    assert progress.read(file).entries


def test_reset_of_a_lesson(file: Path) -> None:
    for number in ("00", "01"):
        progress.record(number, "one", True)
    result = run("--reset", "00", typed="y\n")
    assert result.exit_code == 0
    assert list(progress.read(file).entries) == [("01", "one")]


def test_reset_with_yes_asks_nothing(file: Path) -> None:
    progress.record("00", "one", True)
    result = run("--reset", "--yes")
    assert result.output == "Nothing has passed in all lessons now.\n"
    assert progress.read(file).entries == {}


def test_reset_of_an_unknown_lesson_changes_nothing(file: Path) -> None:
    progress.record("00", "one", True)
    result = run("--reset", "--yes", "00", "77")
    assert "There is no lesson '77'. There are: 00, 01" in result.output
    assert progress.read(file).entries


def test_many_learners_in_one_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "160")
    first = LESSONS[0]
    ada = learner(tmp_path / "ada.l" / "course", ("00", first.tasks[0].name))
    bob = learner(tmp_path / "bob" / "course")
    eve = learner(tmp_path / "eve" / "course")
    pass_all(first, eve / progress.FILE)
    result = run(ada, bob, eve)
    assert result.exit_code == 0
    rows = {
        cells[0]: cells[1:]
        for line in result.output.splitlines()
        if len(cells := line.replace("│", " ").replace("┃", " ").split()) > 3
    }
    of = len(first.tasks)
    assert rows["learner"] == [*(one.number for one in LESSONS), "all"]
    assert rows["ada.l"][:2] == ["1", "0"]
    assert rows["bob"][-2:] == ["not", "started"]
    assert rows["eve"][0] == str(of)
    assert rows["passed"][0] == str(of + 1)
    assert rows["possible"][0] == str(3 * of)


def test_files_that_cannot_be_read_are_named_and_the_rest_is_shown(tmp_path: Path) -> None:
    ada = learner(tmp_path / "ada", ("00", LESSONS[0].tasks[0].name))
    bad = learner(tmp_path / "bad")
    (bad / progress.FILE).write_text("oops")
    result = run("--csv", bad, ada, tmp_path / "gone")
    assert result.exit_code == 1
    assert f"bad: {bad / progress.FILE} is damaged" in result.stderr
    assert f"gone: {tmp_path / 'gone'} does not exist." in result.stderr
    assert (bad / progress.FILE).read_text() == "oops"
    rows = {row["learner"]: row for row in csv.DictReader(io.StringIO(result.stdout))}
    assert rows["ada"]["00"] == rows["ada"]["passed"] == "1"
    assert [rows[name]["status"] for name in ("ada", "bad", "gone")] == [
        "in progress",
        "cannot be read",
        "cannot be read",
    ]
    assert rows["bad"]["00"] == rows["bad"]["passed"] == ""


def test_csv_of_collected_files(tmp_path: Path) -> None:
    for name in ("ada", "bob"):
        progress.record("00", LESSONS[0].tasks[0].name, True, tmp_path / f"{name}.json")
    result = run("--csv", tmp_path / "ada.json", tmp_path / "bob.json", tmp_path / "ada.json")
    lines = result.output.splitlines()
    numbers = ",".join(one.number for one in LESSONS)
    assert lines[0] == f"learner,{numbers},passed,of,status"
    zeros = ",0" * (len(LESSONS) - 1)
    assert lines[1:] == [f"{name},1{zeros},1,{COUNT},in progress" for name in ("ada", "bob")]


def test_csv_of_ones_own(file: Path) -> None:
    rows = list(csv.DictReader(io.StringIO(run("--csv").output)))
    assert [row["status"] for row in rows] == ["not started"]


def test_untouched_lessons_neither_add_nor_lose_passes(
    file: Path, kernelspecs: Path, tmp_path: Path
) -> None:
    progress.record("00", LESSONS[0].tasks[0].name, True)
    before = file.read_bytes()
    lesson = notebook(
        tmp_path / "00-lesson.ipynb",
        "from practice.exercises import lesson_00 as exercises\nmost_missed = ...",
        "exercises.most_missed.check(most_missed, None)",
        "from practice import progress\nprogress.show('00')",
    )
    execute(lesson, tmp_path / "executed.ipynb", "python3", tmp_path)
    assert file.read_bytes() == before
    assert "Lesson 00: 1 of" in (tmp_path / "executed.ipynb").read_text()


def test_tests_and_builds_run_with_a_progress_of_their_own(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AZURE_LOCAL_HOME", raising=False)
    progress.record("00", "one", True)
    with places.fresh_local_azure():
        assert progress.own_file() != file
        assert progress.read(progress.own_file()).entries == {}
        in_a_child = subprocess.run(
            ["python3", "-c", f"import os; print(os.environ[{progress.VARIABLE!r}])"],
            capture_output=True,
            text=True,
            check=True,
        )
        assert in_a_child.stdout.strip() == str(progress.own_file())
    assert progress.own_file() == file


def test_a_folder_without_a_file_and_a_file_that_is_not_there_yet(tmp_path: Path) -> None:
    (tmp_path / "ada").mkdir()
    (tmp_path / "bob").mkdir()
    result = run("--csv", tmp_path / "ada", tmp_path / "bob" / progress.FILE)
    assert result.exit_code == 0
    assert [line.split(",")[0] for line in result.output.splitlines()[1:]] == ["ada", "bob"]
    assert result.output.count("not started") == 2
