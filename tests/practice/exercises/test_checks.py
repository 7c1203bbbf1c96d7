from __future__ import annotations

import linecache
from pathlib import Path

import pytest
from azure.core.exceptions import ResourceNotFoundError

from practice.exercises import checks, lesson_00
from practice.exercises.checks import AnswerState, Exercise, Verdict, exercise, right, wrong
from practice.progress import record as progress
from practice.widgets.verdict_box import VerdictBox


@exercise("Think of sheep.", "It is less than two.", solution="    count = 1")
def sheep(count: object) -> Verdict:
    if count == 1:
        return right("One it is.")
    return wrong("count", count, "Look at the meadow.")


def test_the_decorator_makes_an_exercise() -> None:
    assert isinstance(sheep, Exercise)


def test_a_blank_is_not_attempted_and_not_judged() -> None:
    assert sheep.verdict(...).state is AnswerState.NOT_ATTEMPTED


def test_wrong_names_the_variable_its_value_and_where_to_look() -> None:
    verdict = sheep.verdict("two")
    assert verdict.state is AnswerState.WRONG
    assert str(verdict) == "Not quite. count is 'two'. Look at the meadow."


def test_right(capsys: pytest.CaptureFixture[str]) -> None:
    assert sheep.check(1) is None, "a value would show up below the cell"
    assert capsys.readouterr().out == "Right. One it is.\n"


def test_without_buttons_the_output_says_how_to_get_help(
    capsys: pytest.CaptureFixture[str],
) -> None:
    sheep.check(2)
    assert capsys.readouterr().out.splitlines() == [
        "Not quite. count is 2. Look at the meadow.",
        "Help: exercises.sheep.hint(), exercises.sheep.solution()",
    ]


def test_hints_that_were_shown_stay_when_checked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    boxes: list[VerdictBox] = []
    monkeypatch.setattr(checks, "display", boxes.append)
    shepherd = Exercise(sheep.judge, sheep.hints, sheep.code)
    shepherd.check(...)
    boxes[0].hints_shown = 1  # as a click does
    shepherd.check(2)
    assert [(box.state, box.hints_shown) for box in boxes] == [("blank", 1), ("wrong", 1)]


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


class Unprintable:
    def __repr__(self) -> str:
        raise RuntimeError("no")


def test_a_value_that_is_long_or_cannot_be_shown() -> None:
    assert len(wrong("count", "x" * 1000, "Look.").message) < 300
    assert "Unprintable, which cannot be shown" in wrong("count", Unprintable(), "Look.").message


@exercise("Divide.", "By it.", solution="count = 2")
def divides(count: object, ask: object = None) -> Verdict:
    if callable(ask):
        ask(count)
    if count == "missing":
        raise ResourceNotFoundError("(ResourceNotFound) There is no sheep.\nMore text.")
    return right(f"{12 / count}")  # type: ignore[operator]  # what learners do


def test_what_is_not_on_azure_is_not_attempted() -> None:
    verdict = divides.verdict("missing")
    assert verdict.state is AnswerState.NOT_ATTEMPTED
    assert "(ResourceNotFound) There is no sheep." in verdict.message
    assert "More text" not in verdict.message


def test_a_check_that_stops_is_a_wrong_answer_with_its_value() -> None:
    verdict = divides.verdict(0)
    assert verdict.state is AnswerState.WRONG
    assert verdict.message == (
        "The check stopped with ZeroDivisionError: division by zero. It looked at this: "
        "count is 0. Look at the cell above, and check again."
    )


def test_a_learners_function_that_raises_is_named_with_its_line() -> None:
    source = "def ask(count):\n    return [][count]\n"
    names: dict[str, object] = {"__name__": "__main__"}
    linecache.cache["cell"] = (len(source), None, source.splitlines(keepends=True), "cell")
    exec(compile(source, "cell", "exec"), names)
    verdict = divides.verdict(3, names["ask"])
    assert verdict.state is AnswerState.WRONG
    assert verdict.message.startswith(
        "Your function ask stopped with IndexError: list index out of range at `return [][count]`."
    )


def test_a_check_notes_attempts_and_passes_but_nothing_untouched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "progress.json"
    monkeypatch.setenv(progress.VARIABLE, str(file))
    shepherd = Exercise(sheep.judge, sheep.hints, sheep.code)
    shepherd.lesson = "00"
    shepherd.check(...)
    assert not file.exists()
    shepherd.check(2)
    shepherd.check(1)
    entry = progress.read(file).entry("00", "sheep")
    assert (entry.passed, entry.attempts) == (True, 2)


@pytest.mark.parametrize("answer", [1, 2])
def test_a_check_goes_on_when_it_cannot_note(
    answer: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "a file").touch()
    monkeypatch.setenv(progress.VARIABLE, str(tmp_path / "a file" / "progress.json"))
    shepherd = Exercise(sheep.judge, sheep.hints, sheep.code)
    shepherd.lesson = "00"
    shepherd.check(answer)
    first, second, *_ = capsys.readouterr().out.splitlines()
    assert first == str(sheep.verdict(answer))
    assert second.startswith("Your progress could not be noted: ")


def test_exercises_know_their_lesson_and_name() -> None:
    assert (lesson_00.most_missed.lesson, lesson_00.most_missed.name) == ("00", "most_missed")
    assert sheep.lesson is None
