"""Where the lessons are, and which ones a command means."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = ROOT / "notebooks"
SOURCES = NOTEBOOKS / "src"
BUILD = ROOT / "build"
# What may differ between two runs of a lesson
SANITIZE = ROOT / "tests" / "nbval-sanitize.cfg"


class LessonError(Exception):
    """No such lesson; the message names those there are."""


def choose(names: Sequence[str], folder: Path, suffix: str) -> list[Path]:
    """Return the lessons of `folder` in order: all, or those that `names` name.

    A name is a path, or what the lesson's file name begins with, such as "02". Raises LessonError.
    """
    everything = sorted(folder.glob(f"[0-9][0-9]*{suffix}"))
    if not names:
        if not everything:
            raise LessonError(f"There is no lesson in {folder}.")
        return everything
    chosen = []
    for name in names:
        path = Path(name)
        matches = [file for file in everything if file.stem.startswith(path.stem)]
        if path.suffix == suffix and path.is_file():
            matches = [path.resolve()]
        if not matches:
            known = ", ".join(file.stem for file in everything) or "none"
            raise LessonError(f"There is no lesson {name!r}. There are: {known}.")
        chosen += matches
    return chosen
