"""The box of a verdict without a browser: what a page, a terminal and a stored output say."""

from __future__ import annotations

from typing import Any

import pytest
from ipywidgets import Widget as AnyWidget

from practice.widgets.verdict_box import VerdictBox
from practice.widgets.widget import FOLDER, script

VIEW = "application/vnd.jupyter.widget-view+json"


def box(state: str, verdict: str, **more: Any) -> VerdictBox:
    return VerdictBox(
        state=state,
        verdict=verdict,
        message="It is < 2.",
        hints=["Think."],
        solution="x = 1",
        call="exercises.sheep",
        **more,
    )


@pytest.mark.parametrize(
    ("state", "verdict", "sign"),
    [("wrong", "Not quite.", "!"), ("blank", "Not attempted yet.", "?")],
)
def test_an_output_says_the_same_with_and_without_widgets(
    state: str, verdict: str, sign: str
) -> None:
    data, _ = box(state, verdict)._repr_mimebundle_()
    assert set(data) == {VIEW, "text/plain", "text/html"}
    assert data["text/plain"].splitlines() == [
        f"{verdict} It is < 2.",
        "Help: exercises.sheep.hint(), exercises.sheep.solution()",
    ]
    assert f"<strong>{sign} {verdict}</strong> It is &lt; 2.<br>" in data["text/html"]
    assert "<code>exercises.sheep.hint()</code>" in data["text/html"]


def test_what_is_right_needs_no_help_and_says_what_was_noted() -> None:
    right = box("right", "Right.", note="All passed.")
    assert repr(right) == "Right. It is < 2.\nAll passed."
    assert "Help" not in right.as_html()
    assert "All passed." in right.as_html()


def test_each_state_has_its_own_sign_and_colour() -> None:
    pages = [box(state, "It.").as_html() for state in ("right", "wrong", "blank")]
    assert len(set(pages)) == 3
    style = (FOLDER / "verdict_box.css").read_text()
    for page in pages:
        colour = page.partition("1px solid ")[2][:7]
        assert f"--state: {colour};" in style


def test_the_browsers_part_is_sent_along() -> None:
    state = AnyWidget.get_state(box("wrong", "Not quite."))
    assert state["_esm"] == script("verdict_box.js")
    assert state["_css"] == (FOLDER / "verdict_box.css").read_text()
    assert (state["sign"], state["hints"], state["solution"]) == ("!", ["Think."], "x = 1")
