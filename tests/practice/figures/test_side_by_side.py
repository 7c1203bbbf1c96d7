from __future__ import annotations

from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import pytest
from matplotlib.figure import Figure

from practice.figures import plots, side_by_side
from practice.figures.side_by_side import LOOKS, AzureSeconds
from practice.measure import Load, TimedRequest

NAMES = ["endpoint", "group", "app"]


class Shown(list[tuple[Figure, str]]):
    """The figures that were shown, each with its description."""

    def __call__(self, figure: Figure, metadata: dict[str, Any]) -> None:
        figure.canvas.draw()  # what cannot be drawn fails here
        self.append((figure, metadata["image/png"]["alt"]))


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> Shown:
    figures = Shown()
    mpl.use("agg")
    monkeypatch.setattr(plots, "display", figures)
    return figures


def test_services_differ_in_more_than_their_colour() -> None:
    for kind in ("colour", "marker", "line", "hatch"):
        assert len({getattr(look, kind) for look in LOOKS}) == len(LOOKS)


def test_ready_tells_both_moments_and_what_azure_takes(shown: Shown) -> None:
    side_by_side.ready(
        {"endpoint": (4.0, 4.1), "group": (0.1, 3.5), "app": (2.0, 2.0)},
        {"endpoint": AzureSeconds(600, 720), "group": AzureSeconds(8)},
    )
    figure, alt = shown[0]
    assert [text.get_text() for text in figure.axes[0].texts] == [
        "measured: 4.1 s",
        "Azure: 10 min to 12 min",
        "measured: 3.5 s",
        "Azure: 8 s and more",
        "measured: 2.0 s",
    ]
    assert "group: Succeeded after 0.1, first answer after 3.5, on Azure 8 s and more" in alt
    assert figure.axes[0].get_xlim()[1] > 720


def test_what_was_measured_is_in_the_figure_however_long_it_took(shown: Shown) -> None:
    side_by_side.ready({"app": (3000.0, 4000.0)}, {"app": AzureSeconds(5, 22)})
    low, high = shown[0][0].axes[0].get_xlim()
    assert low < 5
    assert high > 4000


def test_distributions_tell_the_middle_and_the_tail(shown: Shown) -> None:
    times = [float(n) for n in range(1, 102)]
    side_by_side.distributions({"endpoint": times, "group": [2 * t for t in times]})
    figure, alt = shown[0]
    assert alt.endswith("endpoint: 51.0 and 96.0; group: 102.0 and 192.0.")
    line = figure.axes[0].lines[0]
    assert list(line.get_xdata()) == times
    assert line.get_ydata()[-1] == 1


def test_throughput_has_one_line_a_service_in_both_halves(shown: Shown) -> None:
    loads = {name: {n: Load(100.0 * n, 5.0, 0) for n in (1, 4, 16)} for name in NAMES}
    side_by_side.throughput(loads)
    figure, alt = shown[0]
    assert [len(axis.lines) for axis in figure.axes] == [3, 3]
    assert list(figure.axes[0].lines[2].get_ydata()) == [100, 400, 1600]
    assert "app: 100 with 1, 400 with 4, 1600 with 16" in alt


def test_throughput_without_any_answer_can_be_drawn(shown: Shown) -> None:
    side_by_side.throughput({"endpoint": {1: Load(0, float("nan"), 5)}})
    assert "0 with 1" in shown[0][1]


def test_outages_cross_out_what_failed(shown: Shown) -> None:
    calls = [
        TimedRequest(-0.1, 0.01, True),
        TimedRequest(0.1, 0.01, False),
        TimedRequest(0.2, 1.5, True),
    ]
    side_by_side.outages({"group": calls, "app": [calls[0]]})
    figure, alt = shown[0]
    texts = [text.get_text() for text in figure.axes[0].texts]
    assert texts == ["1 without an answer", "0 without an answer"]
    crosses = next(line for line in figure.axes[0].lines if line.get_marker() == "x")
    assert list(crosses.get_xdata()) == [0.1]
    assert "group: 1 of 3 failed, the longest took 1.5 s" in alt


def test_figures_show_the_readers_paper_and_are_closed(shown: Shown) -> None:
    before = plt.get_fignums()
    side_by_side.throughput({"endpoint": {1: Load(1, 2, 0)}})
    assert shown[0][0].get_facecolor()[3] == 0
    assert plt.get_fignums() == before
