from __future__ import annotations

import matplotlib as mpl
import pytest
from matplotlib.colors import to_hex

from practice.figures import plots, rollout
from practice.figures.rollout import Answered
from practice.figures.style import BLUE, GREEN, RED


def test_shares_over_time_in_the_colours_of_their_names(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = []
    mpl.use("agg")
    monkeypatch.setattr(
        plots, "display", lambda figure, metadata: shown.append((figure, metadata["image/png"]))
    )
    answers = [Answered(0.1 * n, 200, "blue") for n in range(1, 10)]
    answers += [Answered(1.1, 200, "blue"), Answered(1.2, 200, "green"), Answered(1.3, 503, "")]
    rollout.draw(answers, [(0.5, "deploy"), (1.0, "promote")])
    ((figure, described),) = shown
    figure.canvas.draw()
    (axis,) = figure.axes
    heights = {}
    for bars in axis.containers:
        heights[to_hex(bars[0].get_facecolor()).upper()] = [bar.get_height() for bar in bars]
    assert heights[BLUE] == pytest.approx([1, 1, 1 / 3])
    assert heights[GREEN] == pytest.approx([0, 0, 1 / 3])
    assert heights[RED] == pytest.approx([0, 0, 1 / 3])
    assert axis.get_xlim() == (0, 1.5)
    assert [text.get_text() for text in axis.texts] == ["deploy", "promote"]
    assert described["alt"] == (
        "Who answered during a release, over 1 seconds: blue 10, green 1, failed 1 of 12. "
        "Stages: deploy at 0 s, promote at 1 s."
    )
