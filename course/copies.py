"""The learner's own lessons: copies of notebooks/*.ipynb without outputs, in my-lessons/.

What a learner runs and changes is not under version control, and a lesson that is opened for the
first time does not show the answers to its own questions. The folder is beside notebooks/, so that
what a lesson names by a relative path is there too; COURSE_LESSONS names another.

Each copy has a fingerprint in its metadata, of the cells that it was made with. So the copy itself
says whether it was changed since, and whether its lesson has.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import Enum
from itertools import count
from pathlib import Path
from typing import Any

from course import lessons
from practice.catalogue import number_of

VARIABLE = "COURSE_LESSONS"
FOLDER = "my-lessons"
KEY = "lesson"  # in a copy's metadata

Notebook = dict[str, Any]


class State(Enum):
    """What has become of a copy."""

    MISSING = "missing"
    UNTOUCHED = "untouched"
    CHANGED = "changed"  # by the learner: text, outputs, anything
    OUTDATED = "outdated"  # untouched, and the lesson has changed
    BEHIND = "behind"  # changed by the learner, and the lesson has changed too


@dataclass(frozen=True)
class Copy:
    """A lesson in notebooks/, and the learner's copy of it, which may not be there yet."""

    lesson: Path
    file: Path

    @property
    def number(self) -> str:
        return number_of(self.lesson)

    def state(self) -> State:
        """Compare the copy with its lesson. Raises LessonError when the lesson cannot be read."""
        fresh = _fingerprint(_clean(self.lesson))
        if not self.file.exists():
            return State.MISSING
        try:
            notebook = _read(self.file)
            made = notebook["metadata"][KEY]["fingerprint"]
            touched = _fingerprint(notebook) != made
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return State.CHANGED  # whatever it is, it is the learner's
        if made == fresh:
            return State.CHANGED if touched else State.UNTOUCHED
        return State.BEHIND if touched else State.OUTDATED

    def restore(self) -> Path | None:
        """Put the clean lesson there; return where the learner's own is, None if it had no change.

        Raises LessonError when the lesson cannot be read, OSError when a file cannot be written.
        """
        aside = None
        if self.state() in (State.CHANGED, State.BEHIND):
            aside = self._name_aside()
            self.file.rename(aside)
        self.make()
        return aside

    def make(self) -> None:
        """Write the clean lesson over whatever is there. Raises LessonError and OSError."""
        notebook = _clean(self.lesson)
        notebook["metadata"][KEY] = {"fingerprint": _fingerprint(notebook)}
        self.file.parent.mkdir(exist_ok=True)
        new = self.file.with_suffix(".new")
        new.write_text(_text(notebook), encoding="utf-8")
        new.replace(self.file)

    def _name_aside(self) -> Path:
        stem = f"{self.file.stem}.mine-{date.today().isoformat()}"
        names = (f"{stem}{'' if n == 1 else f'-{n}'}.ipynb" for n in count(1))
        paths = (self.file.with_name(name) for name in names)
        return next(path for path in paths if not path.exists())


def folder() -> Path:
    """Return the folder of the learner's copies, which need not be there yet."""
    return lessons.ROOT / os.environ.get(VARIABLE, FOLDER)


def copies(names: Sequence[str] = ()) -> list[Copy]:
    """Return the copies of all lessons in order, or of those that `names` name ("04").

    Raises LessonError.
    """
    chosen = lessons.choose(names, lessons.NOTEBOOKS, ".ipynb")
    return [Copy(lesson, folder() / lesson.name) for lesson in chosen]


def renew() -> None:
    """Make the copies that are missing, and those anew that nobody changed and whose lesson has.

    Raises LessonError when a lesson cannot be read, or a copy cannot be written.
    """
    try:
        for copy in copies():
            if copy.state() in (State.MISSING, State.OUTDATED):
                copy.make()
    except OSError as error:
        problem = error.strerror or error
        raise lessons.LessonError(f"{error.filename} cannot be written: {problem}.") from None


def _clean(lesson: Path) -> Notebook:
    """Return a lesson as nobody has run it. Raises LessonError."""
    try:
        notebook = _read(lesson)
        for cell in notebook["cells"]:
            if cell["cell_type"] == "code":
                cell |= {"outputs": [], "execution_count": None}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise lessons.LessonError(f"{lesson} cannot be read: {error}.") from None
    return notebook


def _read(file: Path) -> Notebook:
    notebook: Notebook = json.loads(file.read_text(encoding="utf-8"))
    return notebook


def _text(notebook: Notebook) -> str:
    return json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"


def _fingerprint(notebook: Notebook) -> str:
    """Return a hash of the cells: their text, tags and outputs.

    What JupyterLab writes into a notebook by opening it (its Python's version) is not in it.
    Raises KeyError, TypeError or AttributeError when this is no notebook.
    """
    cells = [
        [
            cell["cell_type"],
            "".join(cell["source"]),
            cell["metadata"].get("tags", []),
            cell.get("outputs", []),
        ]
        for cell in notebook["cells"]
    ]
    return hashlib.sha256(json.dumps(cells, sort_keys=True).encode()).hexdigest()
