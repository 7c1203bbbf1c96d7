"""What is on the start page: lessons, progress, what to go on with, the state of the place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from course import copies, lessons, places
from course.copies import Copy, State
from emulator import daemon
from emulator.home import find_home
from practice import catalogue
from practice.progress.record import Progress, ProgressError, own_file, read

TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parent),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


@dataclass(frozen=True)
class Row:
    """A lesson as the page shows it; `path` is that of the learner's copy, for JupyterLab."""

    number: str
    title: str
    minutes: int
    passed: int
    of: int
    following: str  # the heading of the next exercise, "" when all have passed
    path: str
    state: State
    begun: float  # when the learner last changed the copy, in seconds; 0 if it was never touched

    @property
    def done(self) -> bool:
        return self.passed == self.of

    @property
    def has_changes(self) -> bool:
        return self.state in (State.CHANGED, State.BEHIND)

    @property
    def has_newer(self) -> bool:
        return self.state in (State.OUTDATED, State.BEHIND)


@dataclass(frozen=True)
class Folder:
    """Where the course's files are for JupyterLab, and the addresses in links to them."""

    root: Path  # what JupyterLab's file browser shows at the top
    base_url: str

    def path(self, file: Path) -> str:
        """Return the path by which JupyterLab opens a file. Raises ValueError outside the root."""
        return file.relative_to(self.root).as_posix()

    def link(self, path: str) -> str:
        return f"{self.base_url}lab/tree/{quote(path)}"


def render(folder: Folder, place: str) -> str:
    """Return the page as HTML, without head and body; `place` is azure-local or azure-live.

    Raises LessonError when a lesson cannot be read, ValueError when JupyterLab cannot open files of
    the course, as it was started for another folder.
    """
    progress, problem = _progress()
    rows = _rows(folder, progress)
    return TEMPLATES.get_template("start.html").render(
        folder=folder,
        rows=rows,
        current=to_continue(rows),
        passed=sum(row.passed for row in rows),
        of=sum(row.of for row in rows),
        problem=problem,
        live=place == places.LIVE,
        running=place == places.LOCAL and daemon.running(find_home()) is not None,
        troubleshooting=folder.path(lessons.ROOT / "docs" / "troubleshooting.md"),
    )


def _progress() -> tuple[Progress, str]:
    try:
        return read(own_file()), ""
    except ProgressError as error:
        return Progress({}), str(error)


def _rows(folder: Folder, progress: Progress) -> list[Row]:
    known = {one.number: one for one in catalogue.lessons()}
    return [
        _row(copy, known[copy.number], progress, folder)
        for copy in copies.copies()
        if copy.number in known
    ]


def _row(copy: Copy, lesson: catalogue.Lesson, progress: Progress, folder: Folder) -> Row:
    state = copy.state()
    to_do = progress.to_do(lesson)
    changed = state in (State.CHANGED, State.BEHIND)
    return Row(
        number=lesson.number,
        title=lesson.title,
        minutes=lesson.minutes,
        passed=progress.passed(lesson),
        of=len(lesson.tasks),
        following=to_do[0].heading if to_do else "",
        path=folder.path(copy.file),
        state=state,
        begun=copy.file.stat().st_mtime if changed else 0,
    )


def to_continue(rows: Sequence[Row]) -> Row | None:
    """Return the lesson to go on with; None when every exercise has passed.

    It is the one that the learner worked in last, or where that is done the first after it that is
    not, or else the first that is not.
    """
    last = max(range(len(rows)), key=lambda number: (rows[number].begun, -number), default=0)
    if not any(row.begun for row in rows):
        last = max((number for number, row in enumerate(rows) if row.passed), default=0)
    return next((row for row in [*rows[last:], *rows[:last]] if not row.done), None)
