"""Questions without a browser: what is compared, printed and stored."""

from __future__ import annotations

import subprocess
import sys

import pytest
from ipywidgets import Widget as AnyWidget

from practice.widgets.quiz import Question, predict
from practice.widgets.widget import FOLDER, script

VIEW = "application/vnd.jupyter.widget-view+json"


@pytest.fixture
def guess() -> Question:
    options = ["200", "404", "503"]
    return Question(question="Which status code will `requests.post` get?", options=options)


@pytest.mark.parametrize(
    ("chosen", "told"),
    [
        (None, "It was 404. (You had not chosen.)"),
        ("404", "You said 404, and 404 it was."),
        ("200", "You said 200. It was 404."),
    ],
)
def test_the_result_stands_beside_the_choice(
    guess: Question, chosen: str | None, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    if chosen:
        guess.choose(chosen)
    guess.compare("404")
    assert capsys.readouterr().out == f"{told}\n"
    assert guess.result == told
    assert repr(guess).endswith(told)


def test_a_result_that_is_no_option_is_refused(guess: Question) -> None:
    with pytest.raises(ValueError, match=r"'418' is none of the options: 200, 404, 503\."):
        guess.compare("418")
    with pytest.raises(ValueError, match="'418' is none of the options"):
        guess.choose("418")
    assert (guess.chosen, guess.actual) == ("", "")


def test_once_the_result_is_known_the_choice_stays(
    guess: Question, capsys: pytest.CaptureFixture[str]
) -> None:
    guess.compare("404")
    with pytest.raises(ValueError, match="It is known already: 404"):
        guess.choose("404")
    guess.chosen = "404"  # a click that was made in time but arrives late
    guess.compare("404")
    assert capsys.readouterr().out.splitlines() == ["It was 404. (You had not chosen.)"] * 2


def test_asked_again_what_was_chosen_stays_until_the_result_is_known() -> None:
    options = ["now", "later"]
    predict("When?", options).choose("later")
    assert predict("When else?", options).chosen == ""
    again = predict("When?", options)
    assert again.chosen == "later"
    again.compare("now")
    assert predict("When?", options).chosen == ""


@pytest.mark.parametrize("options", [[], ["200"], ["200", "200"], ["200", ""]])
def test_a_question_needs_something_to_choose_from(options: list[str]) -> None:
    with pytest.raises(ValueError, match="two or more different options"):
        predict("Which?", options)


def test_an_output_says_the_same_with_and_without_widgets() -> None:
    data, _ = predict("Is `<b>` bold?", ["yes & no", "no"])._repr_mimebundle_()
    assert set(data) == {VIEW, "text/plain", "text/html"}
    assert data["text/plain"].splitlines() == [
        "Is <b> bold?",
        "  - yes & no",
        "  - no",
        "Answer with .choose('yes & no').",
    ]
    assert data["text/html"].splitlines() == [
        "<p><strong>Is <code>&lt;b&gt;</code> bold?</strong></p>",
        "<ul><li>yes &amp; no</li><li>no</li></ul>",
        "<p><em>In Jupyter, run this cell to choose.</em></p>",
    ]


def test_it_works_in_a_plain_terminal() -> None:
    code = (
        "from practice.widgets.quiz import predict\n"
        "guess = predict('Which?', ['a', 'b'])\nprint(guess)\nguess.choose('b')\nguess.compare('a')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == (
        "Which?\n  - a\n  - b\nAnswer with .choose('a').\nYou said b. It was a.\n"
    )


def test_the_browsers_part_is_sent_along(guess: Question) -> None:
    state = AnyWidget.get_state(guess)
    assert state["_esm"] == script("quiz.js")
    assert state["_css"] == (FOLDER / "quiz.css").read_text()
