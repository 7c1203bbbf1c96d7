"""The box below an exercise's check: a verdict with its sign, and buttons for hints and a solution.

It shows what it is given and knows no exercise; practice/exercises/checks.py makes it.
"""

from __future__ import annotations

import html

import traitlets

from practice.widgets.widget import FOLDER, Widget, script

# By state: the sign, and a colour that stands out (3:1) on white and on JupyterLab's dark ground.
SIGNS = {
    "right": ("\N{CHECK MARK}", "#23784a"),
    "wrong": ("!", "#9c5d00"),
    "blank": ("?", "#6e6e6e"),
}


class VerdictBox(Widget):
    """A verdict, with hints that come one at a time and a solution that opens and closes.

    `state` is a key of SIGNS. `call` is what a learner without buttons writes before `.hint()`.
    """

    _esm = script("verdict_box.js")
    _css = FOLDER / "verdict_box.css"

    state = traitlets.Enum(tuple(SIGNS)).tag(sync=True)
    verdict = traitlets.Unicode().tag(sync=True)  # "Right."
    message = traitlets.Unicode().tag(sync=True)
    note = traitlets.Unicode().tag(sync=True)  # empty: none
    hints = traitlets.List(traitlets.Unicode()).tag(sync=True)
    solution = traitlets.Unicode().tag(sync=True)
    hints_shown = traitlets.Int(0).tag(sync=True)
    sign = traitlets.Unicode().tag(sync=True)
    call = traitlets.Unicode()

    @traitlets.default("sign")
    def _default_sign(self) -> str:
        return SIGNS[self.state][0]

    @property
    def _help(self) -> tuple[str, ...]:
        """What to write for help; nothing where the answer is right already."""
        if self.state == "right":
            return ()
        return f"{self.call}.hint()", f"{self.call}.solution()"

    def as_text(self) -> str:
        lines = [f"{self.verdict} {self.message}", self.note]
        if self._help:
            lines.append(f"Help: {', '.join(self._help)}")
        return "\n".join(filter(None, lines))

    def as_html(self) -> str:
        sign, colour = SIGNS[self.state]
        style = f"max-width: 42rem; padding: 6px 14px; border: 1px solid {colour}; "
        style += "border-left-width: 6px; border-radius: 4px"
        paragraphs = [f"<strong>{sign} {self.verdict}</strong> {html.escape(self.message)}"]
        if self.note:
            paragraphs.append(html.escape(self.note))
        if self._help:
            calls = " ".join(f"<code>{call}</code>" for call in self._help)
            paragraphs.append(f"Help: {calls}")
        return f'<div style="{style}">\n{"<br>".join(paragraphs)}\n</div>'
