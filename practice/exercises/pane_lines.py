"""A line of a log that a learner names by its number in the pane."""

from __future__ import annotations

from practice.exercises.checks import Verdict, wrong
from practice.widgets.log_pane import LogPane


def line_of_pane(log: str, number: object) -> str | Verdict:
    """Return the line that the pane shows under that number, or what is wrong with the number."""
    lines = LogPane(log).lines
    if isinstance(number, bool) or not isinstance(number, int) or not 1 <= number <= len(lines):
        return wrong("line", number, f"It is a number from 1 to {len(lines)}: see the pane's left.")
    return lines[number - 1]
