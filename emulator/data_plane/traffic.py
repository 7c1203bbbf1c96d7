"""Draws who gets the next request."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import TypeVar

T = TypeVar("T")


def drawn(shares: Sequence[tuple[T, int]], random: Random) -> T | None:
    """One of those that have a share, each as often as its share says; None when none has."""
    having = [(one, share) for one, share in shares if share > 0]
    if len(having) < 2:
        return having[0][0] if having else None
    point = random.random() * sum(share for _, share in having)
    for one, share in having:
        if point < share:
            return one
        point -= share
    return having[-1][0]  # the fractions did not add up to the last digit
