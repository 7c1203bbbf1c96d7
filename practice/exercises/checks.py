"""Exercises that check themselves: `check()`, `hint()` and `solution()`.

An answer is in one of three states: not attempted, wrong or right. Where Azure can tell, the check
asks Azure for the real resource, whatever the notebook's variables say. A check that cannot finish
has a verdict too, and what passes is noted in the learner's progress (practice/progress/record.py).
"""

from __future__ import annotations

import inspect
import linecache
import re
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from textwrap import dedent, shorten
from typing import Any

from azure.core.exceptions import ResourceNotFoundError
from IPython.display import display

from practice.catalogue import NUMBER
from practice.progress.record import ProgressError, record
from practice.widgets.verdict_box import VerdictBox

SHOWN = 200  # characters of a value or of an error


class AnswerState(Enum):
    """The state of an answer; the values are the words that a learner sees."""

    NOT_ATTEMPTED = "Not attempted yet."
    WRONG = "Not quite."
    RIGHT = "Right."


BOXES = {
    AnswerState.NOT_ATTEMPTED: "blank",
    AnswerState.WRONG: "wrong",
    AnswerState.RIGHT: "right",
}

# What is told of answers when a check stops: a client or an array says nothing in one line.
PLAIN = (str, bool, int, float, list, tuple, dict, set, type(None))


@dataclass(frozen=True)
class Verdict:
    """What a check found, and what to tell the learner."""

    state: AnswerState
    message: str

    def __str__(self) -> str:
        return f"{self.state.value} {self.message}"


BLANK = Verdict(
    AnswerState.NOT_ATTEMPTED, "Put your answer where the cell above has ..., then run both cells."
)


def not_attempted(message: str) -> Verdict:
    return Verdict(AnswerState.NOT_ATTEMPTED, message)


def wrong(variable: str, value: object, look_at: str) -> Verdict:
    """Return a verdict that names what is wrong, its value, and what to look at."""
    return Verdict(AnswerState.WRONG, f"{variable} is {_shown(value)}. {look_at}")


def right(message: str) -> Verdict:
    return Verdict(AnswerState.RIGHT, message)


class Exercise:
    """One exercise; `judge` looks at the learner's answers and returns a Verdict.

    `lesson` is the number of the lesson whose module has the judge, None in any other; `name` is
    the judge's name.
    """

    def __init__(self, judge: Callable[..., Verdict], hints: tuple[str, ...], code: str) -> None:
        self.judge = judge
        self.hints = hints
        self.code = dedent(code).strip()
        self.name = judge.__name__
        module = re.search(rf"\blesson_({NUMBER})$", judge.__module__)
        self.lesson = module[1] if module else None
        self._hints_given = 0

    def verdict(self, *answers: object) -> Verdict:
        """Return the verdict on the answers. One that is still `...` has not been attempted."""
        if any(answer is ... for answer in answers):
            return BLANK
        try:
            return self.judge(*answers)
        except ResourceNotFoundError as error:
            return not_attempted(
                f"The check couldn't find what it looks at. Azure says: {_first_line(error)} "
                "Do the exercise, or run the lesson's cells above it, then check again."
            )
        except Exception as error:  # whatever an answer may lead to, a learner's function too
            return Verdict(AnswerState.WRONG, self._why_it_stopped(error, answers))

    def check(self, *answers: object) -> None:
        """Show the verdict on the answers, and record it in the learner's progress."""
        verdict = self.verdict(*answers)
        box = VerdictBox(
            state=BOXES[verdict.state],
            verdict=verdict.state.value,
            message=verdict.message,
            note=self._record(verdict),
            hints=list(self.hints),
            solution=self.code,
            hints_shown=min(self._hints_given, len(self.hints)),
            call=f"exercises.{self.name}",
        )
        box.observe(self._count_hints, "hints_shown")
        display(box)  # type: ignore[no-untyped-call]  # of IPython

    def _record(self, verdict: Verdict) -> str:
        """Record a verdict, unless nothing was attempted; return what is to be said of that."""
        if self.lesson is None or verdict.state is AnswerState.NOT_ATTEMPTED:
            return ""
        try:
            return record(self.lesson, self.name, verdict.state is AnswerState.RIGHT) or ""
        except ProgressError as error:
            return f"Your progress could not be noted: {error}"

    def _count_hints(self, change: Any) -> None:
        self._hints_given = change.new

    def _why_it_stopped(self, error: Exception, answers: tuple[object, ...]) -> str:
        what = f"{type(error).__name__}: {_first_line(error)}"
        for frame, line in reversed(list(traceback.walk_tb(error.__traceback__))):
            # A notebook's cells, and the functions defined in them, are the module __main__.
            if frame.f_globals.get("__name__", "__main__") == "__main__":
                name = frame.f_code.co_name
                source = linecache.getline(frame.f_code.co_filename, line).strip()
                at = f" at `{source}`" if source else ""
                return f"Your function {name} stopped with {what}{at}. Fix it, then check again."
        names = inspect.signature(self.judge).parameters
        given = [
            f"{name} is {_shown(answer)}"
            for name, answer in zip(names, answers, strict=False)
            if isinstance(answer, PLAIN)
        ]
        told = f" It looked at this: {', '.join(given)}." if given else ""
        return f"The check stopped with {what}.{told} Look at the cell above, and check again."

    def hint(self) -> None:
        """Print the next hint; after the last one the first comes again."""
        number = self._hints_given % len(self.hints)
        self._hints_given += 1
        print(f"Hint {number + 1} of {len(self.hints)}: {self.hints[number]}")

    def solution(self) -> None:
        """Print code that passes the check."""
        print(self.code)


def exercise(*hints: str, solution: str) -> Callable[[Callable[..., Verdict]], Exercise]:
    """Make the decorated judge an Exercise."""
    return lambda judge: Exercise(judge, hints, solution)


def _shown(value: object) -> str:
    """Return the value as Python writes it, cut to SHOWN characters."""
    try:
        text = repr(value)
    except Exception as error:  # an object's own __repr__
        return f"of {type(value).__name__}, which cannot be shown ({type(error).__name__})"
    return text if len(text) <= SHOWN else f"{text[:SHOWN]} ..."


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines() or [""]
    return shorten(lines[0], SHOWN, placeholder=" ...")
