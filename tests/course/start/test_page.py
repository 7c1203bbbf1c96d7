"""Which lesson the start page says to go on with."""

from __future__ import annotations

import pytest

from course.copies import State
from course.start.page import Row, to_continue


def rows(*lessons: tuple[int, float]) -> list[Row]:
    """Lessons of three exercises each, from (how many passed, when its copy was last changed)."""
    return [
        Row(
            number=f"{number:02}",
            title="",
            minutes=30,
            passed=passed,
            of=3,
            following="",
            path="",
            state=State.CHANGED if begun else State.UNTOUCHED,
            begun=begun,
        )
        for number, (passed, begun) in enumerate(lessons)
    ]


@pytest.mark.parametrize(
    ("lessons", "number"),
    [
        ([(0, 0), (0, 0), (0, 0)], "00"),  # nothing yet
        ([(0, 5), (0, 0), (0, 0)], "00"),
        ([(1, 5), (2, 7), (0, 0)], "01"),  # worked in last
        ([(1, 9), (2, 7), (0, 0)], "00"),
        ([(3, 5), (3, 7), (0, 0)], "02"),  # done: the one after it
        ([(3, 5), (0, 0), (3, 7)], "01"),  # none after it: the first that is not done
        ([(3, 0), (1, 0), (0, 0)], "01"),  # from another machine: no copy was touched here
        ([(3, 0), (3, 0), (0, 0)], "02"),
    ],
)
def test_the_lesson_to_go_on_with(lessons: list[tuple[int, float]], number: str) -> None:
    found = to_continue(rows(*lessons))
    assert found is not None
    assert found.number == number


def test_there_is_none_when_all_have_passed() -> None:
    assert to_continue(rows((3, 1), (3, 2))) is None
