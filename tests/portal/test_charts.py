"""Line charts: a scale that fits, gaps where nothing was measured, a table of what was."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from portal.charts import Chart, Series

NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)


def chart_of(*values: float | None) -> Chart:
    times = [NOON + timedelta(minutes=minute) for minute in range(len(values))]
    return Chart("Requests", "a minute", times, [Series("blue", values)])


@pytest.mark.parametrize(
    ("values", "highest"),
    [((3, 7), 10), ((0.03,), 0.05), ((12,), 20), ((21,), 25), ((100,), 100), ((0, 0), 1)],
)
def test_the_scale_ends_at_a_round_number_above_all_values(
    values: tuple[float, ...], highest: float
) -> None:
    assert chart_of(*values).highest == pytest.approx(highest)


def test_a_line_is_lifted_over_a_gap_and_a_lonely_value_is_a_dot() -> None:
    chart = chart_of(1, 2, None, 3, None)
    path = chart.path(chart.series[0])
    assert path.count("M") == 2
    assert path.count("L") == 1
    assert len(chart.dots(chart.series[0])) == 1


def test_the_table_has_what_was_measured_newest_first() -> None:
    chart = chart_of(1, None, 2)
    assert [values for _, values in chart.rows] == [[2], [1]]
    assert chart_of(None, None).is_empty
