"""Exercises that check themselves: `check()`, `hint()` and `solution()`.

An answer is in one of three states: not attempted, wrong or right. Where Azure can tell, the check
asks Azure for the real resource, whatever the notebook's variables say.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from textwrap import dedent


class State(Enum):
    """How an answer stands; the values are the words that a learner sees."""

    NOT_ATTEMPTED = "Not attempted yet."
    WRONG = "Not quite."
    RIGHT = "Right."


@dataclass(frozen=True)
class Verdict:
    """What a check found, and what to tell the learner."""

    state: State
    message: str

    def __str__(self) -> str:
        return f"{self.state.value} {self.message}"


BLANK = Verdict(
    State.NOT_ATTEMPTED, "Put your answer where the cell above has ..., then run both cells."
)


def not_attempted(message: str) -> Verdict:
    return Verdict(State.NOT_ATTEMPTED, message)


def wrong(variable: str, value: object, look_at: str) -> Verdict:
    """Name what is wrong, its value, and what to look at."""
    return Verdict(State.WRONG, f"{variable} is {value!r}. {look_at}")


def right(message: str) -> Verdict:
    return Verdict(State.RIGHT, message)


class Exercise:
    """One exercise; `judge` looks at the learner's answers and returns a Verdict."""

    def __init__(self, judge: Callable[..., Verdict], hints: tuple[str, ...], code: str) -> None:
        self.judge = judge
        self.hints = hints
        self.code = dedent(code).strip()
        self._hints_given = 0

    def verdict(self, *answers: object) -> Verdict:
        """Judge the answers. One that is still `...` has not been attempted."""
        if any(answer is ... for answer in answers):
            return BLANK
        return self.judge(*answers)

    def check(self, *answers: object) -> None:
        """Tell the learner how the answers stand."""
        print(self.verdict(*answers))

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
