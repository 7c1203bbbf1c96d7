"""What a wrong answer to an exercise is."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Answers:
    """Wrong answers to one exercise, each with a word that its verdict has to contain."""

    lesson: str
    exercise: str
    wrong: dict[str, str]
