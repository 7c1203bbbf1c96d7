"""`course minutes`: how long a lesson takes, counted from what is in it.

Reading is counted from the words, doing from what there is to do. It is a learner's time at local
Azure who reads everything once, runs every cell and solves every exercise.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from rich.console import Console
from rich.table import Table

from course.lessons import ROOT
from practice.catalogue import NUMBER, number_of

WORDS_A_MINUTE = 130  # technical prose, read to be understood
QUESTION, EXERCISE, FIGURE, PORTAL = 1.0, 4.0, 0.5, 5.0  # minutes each
STEP = 5  # what a lesson states is a multiple of it
# Seconds that each lesson's cells took, as `course run` measured them.
TIMED = ROOT / "docs" / "instructors.md"

_LINK = re.compile(r"\[([^]]*)\]\([^)]*\)")
_FENCE = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)
_STATED = re.compile(r"\*\*Time:\*\* about (\d+) minutes")


@dataclass(frozen=True)
class Minutes:
    """A lesson's minutes, part by part."""

    reading: float
    cells: float
    questions: float
    exercises: float
    figures: float
    portal: float

    @property
    def total(self) -> int:
        """All of them, rounded up to the next multiple of five."""
        whole: float = sum(astuple(self))
        return STEP * math.ceil(whole / STEP)


def count(notebook: NotebookNode, seconds: float) -> Minutes:
    """Count the minutes of a built lesson whose cells take so many `seconds`."""
    texts = [cell.source for cell in notebook.cells if cell.cell_type == "markdown"]
    code = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code")
    figures = [
        output
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if "image/png" in output.get("data", {})
    ]
    portal = any(re.search(r"^#+ .*\bportal\b", text, re.MULTILINE) for text in texts)
    return Minutes(
        reading=sum(map(_words, texts)) / WORDS_A_MINUTE,
        cells=seconds / 60,
        questions=len(re.findall(r"\w = predict\(", code)) * QUESTION,
        exercises=len(re.findall(r"^exercises\.\w+\.check\(", code, re.MULTILINE)) * EXERCISE,
        figures=len(figures) * FIGURE,
        portal=portal * PORTAL,
    )


def stated(notebook: NotebookNode) -> int:
    """Return the minutes that a lesson says it takes, 0 if it does not."""
    found = _STATED.search("\n".join(cell.source for cell in notebook.cells))
    return int(found[1]) if found else 0


def timed(page: Path = TIMED) -> dict[str, int]:
    """Return the seconds of each lesson's cells by number, as the instructors' page has them."""
    table = page.read_text(encoding="utf-8").split("## How long it takes", 1)[1]
    rows = re.findall(rf"^\| \[?({NUMBER}) [^|]*\| [^|]*\| (\d+) \|", table, re.MULTILINE)
    return {number: int(seconds) for number, seconds in rows}


def print_table(lessons: Sequence[Path]) -> None:
    """Print the minutes of each lesson, their total and what it states."""
    seconds = timed()
    table = Table("lesson", *(field.name for field in fields(Minutes)), "total", "stated")
    for lesson in lessons:
        notebook = nbformat.read(lesson, 4)
        minutes = count(notebook, seconds.get(number_of(lesson), 0))
        parts = (f"{part:.1f}" for part in astuple(minutes))
        table.add_row(lesson.stem, *parts, str(minutes.total), str(stated(notebook)))
    Console().print(table)


def _words(text: str) -> int:
    """Count the words of prose: no code blocks, no addresses of links, no marks."""
    plain = _LINK.sub(r"\1", _FENCE.sub("", text))
    return len([word for word in plain.split() if re.search(r"\w", word)])
