"""What every lesson has, so that a learner finds the same things in the same places."""

from __future__ import annotations

import importlib
import re
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from nbformat import NotebookNode

from course import lessons, minutes
from practice.catalogue import number_of
from practice.exercises.checks import Exercise

SECTIONS = ["Goals", "What this costs on live Azure", "Exercises", "Cleaning up", "Recap"]
COORDINATES = ["AZURE_SUBSCRIPTION_ID", "AZURE_RESOURCE_GROUP", "AZUREML_WORKSPACE"]
# A token, an account key or an endpoint's key; an absolute path, which only one machine has.
SECRET = re.compile(r"eyJ[\w-]{20,}|[A-Za-z0-9+/]{80,}={0,2}|\b(?=\w*\d)(?=\w*[A-Z])\w{32,}\b")
MACHINE_PATH = re.compile(r"(?<![\w./:])/[\w.-]+/[\w.-]+|\b[A-Z]:\\")
# tqdm's, and the marks that move while a lesson waits
PROGRESS_BAR = re.compile(r"\d%\|.*|\[[.#]*\.#[.#]*\](?=\n|\r|$)|\x1b\[\d+m")
CAPSTONE = "12"
EMOJI = re.compile("[\U0001f000-\U0001faff\u2600-\u27bf\ufe0f]")


def texts(notebook: NotebookNode) -> list[str]:
    return [cell.source for cell in notebook.cells if cell.cell_type == "markdown"]


