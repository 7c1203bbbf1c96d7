from __future__ import annotations

import importlib
from pathlib import Path

import pytest

from practice import catalogue
from practice.catalogue import Lesson, Task
from practice.exercises.checks import Exercise

TEXT = """\
# %% [markdown]
# # 07 Sheep
#
# ### How many?
#
# Count them.

# %%
exercises.how_many.check(count)

# %% [markdown]
# ### Where?

# %%
exercises.where.check(place, "a (name)")
"""


def test_lessons_with_their_exercises_and_the_headings_above_them(tmp_path: Path) -> None:
    (tmp_path / "07-sheep.py").write_text(TEXT)
    (tmp_path / "notes.py").write_text("# # 08 No lesson\n")
    tasks = (Task("how_many", "How many?"), Task("where", "Where?"))
    assert catalogue.lessons(tmp_path) == [Lesson("07", "Sheep", tasks)]
    assert catalogue.lesson("07", tmp_path).title == "Sheep"


def test_an_unknown_lesson_names_those_there_are(tmp_path: Path) -> None:
    (tmp_path / "07-sheep.py").write_text(TEXT)
    with pytest.raises(LookupError, match=r"no lesson '7'. There are: 07"):
        catalogue.lesson("7", tmp_path)


@pytest.mark.parametrize("one", catalogue.lessons(), ids=lambda one: one.number)
def test_it_knows_every_exercise_of_the_course(one: Lesson) -> None:
    module = importlib.import_module(f"practice.exercises.lesson_{one.number}")
    there = {value.name: value for value in vars(module).values() if isinstance(value, Exercise)}
    assert {task.name for task in one.tasks} == set(there)
    assert all(exercise.lesson == one.number for exercise in there.values())
    assert all(task.heading for task in one.tasks)


@pytest.mark.parametrize("one", catalogue.lessons(), ids=lambda one: one.number)
def test_each_lesson_says_how_long_it_takes(one: Lesson) -> None:
    assert 10 <= one.minutes <= 120
