from __future__ import annotations

from emulator.data_plane.scoring.rate import Rate


def test_the_rate_counts_a_second_at_a_time() -> None:
    rate = Rate()
    assert [rate.take(3, 10 + tenth / 10) for tenth in range(5)] == [True, True, True, False, False]
    assert rate.take(3, 11.0)
