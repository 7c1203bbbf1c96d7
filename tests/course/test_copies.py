"""The learner's own lessons: made, renewed, kept, restored."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import nbformat
import pytest

from course import copies, lessons
from course.copies import Copy, State

from .conftest import course


@pytest.fixture
def one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Copy:
    """A course of one lesson, with stored outputs, whose copy has been made."""
    monkeypatch.setattr(lessons, "NOTEBOOKS", tmp_path / "notebooks")
    monkeypatch.setenv(copies.VARIABLE, str(tmp_path / "my-lessons"))
    lessons.NOTEBOOKS.mkdir()
    write(lessons.NOTEBOOKS / "04-deployment.ipynb", "1 + 1")
    copies.renew()
    [copy] = copies.copies()
    return copy


def write(lesson: Path, source: str) -> None:
    """Write a lesson of one cell that has been run."""
    output = nbformat.v4.new_output("execute_result", {"text/plain": "2"}, execution_count=1)
    cell = nbformat.v4.new_code_cell(source, id="one", outputs=[output], execution_count=1)
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), lesson)


def work(copy: Copy) -> None:
    """Run a cell of the copy, as a learner does."""
    notebook = nbformat.read(copy.file, as_version=4)
    notebook.cells[0].outputs = [nbformat.v4.new_output("stream", text="mine")]
    nbformat.write(notebook, copy.file)


def test_a_copy_has_no_outputs_and_its_lesson_keeps_them(one: Copy) -> None:
    [cell] = nbformat.read(one.file, as_version=4).cells
    assert (cell.source, cell.outputs, cell.execution_count) == ("1 + 1", [], None)
    assert nbformat.read(one.lesson, as_version=4).cells[0].outputs
    nbformat.validate(nbformat.read(one.file, as_version=4))


def test_an_untouched_copy_follows_its_lesson(one: Copy) -> None:
    assert one.state() is State.UNTOUCHED
    write(one.lesson, "2 + 2")
    assert one.state() is State.OUTDATED
    copies.renew()
    assert one.state() is State.UNTOUCHED
    assert nbformat.read(one.file, as_version=4).cells[0].source == "2 + 2"


def test_opening_alone_is_no_change(one: Copy) -> None:
    """JupyterLab writes the version of the kernel's Python into a notebook that it opens."""
    notebook = json.loads(one.file.read_text())
    notebook["metadata"]["language_info"] = {"name": "python", "version": "3.11.2"}
    notebook["cells"][0]["source"] = "".join(notebook["cells"][0]["source"])
    one.file.write_text(json.dumps(notebook))
    assert one.state() is State.UNTOUCHED


def test_a_copy_that_was_worked_in_stays_when_its_lesson_changes(one: Copy) -> None:
    work(one)
    assert one.state() is State.CHANGED
    write(one.lesson, "2 + 2")
    before = one.file.read_text()
    copies.renew()
    assert one.file.read_text() == before
    assert one.state() is State.BEHIND


def test_stored_outputs_that_change_alone_are_no_newer_lesson(one: Copy) -> None:
    notebook = nbformat.read(one.lesson, as_version=4)
    notebook.cells[0].outputs = []
    nbformat.write(notebook, one.lesson)
    assert one.state() is State.UNTOUCHED


@pytest.mark.parametrize("text", ["", "{", "[]", '{"metadata": {"lesson": {"fingerprint": ""}}}'])
def test_a_damaged_copy_is_the_learners_too(one: Copy, text: str) -> None:
    one.file.write_text(text)
    copies.renew()
    assert one.file.read_text() == text
    kept = one.restore()
    assert kept is not None
    assert kept.read_text() == text


def test_restoring_keeps_every_one_of_the_learners(one: Copy) -> None:
    names = []
    for _ in range(2):
        work(one)
        kept = one.restore()
        assert kept is not None
        assert nbformat.read(kept, as_version=4).cells[0].outputs
        assert one.state() is State.UNTOUCHED
        names.append(kept.name)
    assert re.fullmatch(r"04-deployment\.mine-\d{4}-\d\d-\d\d\.ipynb", names[0])
    assert names[1] == names[0].replace(".ipynb", "-2.ipynb")
    # Those are not taken for lessons.
    assert [copy.file for copy in copies.copies()] == [one.file]


def test_restoring_what_was_not_touched_leaves_nothing_beside_it(one: Copy) -> None:
    assert one.restore() is None
    assert list(one.file.parent.iterdir()) == [one.file]


def test_restore_as_a_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(copies.VARIABLE, str(tmp_path))
    [copy] = copies.copies(["04"])
    copy.file.write_text("mine")
    done = subprocess.run(course("restore", "04"), check=True, capture_output=True, text=True)
    [kept] = tmp_path.glob("04-deployment.mine-*.ipynb")
    assert done.stdout.splitlines() == [
        f"{copy.file} is the lesson as it was made.",
        f"Yours is kept: {kept}",
    ]
    assert kept.read_text() == "mine"
    assert copy.state() is State.UNTOUCHED


def test_restore_names_the_lessons_that_there_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(copies.VARIABLE, str(tmp_path))
    done = subprocess.run(course("restore", "44"), capture_output=True, text=True)
    assert done.returncode == 1
    assert "There is no lesson '44'. There are: 00-train" in done.stderr


def test_what_a_lesson_links_to_is_there_from_its_copy_too() -> None:
    """Pictures, documents and code: both folders are in the course's own."""
    found = []
    for copy in copies.copies():
        for link in re.findall(r"\]\((\.\./[^)#]+)", copy.lesson.read_text()):
            found.append((copy.file.parent / link).resolve())
    assert len(found) > 20
    assert [path for path in found if not path.exists()] == []


def test_git_ignores_the_copies() -> None:
    done = subprocess.run(
        ["git", "check-ignore", "my-lessons/04-deployment.ipynb"],
        cwd=lessons.ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if "not a git repository" in done.stderr:
        pytest.skip("this is no clone")
    assert done.returncode == 0
