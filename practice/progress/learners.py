"""The progress files of a class, for its instructor."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from practice.catalogue import Lesson
from practice.progress.record import FILE, Progress, ProgressError, read


@dataclass(frozen=True)
class Learner:
    """A learner: a name, and either their progress or the problem with their file."""

    name: str
    progress: Progress | None = None
    problem: str = ""

    @property
    def status(self) -> str:
        if self.progress is None:
            return "cannot be read"
        return "in progress" if self.progress.entries else "not started"

    def passed(self, lessons: Sequence[Lesson]) -> list[int]:
        """Return how many exercises passed in each lesson; an empty list without a progress."""
        return [self.progress.passed(one) for one in lessons] if self.progress else []


def learners(places: Sequence[Path]) -> list[Learner]:
    """Return a learner for each folder or file, in this order; unreadable ones have a problem."""
    distinct = list(dict.fromkeys(Path(os.path.abspath(place)) for place in places))
    return [_learner(*each) for each in zip(_names(distinct), distinct, strict=True)]


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
    """Shorten the paths to what tells them apart: no part that all of them begin or end with."""
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
