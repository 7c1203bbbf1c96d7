from __future__ import annotations

from typing import Any

import matplotlib as mpl
import pytest
from matplotlib.figure import Figure

from helpers import plots, timeline


def test_replicas_tell_how_many_there_were(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[tuple[Figure, str]] = []

    def display(figure: Figure, metadata: dict[str, Any]) -> None:
        figure.canvas.draw()  # what cannot be drawn fails here
        shown.append((figure, metadata["image/png"]["alt"]))

    mpl.use("agg")
    monkeypatch.setattr(plots, "display", display)
    timeline.replicas([0, 2, 12, 40], [1, 3, 3, 0], load=(0, 12), loaded="30 a second")
    [(figure, alt)] = shown
    [axis] = figure.axes
    assert list(axis.lines[0].get_ydata()) == [1, 3, 3, 0]
    assert [text.get_text() for text in axis.texts] == ["30 a second"]
    assert "30 a second from second 0 to 12" in alt
    assert "1 at the beginning, 3 at most, 0 at the end, after 40 seconds" in alt
