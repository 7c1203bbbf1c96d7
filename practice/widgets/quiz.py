"""Questions that a learner answers before the cell that shows the result.

guess = predict("Which status code will it be?", ["200", "404"])
guess                                    # a cell of its own: the learner chooses
guess.compare(str(answer.status_code))   # after the real call
"""

from __future__ import annotations

import html
import re
from collections.abc import Sequence

import traitlets

from practice.widgets.widget import FOLDER, Widget, script


class Question(Widget):
    """A question with options to choose from; a choice can be changed until `compare` is called."""

    _esm = script("quiz.js")
    _css = FOLDER / "quiz.css"

    question = traitlets.Unicode().tag(sync=True)
    options = traitlets.List(traitlets.Unicode()).tag(sync=True)
    chosen = traitlets.Unicode().tag(sync=True)  # empty: not chosen yet
    # What was chosen before the result came; a click made while the cell ran arrives after it.
    answered = traitlets.Unicode().tag(sync=True)
    actual = traitlets.Unicode().tag(sync=True)  # empty: not known yet
    result = traitlets.Unicode().tag(sync=True)

    def choose(self, option: str) -> None:
        """Choose an option, as a click does. Raises ValueError when the result is known already."""
        self._require(option)
        if self.actual:
            raise ValueError(
                f"It is known already: {self.actual}. To choose again, run the question's cell."
            )
        self.chosen = option

    def compare(self, actual: str) -> None:
        """Print whether the choice was the real result, and close the question.

        Raises ValueError when the result is none of the options.
        """
        self._require(actual)
        answered = self.answered if self.actual else self.chosen
        if not answered:
            result = f"It was {actual}. (You had not chosen.)"
        elif answered == actual:
            result = f"You said {actual}, and {actual} it was."
        else:
            result = f"You said {answered}. It was {actual}."
        with self.hold_sync():
            self.answered = answered
            self.actual = actual
            self.result = result
        print(result)

    def _require(self, option: str) -> None:
        if option not in self.options:
            raise ValueError(f"{option!r} is none of the options: {', '.join(self.options)}.")

    def as_text(self) -> str:
        lines = [self.question.replace("`", ""), *(f"  - {option}" for option in self.options)]
        return "\n".join([*lines, self.result or f"Answer with .choose({self.options[0]!r})."])

    def as_html(self) -> str:
        question = re.sub("`(.+?)`", r"<code>\1</code>", html.escape(self.question))
        items = "".join(f"<li>{html.escape(option)}</li>" for option in self.options)
        last = html.escape(self.result) or "In Jupyter, run this cell to choose."
        return f"<p><strong>{question}</strong></p>\n<ul>{items}</ul>\n<p><em>{last}</em></p>"


_asked: dict[tuple[str, ...], Question] = {}


def predict(question: str, options: Sequence[str]) -> Question:
    """Return a question about what a cell will show. A cell that ends with it shows it.

    In `question`, text between backticks is code. Raises ValueError unless there are two options
    or more, all different.
    """
    if len(options) < 2 or len(set(options)) < len(options) or "" in options:
        raise ValueError(f"A question needs two or more different options, not {list(options)}.")
    asked = Question(question=question, options=list(options))
    # Shift+Enter after a click runs the question's cell again: what was chosen stays chosen.
    before = _asked.get((question, *options))
    if before is not None and not before.actual:
        asked.chosen = before.chosen
    _asked[question, *options] = asked
    return asked
