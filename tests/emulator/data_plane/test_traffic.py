"""Who gets the next request: the draw alone, without a socket."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest

from emulator.data_plane.traffic import drawn


def test_the_shares_are_kept() -> None:
    random, draws = Random(7), 20_000
    shares = {"blue": 70, "green": 29, "red": 1, "none": 0}
    counts = Counter(drawn(tuple(shares.items()), random) for _ in range(draws))
    assert set(counts) == {"blue", "green", "red"}
    for name in "blue", "green", "red":
        share = shares[name] / 100
        # Five standard deviations: one run in two million would fail by chance.
        margin = 5 * (share * (1 - share) * draws) ** 0.5
        assert abs(counts[name] - share * draws) < margin, counts


@pytest.mark.parametrize("share", [1, 5, 100])
def test_who_alone_has_a_share_gets_all(share: int) -> None:
    random = Random(7)
    assert {drawn((("blue", 0), ("green", share)), random) for _ in range(2_000)} == {"green"}


@pytest.mark.parametrize("shares", [(), (("blue", 0),), (("blue", 0), ("green", 0))])
def test_nobody_is_drawn_where_nobody_has_a_share(shares: tuple[tuple[str, int], ...]) -> None:
    assert drawn(shares, Random(1)) is None