def codes(notebook: NotebookNode) -> list[NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def headings(notebook: NotebookNode) -> list[tuple[int, str]]:
    """Level and text of each heading; fenced code does not count."""
    found = []
    for text in texts(notebook):
        plain = re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
        found += [(len(m[1]), m[2]) for m in re.finditer(r"^(#+) (.+)$", plain, re.MULTILINE)]
    return found


def printed(notebook: NotebookNode) -> str:
    """Everything that the stored outputs say, pictures excepted."""
    parts = []
    for cell in codes(notebook):
        for output in cell.outputs:
            data = output.get("data", {})
            parts += [output.get("text", ""), data.get("text/plain", ""), data.get("text/html", "")]
    return "\n".join(parts)


def test_there_are_lessons() -> None:
    assert len(lessons.choose([], lessons.NOTEBOOKS, ".ipynb")) >= 6


def test_title_and_headings_in_order(lesson: Path, notebook: NotebookNode) -> None:
    found = headings(notebook)
    level, title = found[0]
    assert level == 1
    assert title.startswith(number_of(lesson) + " ")
    levels = [level for level, _ in found]
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


def test_sections_in_order(notebook: NotebookNode) -> None:
    found = [text for level, text in headings(notebook) if level == 2]
    assert [text for text in found if text in SECTIONS] == SECTIONS


def test_time_and_cost(notebook: NotebookNode) -> None:
    text = "\n".join(texts(notebook))
    minutes = re.findall(r"\*\*Time:\*\* about (\d+) minutes\.", text)
    assert len(minutes) == 1
    assert 15 <= int(minutes[0]) <= 35
    cost = text.split("## What this costs on live Azure")[1].split("\n## ")[0]
    assert "https://azure.microsoft.com/pricing/" in cost


def test_it_takes_the_minutes_that_it_states(lesson: Path, notebook: NotebookNode) -> None:
    """As `course minutes` counts them; the capstone's tasks take hours, as it says beside."""
    number = number_of(lesson)
    counted = minutes.count(notebook, minutes.timed()[number])
    if number == CAPSTONE:
        counted = replace(counted, exercises=0.0)
    assert minutes.stated(notebook) == counted.total


def test_it_asks_before_it_shows(notebook: NotebookNode) -> None:
    text = "\n".join(texts(notebook))
    assert text.count("> **Before you run it.**") >= 2
    assert text.count("**What happened.**") >= 2
    assert re.search(r"^> \*\*(Tip|Caution)\.\*\*", text, re.MULTILINE)


def test_two_answers_are_committed_to_and_compared(notebook: NotebookNode) -> None:
    code = "\n".join(cell.source for cell in codes(notebook))
    steps: dict[str, list[str]] = {}
    for asked, compared in re.findall(r"(\w+) = predict\(|(\w+)\.compare\(", code):
        steps.setdefault(asked or compared, []).append("asked" if asked else "compared")
    assert sum(len(each) for each in steps.values()) >= 4
    for each in steps.values():
        assert each == ["asked", "compared"] * (len(each) // 2)


def test_parameters_come_from_the_kernel(notebook: NotebookNode) -> None:
    tagged = [cell for cell in codes(notebook) if "parameters" in cell.metadata.get("tags", [])]
    assert tagged == [codes(notebook)[0]]
    for name in COORDINATES:
        assert f'os.environ["{name}"]' in tagged[0].source
    assert "suffix = names.suffix()" in tagged[0].source


def test_it_was_run_from_top_to_bottom_without_an_error(notebook: NotebookNode) -> None:
    assert notebook.metadata.kernelspec.name == "azure-local"
    counts = [cell.execution_count for cell in codes(notebook)]
    assert counts == list(range(1, len(counts) + 1))
    outputs = [output for cell in codes(notebook) for output in cell.outputs]
    assert not [output for output in outputs if output.output_type == "error"]


def test_outputs_tell_no_secrets_and_no_paths(notebook: NotebookNode) -> None:
    output = printed(notebook)
    assert not SECRET.findall(re.sub(r"\b[0-9a-f]{64}\b", "", output))  # content hashes are none
    assert not MACHINE_PATH.findall(output)


def test_outputs_hold_no_progress_bars(notebook: NotebookNode) -> None:
    assert not PROGRESS_BAR.findall(printed(notebook))


def test_figures_are_described(notebook: NotebookNode) -> None:
    undescribed, unannounced = [], []
    for number, cell in enumerate(notebook.cells):
        for output in cell.get("outputs", []):
            if "image/png" not in output.get("data", {}):
                continue
            if len(output.metadata["image/png"]["alt"]) <= 20:
                undescribed.append(cell.source)
            before = next(c for c in notebook.cells[number - 1 :: -1] if c.cell_type == "markdown")
            if not re.search(r"\bfigures?\b|\bdraws\b", before.source):
                unannounced.append(cell.source)
    assert (undescribed, unannounced) == ([], [])


def test_it_holds_nothing_but_azure(notebook: NotebookNode) -> None:
    code = "\n".join(cell.source for cell in codes(notebook))
    assert "emulator" not in code
    assert "AZURE_LOCAL" not in code
    assert not EMOJI.findall(code + "\n".join(texts(notebook)))


def test_links_lead_somewhere(lesson: Path, notebook: NotebookNode) -> None:
    links = re.findall(r"\]\(([^)\s]+)\)", "\n".join(texts(notebook)))
    assert links
    for link in links:
        if urlsplit(link).scheme:
            assert link.startswith("https://")
        else:
            assert (lesson.parent / link).exists(), link


def test_each_exercise_is_checked_in_the_lesson(lesson: Path, notebook: NotebookNode) -> None:
    module = importlib.import_module(f"practice.exercises.lesson_{number_of(lesson)}")
    exercises = {name for name, value in vars(module).items() if isinstance(value, Exercise)}
    assert len(exercises) >= 3
    for name in exercises:
        cells = [c.source for c in codes(notebook) if f"exercises.{name}.check(" in c.source]
        assert len(cells) == 1, name
        assert len(cells[0].splitlines()) == 1, "hints and solution are buttons of the check's box"
    mentioned = set(re.findall(r"exercises\.(\w+)\.check", str(notebook.cells)))
    assert mentioned == exercises


@pytest.mark.parametrize(
    "text",
    [
        "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9",
        "Zm9v" * 22 + "==",
        "aB3dE6gH9jK2mN5pQ8sT1vW4yZ7bC0eF",
    ],
)
def test_a_secret_would_be_found(text: str) -> None:
    assert SECRET.search(f"primary: {text}")


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        (
            "Uploading blue (0.01 MBs): 100%|\u2588\u2588| 12695/12695 [00:00<00:00]",
            True,
        ),
        ("\x1b[39m", True),
        ("blue: InProgress, 3 s  [...#........]", True),
        ("Lesson 00: 1 of 3 exercises passed  [####........]", False),
        ("95% of them", False),
    ],
)
def test_a_progress_bar_would_be_found(text: str, is_one: bool) -> None:
    assert bool(PROGRESS_BAR.search(text)) is is_one


@pytest.mark.parametrize(
    "path", ["/home/ada/course", "/tmp/x", "C:\\Users\\ada", 'File "/usr/x.py"']
)
def test_a_path_would_be_found(path: str) -> None:
    assert MACHINE_PATH.search(path)
