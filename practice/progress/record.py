"""A learner's progress: which exercises passed, kept in one small file on their own machine.

    {"lessons": {"00": {"most_missed": {"state": "passed", "attempts": 2,
                                        "first_passed": "2026-11-22T10:11:12Z"}}}}

The file is progress.json in the course's folder; COURSE_PROGRESS names another one. Attempts are
right and wrong answers up to the first right one; what once passed stays passed.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from practice.catalogue import COURSE, Lesson, Task

VARIABLE = "COURSE_PROGRESS"
FILE = "progress.json"
PATIENCE = 10  # seconds to wait for another kernel that is writing
STATES = {True: "passed", False: "tried"}
TIME = "%Y-%m-%dT%H:%M:%SZ"


class ProgressError(Exception):
    """The file is damaged, or cannot be read or written; the message names it and the reason."""


class DamagedError(ProgressError):
    """The file can be read, and is not what this module wrote."""


@dataclass(frozen=True)
class Entry:
    """The progress in one exercise; `first_passed` is in UTC, None when it has not passed."""

    attempts: int = 0
    first_passed: datetime | None = None

    @property
    def passed(self) -> bool:
        return self.first_passed is not None

    def after(self, passed: bool) -> Entry:
        """Return the entry after one more answer."""
        if self.passed:
            return self
        now = datetime.now(UTC).replace(microsecond=0) if passed else None
        return Entry(self.attempts + 1, now)


@dataclass(frozen=True)
class Progress:
    """The entries by lesson and exercise; exercises that nobody has tried are not among them."""

    entries: dict[tuple[str, str], Entry]

    def entry(self, number: str, name: str) -> Entry:
        return self.entries.get((number, name), Entry())

    def passed(self, one: Lesson) -> int:
        """Return how many of the lesson's exercises passed."""
        return len(one.tasks) - len(self.to_do(one))

    def to_do(self, one: Lesson) -> list[Task]:
        """Return the lesson's exercises that have not passed, in the order of the page."""
        return [task for task in one.tasks if not self.entry(one.number, task.name).passed]

    def without(self, number: str | None) -> Progress:
        """Return the progress without the entries of a lesson; of all lessons for None."""
        kept = {key: entry for key, entry in self.entries.items() if number not in (None, key[0])}
        return Progress(kept)


def own_file() -> Path:
    """Return the file of this learner's progress."""
    return Path(os.environ.get(VARIABLE) or COURSE / FILE)


def read(file: Path) -> Progress:
    """Return the progress in a file; an empty one when there is no file.

    Raises DamagedError, and ProgressError when the file cannot be read.
    """
    try:
        return _parse(json.loads(file.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return Progress({})
    except OSError as error:
        raise ProgressError(f"{file} cannot be read: {error.strerror or error}.") from None
    except (ValueError, KeyError, TypeError, AttributeError, ArithmeticError) as error:
        raise DamagedError(f"{file} is damaged: {_reason(error)}.") from None


def record(number: str, name: str, passed: bool, file: Path | None = None) -> str:
    """Record one answer. Return a note for the learner about a damaged file, else "".

    A damaged file is kept beside the new one. Raises ProgressError when nothing could be noted.
    """
    file = (file or own_file()).resolve()
    with _changing(file):
        progress, note = _read_or_keep_aside(file)
        before = progress.entry(number, name)
        after = before.after(passed)
        if after != before:
            _write(Progress(progress.entries | {(number, name): after}), file)
    return note


def reset(number: str | None = None, file: Path | None = None) -> str:
    """Delete the entries of one lesson, or of all. Returns and raises as `record` does."""
    file = (file or own_file()).resolve()
    with _changing(file):
        progress, note = _read_or_keep_aside(file)
        _write(progress.without(number), file)
    return note


@contextmanager
def _changing(file: Path) -> Iterator[None]:
    """Hold the file's lock, so that no other kernel changes it meanwhile.

    Raises ProgressError, also in place of an OSError inside.
    """
    try:
        with FileLock(file.with_name(f"{file.name}.lock"), timeout=PATIENCE):
            yield
    except Timeout:
        raise ProgressError(f"{file} has been in use for {PATIENCE} seconds.") from None
    except OSError as error:
        raise ProgressError(f"{file} cannot be written: {error.strerror or error}.") from None


def _read_or_keep_aside(file: Path) -> tuple[Progress, str]:
    try:
        return read(file), ""
    except DamagedError as error:
        names = (file.with_name(f"{file.name}.damaged-{number}") for number in count(1))
        aside = next(name for name in names if not name.exists())
        file.rename(aside)
        return Progress({}), f"{error} It is kept as {aside.name}, and a new one is begun."


def _write(progress: Progress, file: Path) -> None:
    """Write the file at once: a reader finds the old text or the new one, never a part."""
    lessons: dict[str, dict[str, dict[str, str | int]]] = {}
    for (number, name), entry in sorted(progress.entries.items()):
        lessons.setdefault(number, {})[name] = _as_json(entry)
    new = file.with_name(f"{file.name}.new")
    with new.open("w", encoding="utf-8") as stream:
        stream.write(json.dumps({"lessons": lessons}, indent=1) + "\n")
        stream.flush()
        os.fsync(stream.fileno())
    new.replace(file)


def _as_json(entry: Entry) -> dict[str, str | int]:
    told: dict[str, str | int] = {"state": STATES[entry.passed], "attempts": entry.attempts}
    if entry.first_passed:
        told["first_passed"] = entry.first_passed.strftime(TIME)
    return told


def _parse(document: Any) -> Progress:
    """Return what the file's JSON says.

    Raises ValueError, KeyError, TypeError or AttributeError when it is not what `_write` writes.
    """
    entries = {}
    for number, exercises in document["lessons"].items():
        for name, told in exercises.items():
            passed = {word: flag for flag, word in STATES.items()}[told["state"]]
            first = None
            if passed:
                first = datetime.strptime(told["first_passed"], TIME).replace(tzinfo=UTC)
            entries[number, name] = Entry(int(told["attempts"]), first)
    return Progress(entries)


def _reason(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"line {error.lineno} is no JSON ({error.msg})"
    return f"it does not hold what this course writes ({type(error).__name__}: {error})"
