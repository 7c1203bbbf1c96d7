"""Shows progress: a lesson's at the end of its notebook, a learner's own, a whole class's."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from typing import TextIO

from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from practice.catalogue import Lesson, lesson
from practice.progress.learners import Learner
from practice.progress.record import Progress, ProgressError, own_file, read

BAR = 12  # characters


def show(number: str) -> None:
    """Print which exercises of the lesson with this number passed. Raises LookupError."""
    one = lesson(number)
    try:
        progress = read(own_file())
    except ProgressError as error:
        print(error)
        return
    passed, of = progress.passed(one), len(one.tasks)
    print(f"Lesson {number}: {_count(passed, of)} exercises passed  [{bar(passed, of)}]")
    to_do = progress.to_do(one)
    for task in one.tasks:
        print(f"  {'to do' if task in to_do else 'passed':<6}  {task.heading}")


def show_own(progress: Progress, lessons: Sequence[Lesson]) -> None:
    """Print a learner's own table: a row a lesson, with the next exercise to do."""
    table = Table("lesson", Column("passed", justify="right"), "", "next exercise")
    for one in lessons:
        passed, of = progress.passed(one), len(one.tasks)
        following = next((task.heading for task in progress.to_do(one)), "all passed")
        title = f"{one.number} {one.title}"
        table.add_row(Text(title), _count(passed, of), bar(passed, of), Text(following))
    passed, of = sum(map(progress.passed, lessons)), _tasks(lessons)
    table.add_section()
    table.add_row("all", _count(passed, of), bar(passed, of), "")
    Console().print(table)


def show_learners(learners: Sequence[Learner], lessons: Sequence[Lesson]) -> None:
    """Print a class's table: a row a learner, a column a lesson, totals to the right and below."""
    table = Table("learner", *(Column(one.number, justify="right") for one in lessons))
    table.add_column("all", justify="right")
    table.add_column("")
    for learner in learners:
        numbers = learner.passed(lessons)
        begun = learner.status == "in progress"
        told = bar(sum(numbers), _tasks(lessons)) if begun else learner.status
        total = str(sum(numbers)) if numbers else ""
        cells = map(str, numbers) if numbers else [""] * len(lessons)
        table.add_row(Text(learner.name), *cells, total, told)
    known = [numbers for each in learners if (numbers := each.passed(lessons))]
    sums = [sum(column) for column in zip(*known, strict=True)] or [0] * len(lessons)
    possible = [len(known) * len(one.tasks) for one in lessons]
    table.add_section()
    table.add_row("passed", *map(str, sums), str(sum(sums)), bar(sum(sums), sum(possible)))
    table.add_row("possible", *map(str, possible), str(sum(possible)), "")
    Console().print(table)


def write_csv(learners: Sequence[Learner], lessons: Sequence[Lesson], stream: TextIO) -> None:
    """Write the class's numbers for a spreadsheet; an unreadable file's learner has none."""
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(["learner", *(one.number for one in lessons), "passed", "of", "status"])
    for learner in learners:
        numbers = learner.passed(lessons)
        row: list[object] = [*numbers, sum(numbers)] if numbers else [""] * (len(lessons) + 1)
        writer.writerow([learner.name, *row, _tasks(lessons), learner.status])


def bar(passed: int, of: int) -> str:
    """Return a bar of text: as full as `passed` is of `of`, and not empty once there is one."""
    full = max(BAR * passed // of, 1) if passed else 0
    return "#" * full + "." * (BAR - full)


def _count(passed: int, of: int) -> str:
    return f"{passed} of {of}"


def _tasks(lessons: Sequence[Lesson]) -> int:
    return sum(len(one.tasks) for one in lessons)
