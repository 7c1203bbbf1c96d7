from __future__ import annotations

import matplotlib.pyplot as plt
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text

from practice.figures import style
from tests.contrast import contrast

PAPERS = {"light": "#FFFFFF", "JupyterLab's dark theme": "#111111"}


@pytest.mark.parametrize("paper", PAPERS.values(), ids=PAPERS)
def test_lines_and_words_stand_out(paper: str) -> None:
    # https://www.w3.org/TR/WCAG22/#non-text-contrast
    for colour in (style.BLUE, style.GREEN, style.ORANGE, style.RED, style.GREY):
        assert contrast(colour, paper) >= 3
    assert contrast(style.INK, paper) >= 4.2


def plain() -> Figure:
    figure, axis = plt.subplots()
    axis.plot([1, 2], label="a line")
    axis.set(title="a title", xlabel="x", ylabel="y")
    axis.annotate("a note", (0, 1))
    axis.legend()
    plt.close(figure)
    return figure


def test_a_figure_has_no_paper_and_is_written_in_ink() -> None:
    figure = plain()
    for paper in (figure.patch, figure.axes[0].patch):
        assert paper.get_facecolor()[3] == 0
    axis = figure.axes[0]
    ticks = [*axis.get_xticklabels(), *axis.get_yticklabels()]
    written = [text for text in [*figure.findobj(Text), *ticks] if text.get_text()]
    assert {text.get_text() for text in written} >= {"a title", "x", "a line", "a note", "1.0"}
    assert {text.get_color() for text in written} == {style.INK}
