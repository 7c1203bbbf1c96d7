"""The lessons, and the exercises of each in the order of the page."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

COURSE = Path(__file__).resolve().parent.parent
SOURCES = COURSE / "notebooks" / "src"

# A lesson that is too long for one sitting has parts: 06, 06b.
NUMBER = r"\d\d[a-z]?"

_TITLE = re.compile(rf"^# # ({NUMBER}) (.+)$", re.MULTILINE)
_MINUTES = re.compile(r"^# \*\*Time:\*\* about (\d+) minutes\b", re.MULTILINE)
_HEADING_OR_CHECK = re.compile(r"^# ### (?P<heading>.+)$|^exercises\.(?P<name>\w+)\.check\(")


@dataclass(frozen=True)
class Task:
    """An exercise: its name in the code, and the heading above it on the page."""

    name: str
    heading: str


@dataclass(frozen=True)
class Lesson:
    """A lesson; `minutes` is how long it says that it takes, 0 where it does not say."""

    number: str
    title: str
    tasks: tuple[Task, ...]
    minutes: int = 0


def number_of(file: Path) -> str:
    """Return a lesson's number, which its file's name begins with: 06b of 06b-failures.ipynb."""
    return file.stem.split("-")[0]


def lessons(sources: Path = SOURCES) -> list[Lesson]:
    """Return every lesson, as the texts in notebooks/src have it: learners edit the notebooks.

    Raises OSError when a text cannot be read.
    """
    found = []
    for file in sorted(sources.glob("[0-9][0-9]*.py")):
        text = file.read_text(encoding="utf-8")
        if title := _TITLE.search(text):
            minutes = _MINUTES.search(text)
            time = int(minutes[1]) if minutes else 0
            found.append(Lesson(title[1], title[2], _tasks(text), time))
    return found


def lesson(number: str, sources: Path = SOURCES) -> Lesson:
    """Return the lesson with this number. Raises LookupError, which names those there are."""
    there = {each.number: each for each in lessons(sources)}
    if number not in there:
        raise LookupError(f"There is no lesson {number!r}. There are: {', '.join(there)}.")
    return there[number]


def _tasks(text: str) -> tuple[Task, ...]:
    tasks = []
    heading = ""
    for line in text.splitlines():
        match = _HEADING_OR_CHECK.match(line)
        if match and match["name"]:
            tasks.append(Task(match["name"], heading))
        elif match:
            heading = match["heading"]
    return tuple(tasks)
