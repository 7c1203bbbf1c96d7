from __future__ import annotations

from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.figure import Figure

from practice.figures import plots
from practice.pricing import costs as bills
from practice.pricing.prices import ContainerAppsPrices


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


@pytest.fixture
def images() -> np.ndarray[Any, np.dtype[np.float64]]:
    return np.arange(3 * 64, dtype=float).reshape(3, 8, 8) % 17


def texts(figure: Figure) -> list[str]:
    return [text.get_text() for axis in figure.axes for text in axis.texts] + [
        axis.get_title() for axis in figure.axes
    ]


def test_digits(shown: Shown, images: np.ndarray[Any, Any]) -> None:
    plots.digits(images, titles=["3 as 8", "one", 7], heading="Mistakes")
    figure, alt = shown[0]
    assert [title for title in texts(figure) if title] == ["3 as 8", "one", "7"]
    assert alt == "Mistakes: 3 of them, titled 3 as 8, one, 7."


def test_no_digits_is_no_error(shown: Shown) -> None:
    plots.digits(np.empty((0, 8, 8)), titles=[], heading="Mistakes")
    assert shown[0][1].startswith("Mistakes: 0 of them")


def test_predictions(shown: Shown, images: np.ndarray[Any, Any]) -> None:
    probabilities = np.eye(10)[[4, 0, 9]] * 0.9 + 0.01
    plots.predictions(images, probabilities)
    figure, alt = shown[0]
    assert [title for title in texts(figure) if title] == ["4  (91%)", "0  (91%)", "9  (91%)"]
    assert alt.endswith("highest: 4, 0, 9.")


def test_predictions_beside_what_was_written(shown: Shown, images: np.ndarray[Any, Any]) -> None:
    plots.predictions(images, np.eye(10)[[4, 0, 9]], truth=[4, 8, 9])
    figure, alt = shown[0]
    titles = ["4  (100%)\nwritten: 4", "0  (100%)\nwritten: 8", "9  (100%)\nwritten: 9"]
    assert [title for title in texts(figure) if title] == titles
    assert alt.endswith("highest: 4, 0, 9; written: 4, 8, 9.")


def test_confusion_counts_mistakes(shown: Shown) -> None:
    matrix = np.diag([30] * 10)
    matrix[8, 1] = 2
    plots.confusion({"PyTorch": np.diag([36] * 10), "Keras": matrix})
    figure, alt = shown[0]
    assert texts(figure).count("2") == 1
    assert alt.endswith("PyTorch: 0 mistakes; Keras: 2 mistakes.")


def test_latency_tells_the_medians(shown: Shown) -> None:
    plots.latency({"slow": [40.0, 50.0, 60.0], "fast": [0.4, 0.5, 0.6]})
    figure, alt = shown[0]
    assert {"50 ms", "0.5 ms"} <= set(texts(figure))
    assert alt.endswith("slow: 50; fast: 0.5.")


def test_shares_mark_what_is_outside_of_its_band(shown: Shown) -> None:
    plots.shares(
        [plots.Share("in", 0.1, 0.06, 0.14), plots.Share("out", 0.3, 0.06, 0.14)], what="share"
    )
    figure, alt = shown[0]
    assert [line.get_marker() for line in figure.axes[0].lines] == ["o", "X"]
    assert "out: 30.0%, expected 6.0% to 14.0%" in alt


def test_figures_show_the_readers_paper_and_are_closed(
    shown: Shown, images: np.ndarray[Any, Any]
) -> None:
    before = plt.get_fignums()
    plots.digits(images, titles=[1, 2, 3])
    assert shown[0][0].get_facecolor()[3] == 0
    assert plt.get_fignums() == before


def test_costs_mark_where_the_cheapest_changes(shown: Shown) -> None:
    work = bills.Work(0.02)
    rates = ContainerAppsPrices(0.000024, 0.000003, 0.000003, 0.000003, 0.4)
    services = [
        bills.ManagedEndpoint(0.3, work),
        bills.ContainerApp(rates, work),
        bills.ContainerApp(rates, work, min_replicas=1),
    ]
    plots.costs(services, 10, 1e6, "Prices of Sweden Central")
    figure, alt = shown[0]
    axis = figure.axes[0]
    assert axis.get_xscale() == "log"
    label = axis.xaxis.get_major_formatter()
    assert [label(n) for n in (1e5, 1e6, 1e7)] == ["100,000", "1 M", "10 M"]
    lines = [line for line in axis.lines if len(line.get_xdata()) > 1]
    assert [line.get_label() for line in lines] == [service.name for service in services]
    assert len({line.get_color() for line in lines}) == 3
    assert len({line.get_linestyle() for line in lines}) == 3
    (even,) = bills.break_evens(services[1], services[2], 10, 1e6)
    marks = [line.get_xdata()[0] for line in axis.lines if len(line.get_xdata()) == 1]
    assert marks == pytest.approx([even.requests_per_day])
    assert f"{even.requests_per_day:,.3g}" in texts(figure)
    assert alt.endswith(
        "Cheapest: Container Apps, scales to zero from 10 requests a day; "
        f"Container Apps, 1 replica at least above {even.requests_per_day:,.3g} requests a day."
    )


def test_costs_of_more_services_than_there_are_lines() -> None:
    with pytest.raises(ValueError, match="at most 4 services"):
        plots.costs([bills.ManagedEndpoint(0.3, bills.Work(0.02))] * 5)
