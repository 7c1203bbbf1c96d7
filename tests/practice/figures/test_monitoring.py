from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import matplotlib as mpl
import pytest
from matplotlib.figure import Figure

from practice.figures import monitoring, plots

NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)
MINUTES = [NOON + timedelta(minutes=n) for n in range(3)]


class Place:
    """Where figures are put: (how, figure, description) of each."""

    def __init__(self) -> None:
        self.put: list[tuple[str, Figure, str]] = []

    def _note(self, how: str, figure: Figure, metadata: dict[str, Any]) -> None:
        figure.canvas.draw()  # what cannot be drawn fails here
        self.put.append((how, figure, metadata["image/png"]["alt"]))

    def display(self, figure: Figure, metadata: dict[str, Any]) -> None:
        self._note("display", figure, metadata)

    def update(self, figure: Figure, metadata: dict[str, Any]) -> None:
        self._note("update", figure, metadata)


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch) -> Place:
    mpl.use("agg")
    made = Place()
    monkeypatch.setattr(monitoring, "DisplayHandle", lambda: made)
    monkeypatch.setattr(plots, "display", made.display)
    return made


def test_a_chart_of_minutes_replaces_itself(place: Place) -> None:
    chart = monitoring.MinuteChart()
    chart.draw({}, {})
    assert place.put == []
    chart.draw({"200": {MINUTES[0]: 5.0}}, {"P50": {MINUTES[0]: 3.0}})
    chart.draw(
        {"200": dict.fromkeys(MINUTES, 5.0), "424": {MINUTES[2]: 2.0}},
        {"P50": {MINUTES[0]: 3.0, MINUTES[2]: 4.0}},
    )
    assert [how for how, _, _ in place.put] == ["display", "update"]
    _, figure, alt = place.put[1]
    assert alt == (
        "Requests and their latency in 3 minutes: 15 with status 200, 2 with status 424."
    )
    requests, latency = figure.axes
    assert [bar.get_height() for bar in requests.patches] == [5, 5, 5, 0, 0, 2]
    assert [bar.get_y() for bar in requests.patches] == [0, 0, 0, 5, 5, 5]
    assert [label.get_text() for label in latency.get_xticklabels()] == ["12:00", "12:01", "12:02"]


def test_accuracy_before_and_after(place: Place) -> None:
    monitoring.accuracy([1, 2, 3, 4], [1.0, 0.9, 0.5, 0.3], changed=3)
    _, figure, alt = place.put[0]
    assert alt == "Share of right answers: 95%, then 40%."
    assert [text.get_text() for text in figure.axes[0].texts] == ["95%", "40%"]
    monitoring.accuracy([1, 2], [1.0, 0.5], changed=3)
    assert place.put[1][2] == "Share of right answers: 75%."


def test_histograms_have_a_panel_a_measure_and_shares_that_add_up(place: Place) -> None:
    monitoring.histograms(
        {"ink": {"training": [1, 2, 3, 4], "now": [3, 4]}, "down": {"training": [1], "now": [2]}}
    )
    _, figure, alt = place.put[0]
    assert [axis.get_title() for axis in figure.axes] == ["ink", "down"]
    assert "ink: training 2.5, now 3.5; down: training 1.0, now 2.0" in alt
