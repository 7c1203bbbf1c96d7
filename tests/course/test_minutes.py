"""How long a lesson takes is counted from what is in it."""

from __future__ import annotations

import pytest
from click.testing import CliRunner
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from course.cli import main
from course.minutes import count, stated, timed

PICTURE = new_output("display_data", data={"image/png": "iVBORw0KGgo="})


def test_every_part_is_counted() -> None:
    prose = "# 00 A title\n**Time:** about 20 minutes.\n" + "word " * 120
    code = "```python\nthis = 'is not prose'\n```\n[two words](https://example.com/and/no/more) - |"
    notebook = new_notebook(
        cells=[
            new_markdown_cell(prose),
            new_markdown_cell(code),
            new_markdown_cell("## In the portal"),
            new_code_cell("first = predict(1)", outputs=[PICTURE]),
            new_code_cell("first.compare(2)\nexercises.one.check(answer)"),
        ]
    )
    minutes = count(notebook, seconds=30)
    # 3 + 4 words of the heading and the time, 120, 2 of the link, 3 of the heading.
    assert minutes.reading == pytest.approx(132 / 130)
    assert (minutes.cells, minutes.questions, minutes.exercises) == (0.5, 1, 4)
    assert (minutes.figures, minutes.portal) == (0.5, 5)
    assert minutes.total == 15
    assert stated(notebook) == 20


def test_what_a_lesson_states_nothing_of_is_zero() -> None:
    assert stated(new_notebook(cells=[new_markdown_cell("# 00 A title")])) == 0


def test_the_table_has_every_lesson_asked_for() -> None:
    shown = CliRunner().invoke(main, ["minutes", "00", "01"], env={"COLUMNS": "200"})
    assert shown.exit_code == 0, shown.output
    assert "00-train-and-register" in shown.output
    assert "01-connect" in shown.output
    assert "02-endpoint" not in shown.output


def test_the_seconds_come_from_the_instructors_page() -> None:
    assert timed()["00"] > 0
