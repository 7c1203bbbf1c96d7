from __future__ import annotations

import pytest

from helpers.checks import Exercise, State, Verdict, exercise, right, wrong


@exercise("Think of sheep.", "It is less than two.", solution="    count = 1")
def sheep(count: object) -> Verdict:
    if count == 1:
        return right("One it is.")
    return wrong("count", count, "Look at the meadow.")


def test_the_decorator_makes_an_exercise() -> None:
    assert isinstance(sheep, Exercise)


def test_a_blank_is_not_attempted_and_not_judged() -> None:
    assert sheep.verdict(...).state is State.NOT_ATTEMPTED


def test_wrong_names_the_variable_its_value_and_where_to_look() -> None:
    verdict = sheep.verdict("two")
    assert verdict.state is State.WRONG
    assert str(verdict) == "Not quite. count is 'two'. Look at the meadow."


def test_right(capsys: pytest.CaptureFixture[str]) -> None:
    assert sheep.check(1) is None, "a value would show up below the cell"
    assert capsys.readouterr().out == "Right. One it is.\n"


def test_hints_come_one_after_the_other_and_begin_again(
    capsys: pytest.CaptureFixture[str],
) -> None:
    for _ in range(3):
        sheep.hint()
    assert capsys.readouterr().out.splitlines() == [
        "Hint 1 of 2: Think of sheep.",
        "Hint 2 of 2: It is less than two.",
        "Hint 1 of 2: Think of sheep.",
    ]


def test_the_solution_can_be_pasted(capsys: pytest.CaptureFixture[str]) -> None:
    sheep.solution()
    assert capsys.readouterr().out == "count = 1\n"
