"""What learners get wrong: plausible answers to every exercise, a module for each lesson."""

from __future__ import annotations

import importlib
from pathlib import Path

from tests.notebooks.wrong_answers.answers import Answers

ANSWERS: list[Answers] = [
    answers
    for file in sorted(Path(__file__).parent.glob("lesson_*.py"))
    for answers in importlib.import_module(f"{__name__}.{file.stem}").ANSWERS
]
