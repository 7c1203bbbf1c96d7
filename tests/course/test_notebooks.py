"""Building notebooks from their text, and noticing when the two differ."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from course.execution import LessonFailedError
from course.lessons import NOTEBOOKS, ROOT, SOURCES
from course.notebooks import NotStorableError, build, drift, from_source
from emulator.home import Home

from .conftest import course

TEXT = """\
# %% [markdown]
# # A lesson

# %% tags=["parameters"]
import os

workspace = os.environ["AZUREML_WORKSPACE"]

# %%
for step in range(3):
    print(f"\\rstep {step}", end="")
workspace

# %%
"""


@pytest.fixture
def folders(home: Home, kernelspecs: Path, tmp_path: Path) -> tuple[Path, Path]:
    """Texts and notebooks: one lesson, built."""
    texts, target = tmp_path / "notebooks" / "src", tmp_path / "notebooks"
    texts.mkdir(parents=True)
    (texts / "00-lesson.py").write_text(TEXT)
    build([texts / "00-lesson.py"], target)
    return texts, target


def test_a_built_notebook_holds_outputs_and_nothing_that_changes(
    folders: tuple[Path, Path],
) -> None:
    texts, target = folders
    file = target / "00-lesson.ipynb"
    notebook = nbformat.read(file, as_version=4)
    nbformat.validate(notebook)
    assert [cell.get("execution_count") for cell in notebook.cells] == [None, 1, 2, None]
    assert [output.get("text") for output in notebook.cells[2].outputs] == ["step 2", None]
    assert notebook.cells[2].outputs[1].data == {"text/plain": "'mlw-deploying-models'"}
    assert set(notebook.metadata) == {"kernelspec", "language_info"}
    assert notebook.metadata.kernelspec.name == "azure-local"
    assert [cell.metadata for cell in notebook.cells] == [{}, {"tags": ["parameters"]}, {}, {}]
    first = file.read_bytes()
    build([texts / "00-lesson.py"], target)
    assert file.read_bytes() == first
    assert sorted(path.name for path in target.iterdir()) == ["00-lesson.ipynb", "src"]


def test_a_cell_keeps_its_id_when_another_is_put_before_it(tmp_path: Path) -> None:
    source = tmp_path / "lesson.py"
    source.write_text("# %%\n1\n\n# %%\n2\n\n# %%\n2\n")
    before = [cell.id for cell in from_source(source).cells]
    source.write_text("# %%\n0\n\n" + source.read_text())
    after = [cell.id for cell in from_source(source).cells]
    assert after[1:] == before
    assert len(set(after)) == 4


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("# %% [markdown]\n# New prose\n\n# %%\n1\n\n# %%\n2\n", ["a", "b", "c"]),
        ("# %% [markdown]\n# Prose\n\n# %%\n1 + 1\n\n# %%\n2\n", ["a", "b", "c"]),
        ("# %% [markdown]\n# Prose\n\n# %%\n1\n\n# %%\n3\n\n# %%\n2\n", ["a", "b", None, "c"]),
        ("# %%\n1\n\n# %%\n2\n", ["b", "c"]),
        ("# %% [markdown]\n# Prose\n\n# %%\n2\n\n# %%\n1\n", ["a", "c", "b"]),
    ],
    ids=["prose changed", "code changed", "inserted", "deleted", "moved"],
)
def test_a_cell_keeps_the_id_that_it_was_built_with(
    tmp_path: Path, text: str, kept: list[str | None]
) -> None:
    source = tmp_path / "lesson.py"
    source.write_text("# %% [markdown]\n# Prose\n\n# %%\n1\n\n# %%\n2\n")
    before = from_source(source)
    for cell, identifier in zip(before.cells, "abc", strict=True):
        cell.id = identifier
    source.write_text(text)
    after = [cell.id for cell in from_source(source, before).cells]
    assert [identifier if identifier in "abc" else None for identifier in after] == kept
    assert len(set(after)) == len(after)


def test_a_text_that_comes_back_gets_another_id_than_the_cell_that_had_it(tmp_path: Path) -> None:
    source = tmp_path / "lesson.py"
    source.write_text("# %%\n1\n\n# %%\n2\n")
    first = from_source(source)
    source.write_text("# %%\n3\n\n# %%\n2\n")
    second = from_source(source, first)
    source.write_text("# %%\n3\n\n# %%\n2\n\n# %%\n1\n")
    third = from_source(source, second)
    assert [cell.id for cell in third.cells[:2]] == [cell.id for cell in first.cells]
    assert third.cells[2].id not in {cell.id for cell in first.cells}


MEASURING = """\
# %%
import secrets

