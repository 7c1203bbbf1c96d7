"""Executes one lesson with papermill, and tells in plain words where it stopped."""

from __future__ import annotations

import logging
import os
import re
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from textwrap import indent

import nbformat
import papermill
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from papermill.exceptions import PapermillExecutionError

from course.user_agent import SESSION

CELL_TIMEOUT = 1800  # seconds; a deployment on live Azure takes up to twenty minutes
KERNEL_STARTS = 2  # at most; see _run
SHOWN_LINES = 30  # at most, of a failing cell and of its error

# What papermill logs of a failure is in the reports below, in plain words.
logging.getLogger("papermill").addHandler(logging.NullHandler())
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


class LessonFailedError(Exception):
    """A cell of a lesson failed; the message tells which one, its source and its error."""


def execute(lesson: Path, output: Path, kernel: str, folder: Path) -> None:
    """Run every cell of `lesson` in `folder`, with a progress bar; save it with outputs.

    The copy `output` is saved after every cell, so that a failing lesson leaves one too. What the
    kernel's process writes outside of any cell, if anything, is beside it in a file .log.
    Raises LessonFailedError.
    """
    try:
        with _stderr_to(output.with_suffix(".log")), _named(lesson):
            _run(lesson, output, kernel, folder)
    except PapermillExecutionError as error:
        trace = _plain("\n".join(error.traceback))
        lines = re.findall(rf"Cell In\[{error.exec_count}\], line (\d+)", trace)
        line = int(lines[-1]) if lines else None
        reason = _plain(f"{error.ename}: {error.evalue}")
        report = _report(lesson, error.cell_index + 1, error.source, line, reason)
        raise LessonFailedError(report) from None
    except DeadKernelError:
        died = "The kernel died while this cell ran; often the machine was short of memory."
        raise LessonFailedError(_report_unfinished(lesson, output, died)) from None
    except CellTimeoutError:
        late = f"This cell did not finish within {CELL_TIMEOUT // 60} minutes."
        raise LessonFailedError(_report_unfinished(lesson, output, late)) from None
    except RuntimeError as error:
        log = output.with_suffix(".log")
        message = f"{lesson.stem}: its kernel did not start. {error}\nWhat it wrote: {log}"
        raise LessonFailedError(message) from None


def _run(lesson: Path, output: Path, kernel: str, folder: Path) -> None:
    """Start the kernel and run every cell.

    Jupyter chooses a kernel's ports before the kernel opens them. Where another program takes one
    in between, the kernel ends or cannot be reached; no cell has run yet, and a second start helps.
    """
    width = shutil.get_terminal_size().columns
    bar = {"desc": lesson.stem, "disable": None, "file": sys.stdout, "ncols": width}
    for start in range(1, KERNEL_STARTS + 1):
        try:
            papermill.execute_notebook(
                lesson,
                output,
                kernel_name=kernel,
                cwd=folder,
                progress_bar=bar,
                execution_timeout=CELL_TIMEOUT,
            )
            return
        except DeadKernelError:  # while a cell ran
            raise
        except RuntimeError:
            if start == KERNEL_STARTS:
                raise


@contextmanager
def _named(lesson: Path) -> Iterator[None]:
    """Let the kernel know its notebook, as jupyter_server does and papermill does not."""
    before = os.environ.get(SESSION)
    os.environ[SESSION] = lesson.name
    try:
        yield
    finally:
        if before is None:
            del os.environ[SESSION]
        else:
            os.environ[SESSION] = before


@contextmanager
def _stderr_to(file: Path) -> Iterator[None]:
    """Let this process's children write their errors into `file`, not between progress bars."""
    sys.stderr.flush()
    before = os.dup(2)
    with file.open("wb") as log:
        os.dup2(log.fileno(), 2)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(before, 2)
            os.close(before)
    if file.stat().st_size == 0:
        file.unlink()


def _report(lesson: Path, number: int, source: str, line: int | None, reason: str) -> str:
    """Return a cell's source with its line `line` (from 1) marked, and the reason below it."""
    numbered = [
        f"{'>' if position == line else ' '} {position:>3}  {text}"
        for position, text in enumerate(source.splitlines(), start=1)
    ]
    first = max(0, (line or 1) - SHOWN_LINES // 2) if len(numbered) > SHOWN_LINES else 0
    shown = "\n".join(numbered[first : first + SHOWN_LINES])
    reasons = "\n".join(reason.strip().splitlines()[:SHOWN_LINES])
    return f"{lesson.stem} stopped at cell {number}:\n\n{shown}\n\n{indent(reasons, '  ')}"


def _report_unfinished(lesson: Path, output: Path, reason: str) -> str:
    cells = nbformat.read(output, as_version=4).cells
    # papermill notes in each cell whether it was begun.
    begun = sum(cell.metadata.papermill.status != "pending" for cell in cells)
    return _report(lesson, begun, cells[begun - 1].source, None, reason)


def _plain(text: str) -> str:
    return _COLOUR.sub("", text)
