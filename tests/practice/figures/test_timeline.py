from __future__ import annotations

import threading
import time
from typing import Any

import matplotlib as mpl
import pytest
from matplotlib.figure import Figure

from practice.figures import plots, timeline


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
    assert list(axis.lines[0].get_ydata()) == [1, 3, 3, 0, 0]
    assert [text.get_text() for text in axis.texts] == ["30 a second"]
    assert "30 a second from second 0 to 12" in alt
    assert "1 at the beginning, 3 at most, 0 at the end, after 40 seconds" in alt


def test_a_steady_rate_also_when_calls_are_slow_or_fail() -> None:
    asked: list[float] = []

    def ask() -> None:
        asked.append(time.monotonic())
        time.sleep(0.1)
        raise ValueError("not answered")

    began = time.monotonic()
    with timeline.steady(ask, per_second=50, at_once=20):
        time.sleep(1)
    assert 10 <= len(asked) <= 60  # 50, where nothing else keeps the machine busy
    count = len(asked)
    time.sleep(0.1)
    assert len(asked) == count
    assert asked[-1] - began >= 0.5


def test_steady_ends_when_the_block_fails() -> None:
    with pytest.raises(KeyError), timeline.steady(lambda: None, 100, at_once=2):
        raise KeyError
    assert not [each for each in threading.enumerate() if "ThreadPoolExecutor" in each.name]


def test_a_record_notes_what_it_counts() -> None:
    counts = iter([1, 3, 0])
    record = timeline.Record(lambda: next(counts))
    assert [record.look() for _ in range(3)] == [1, 3, 0]
    assert record.counts == [1, 3, 0]
    assert record.seconds == sorted(record.seconds)
    assert 0 <= record.seconds[0] <= record.now()