print(f"blue: Succeeded after {secrets.randbelow(90) + 10}.5 s")
print(f"{secrets.token_urlsafe(3)}... (64 characters)")

# %%
from matplotlib import pyplot

from practice.figures.plots import show

figure, axis = pyplot.subplots()
axis.plot([1, secrets.randbelow(1000)])
show(figure, f"A line of some milliseconds, up to {secrets.randbelow(1000)}.")

# %%
print("a result")
"""


def test_an_output_stays_where_only_what_may_differ_does(folders: tuple[Path, Path]) -> None:
    texts, target = folders
    text, file = texts / "00-lesson.py", target / "00-lesson.ipynb"
    text.write_text(MEASURING)
    build([text], target)
    first = file.read_bytes()
    build([text], target)
    assert file.read_bytes() == first
    build([text], target, keep_outputs=False)
    assert file.read_bytes() != first


@pytest.mark.parametrize("key", ["alt", "style"])
def test_an_output_is_replaced_where_more_differs(folders: tuple[Path, Path], key: str) -> None:
    texts, target = folders
    text, file = texts / "00-lesson.py", target / "00-lesson.ipynb"
    text.write_text(MEASURING)
    build([text], target)
    before = nbformat.read(file, as_version=4)
    described, said = before.cells[1].outputs[0], before.cells[2].outputs[0]
    described.metadata["image/png"][key] = "another"
    said.text = "another result\n"
    nbformat.write(before, file)
    build([text], target)
    after = nbformat.read(file, as_version=4)
    assert after.cells[0].outputs == before.cells[0].outputs
    assert after.cells[1].outputs[0].metadata["image/png"][key] != "another"
    assert after.cells[2].outputs[0].text == "a result\n"
    text.write_text(MEASURING.replace("secrets.token_urlsafe(3)", "secrets.token_urlsafe(3)[:4]"))
    build([text], target)
    assert nbformat.read(file, as_version=4).cells[0].outputs != before.cells[0].outputs


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda text: text.replace("step 2", "x") + "1\n", "has 4 cells|cell 4 differs"),
        (lambda text: text.replace("range(3)", "range(4)"), "cell 3 differs from its text"),
        (lambda text: text.replace("# # A lesson", "# # Another"), "cell 1 differs from its text"),
        (lambda text: text.replace(' tags=["parameters"]', ""), "cell 2 differs from its text"),
        (lambda text: text + "\n# %%\n1\n", "cells, its text"),
    ],
)
def test_a_changed_text_is_drift(folders: tuple[Path, Path], change, told: str) -> None:  # type: ignore[no-untyped-def]  # a lambda of the list above
    texts, target = folders
    assert drift(texts, target) == []
    (texts / "00-lesson.py").write_text(change(TEXT))
    (found,) = drift(texts, target)
    assert found.startswith("00-lesson.ipynb")
    assert any(part in found for part in told.split("|"))


def test_a_notebook_edited_by_hand_is_drift(folders: tuple[Path, Path]) -> None:
    texts, target = folders
    file = target / "00-lesson.ipynb"
    notebook = nbformat.read(file, as_version=4)
    notebook.cells[2].execution_count = 7
    nbformat.write(notebook, file)
    assert drift(texts, target) == ["00-lesson.ipynb: cell 3 was not executed in order."]
    notebook.metadata.kernelspec.name = "python3"
    nbformat.write(notebook, file)
    assert drift(texts, target) == ["00-lesson.ipynb is not stored with kernel azure-local."]


def test_a_missing_notebook_or_text_is_drift(folders: tuple[Path, Path]) -> None:
    texts, target = folders
    (texts / "00-lesson.py").rename(texts / "01-other.py")
    assert drift(texts, target) == ["00-lesson.ipynb has no text.", "01-other.ipynb is missing."]


def test_a_failing_cell_leaves_the_stored_notebook_alone(folders: tuple[Path, Path]) -> None:
    texts, target = folders
    stored = (target / "00-lesson.ipynb").read_bytes()
    (texts / "00-lesson.py").write_text("# %%\nraise ValueError('on purpose')\n")
    with pytest.raises(LessonFailedError, match="ValueError: on purpose"):
        build([texts / "00-lesson.py"], target)
    assert (target / "00-lesson.ipynb").read_bytes() == stored


def test_a_lesson_built_alone_finds_what_those_before_it_leave(
    folders: tuple[Path, Path],
) -> None:
    texts, target = folders
    stored = (target / "00-lesson.ipynb").read_bytes()
    state = "import os, pathlib\nleft = pathlib.Path(os.environ['AZURE_LOCAL_HOME'], 'left')\n"
    (texts / "00-lesson.py").write_text(f"# %%\n{state}left.write_text('by 00')\n")
    (texts / "01-next.py").write_text(f"# %%\n{state}left.read_text()\n")
    (texts / "02-last.py").write_text("# %%\nraise ValueError\n")
    build(sorted(texts.glob("*.py")), target, {"01-next"})
    built = nbformat.read(target / "01-next.ipynb", as_version=4)
    assert built.cells[0].outputs[0].data["text/plain"] == "'by 00'"
    assert (target / "00-lesson.ipynb").read_bytes() == stored
    assert not (target / "02-last.ipynb").exists()


def test_a_widget_is_refused(folders: tuple[Path, Path]) -> None:
    texts, target = folders
    (texts / "00-lesson.py").write_text(
        "# %%\nimport ipywidgets\n\n# %%\nipywidgets.IntProgress()\n"
    )
    with pytest.raises(NotStorableError, match="Cell 2 of 00-lesson shows a widget"):
        build([texts / "00-lesson.py"], target)


def test_of_a_quiz_the_text_is_stored_and_compares_equal(folders: tuple[Path, Path]) -> None:
    texts, target = folders
    (texts / "00-lesson.py").write_text(
        "# %%\nfrom practice.widgets.quiz import predict\n\n"
        'guess = predict("Which?", ["a", "b"])\nguess\n\n# %%\nguess.compare("b")\n\n'
        "# %%\nfrom practice.widgets.pad import DrawingPad\n\nDrawingPad(len)\n"
    )
    build([texts / "00-lesson.py"], target)
    file = target / "00-lesson.ipynb"
    notebook = nbformat.read(file, as_version=4)
    shown, result, pad = (cell.outputs[0] for cell in notebook.cells)
    assert set(shown.data) == set(pad.data) == {"text/html", "text/plain"}
    assert "<li>a</li><li>b</li>" in shown.data["text/html"]
    assert result.text == "It was b. (You had not chosen.)\n"
    assert "widgets" not in notebook.metadata
    compare = ["--nbval", "--nbval-kernel-name=azure-local", "-p", "no:cacheprovider"]
    run = [sys.executable, "-m", "pytest", *compare, str(file)]
    assert subprocess.run(run, check=False, cwd=ROOT).returncode == 0
    shown.data["text/html"] = shown.data["text/html"].replace("<li>b</li>", "<li>c</li>")
    nbformat.write(notebook, file)
    assert subprocess.run(run, check=False, cwd=ROOT).returncode == 1


def test_the_lessons_of_the_course_match_their_text() -> None:
    assert drift(SOURCES, NOTEBOOKS) == []
    done = subprocess.run(course("notebooks", "--check"), check=False)
    assert done.returncode == 0
