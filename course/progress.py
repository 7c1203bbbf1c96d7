"""`course progress`: a learner's own table, one of a whole class, and forgetting what passed."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import click

from course.lessons import LessonError
from practice.catalogue import lessons
from practice.progress import printer
from practice.progress.learners import learners
from practice.progress.record import own_file, read
from practice.progress.record import reset as forget


def show_own() -> None:
    """Print the table of this machine's learner. Raises ProgressError."""
    printer.show_own(read(own_file()), lessons())


def show_learners(places: Sequence[Path], as_csv: bool) -> bool:
    """Print the table of these folders or files, and below it what cannot be read.

    Returns whether all of them could be read.
    """
    everybody = learners(places)
    if as_csv:
        printer.write_csv(everybody, lessons(), sys.stdout)
    else:
        printer.show_learners(everybody, lessons())
    for learner in everybody:
        if learner.problem:
            click.echo(f"{learner.name}: {learner.problem}", err=True)
    return not any(learner.problem for learner in everybody)


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
