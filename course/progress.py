"""`course progress`: a learner's own table, and one of many learners for who teaches them."""

from __future__ import annotations

import csv
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

import click
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from course.lessons import LessonError
from helpers.catalogue import Lesson, lessons
from helpers.progress import FILE, Progress, ProgressError, bar, own_file, read
from helpers.progress import reset as forget


@dataclass(frozen=True)
class Learner:
    """One learner's file: what to call them, and what it says or why it cannot be read."""

    name: str
    progress: Progress | None = None
    problem: str = ""

    @property
    def status(self) -> str:
        if self.progress is None:
            return "cannot be read"
        return "in progress" if self.progress.entries else "not started"


def show_own() -> None:
    """The table of this machine's learner. Raises ProgressError."""
    there = lessons()
    progress = read(own_file())
    table = Table("lesson", Column("passed", justify="right"), "", "next exercise")
    for one in there:
        passed, of = progress.passed(one), len(one.tasks)
        to_do = [t.heading for t in one.tasks if not progress.entry(one.number, t.name).passed]
        following = to_do[0] if to_do else "all passed"
        title = f"{one.number} {one.title}"
        table.add_row(Text(title), f"{passed} of {of}", Text(bar(passed, of)), Text(following))
    passed, of = sum(map(progress.passed, there)), _count(there)
    table.add_section()
    table.add_row("all", f"{passed} of {of}", Text(bar(passed, of)), "")
    Console().print(table)


def reset(numbers: Sequence[str], ask: bool) -> None:
    """Forget what passed in these lessons, or in all. Raises LessonError and ProgressError."""
    there = {one.number: one for one in lessons()}
    for number in numbers:
        if number not in there:
            raise LessonError(f"There is no lesson {number!r}. There are: {', '.join(there)}.")
    where = f"lesson {', '.join(numbers)}" if numbers else "all lessons"
    if ask:
        click.confirm(f"Forget what passed in {where}? ({own_file()})", abort=True)
    chosen: Sequence[str | None] = numbers or [None]
    for each in chosen:
        if note := forget(each):
            click.echo(note)
    click.echo(f"Nothing has passed in {where} now.")


def show_learners(places: Sequence[Path], as_csv: bool) -> bool:
    """The table of these folders or files; what cannot be read is named below it.

    Answers whether all could be read.
    """
    there = lessons()
    everybody = learners(places)
    if as_csv:
        write_csv(everybody, there, sys.stdout)
    else:
        Console().print(_table(everybody, there))
    for learner in everybody:
        if learner.problem:
            click.echo(f"{learner.name}: {learner.problem}", err=True)
    return not any(learner.problem for learner in everybody)


def learners(places: Sequence[Path]) -> list[Learner]:
    """One learner for each folder or file, in this order; those that cannot be read among them."""
    distinct = list(dict.fromkeys(Path(os.path.abspath(place)) for place in places))
    return [_learner(*each) for each in zip(_names(distinct), distinct, strict=True)]


def write_csv(everybody: Sequence[Learner], there: Sequence[Lesson], stream: TextIO) -> None:
    """The numbers for a spreadsheet; a learner whose file cannot be read has none."""
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(["learner", *(one.number for one in there), "passed", "of", "status"])
    for learner in everybody:
        numbers = _numbers(learner, there)
        row: list[object] = [*numbers, sum(numbers)] if numbers else [""] * (len(there) + 1)
        writer.writerow([learner.name, *row, _count(there), learner.status])


def _table(everybody: Sequence[Learner], there: Sequence[Lesson]) -> Table:
    """A row a learner, a column a lesson, totals to the right and below."""
    table = Table("learner", *(Column(one.number, justify="right") for one in there))
    table.add_column("all", justify="right")
    table.add_column("")
    for learner in everybody:
        numbers = _numbers(learner, there)
        begun = learner.status == "in progress"
        told = bar(sum(numbers), _count(there)) if begun else learner.status
        total = str(sum(numbers)) if numbers else ""
        cells = map(str, numbers) if numbers else [""] * len(there)
        table.add_row(Text(learner.name), *cells, total, Text(told))
    known = [numbers for each in everybody if (numbers := _numbers(each, there))]
    sums = [sum(column) for column in zip(*known, strict=True)] or [0] * len(there)
    possible = [len(known) * len(one.tasks) for one in there]
    table.add_section()
    table.add_row("passed", *map(str, sums), str(sum(sums)), Text(bar(sum(sums), sum(possible))))
    table.add_row("possible", *map(str, possible), str(sum(possible)), "")
    return table


def _learner(name: str, place: Path) -> Learner:
    try:
        file = place / FILE if place.is_dir() else place
        if not (place.exists() or (place.suffix == ".json" and place.parent.is_dir())):
            return Learner(name, problem=f"{place} does not exist.")
        return Learner(name, read(file))
    except ProgressError as error:
        return Learner(name, problem=str(error))
    except OSError as error:
        return Learner(name, problem=f"{place} cannot be read: {error.strerror}.")


def _names(places: Sequence[Path]) -> list[str]:
    """What tells the paths apart: their parts without those that all begin or all end with."""
    paths = [list((p.parent if p.name == FILE else p).parts) for p in places]
    for parts in paths:
        parts[-1] = parts[-1].removesuffix(".json")
    if len(paths) == 1:
        return [paths[0][-1]]
    for end in (0, -1):
        while min(map(len, paths)) > 1 and len({parts[end] for parts in paths}) == 1:
            for parts in paths:
                del parts[end]
    return ["/".join(parts) for parts in paths]


def _numbers(learner: Learner, there: Sequence[Lesson]) -> list[int]:
    """Exercises passed in each lesson; nothing for a file that cannot be read."""
    if learner.progress is None:
        return []
    return [learner.progress.passed(one) for one in there]


def _count(there: Sequence[Lesson]) -> int:
    return sum(len(one.tasks) for one in there)
