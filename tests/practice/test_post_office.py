"""The clients of lesson 09: what they send, and when it changes."""

from __future__ import annotations

import numpy as np
import pytest

from practice import post_office
from practice.post_office import PostOffice, slipped


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    clock = [100.0]
    monkeypatch.setattr(post_office.time, "monotonic", lambda: clock[0])
    return clock


def test_pages_change_at_half_time_and_another_machine_sends_some(now: list[float]) -> None:
    images = np.arange(20 * 64, dtype=float).reshape(20, 8, 8) % 17
    office = PostOffice(images, np.arange(20), seconds=60)
    first = [office.page() for _ in range(12)]
    now[0] += 31
    later = office.page()

    for page in first[:11]:
        assert page.second == 0
        assert np.array_equal(page.images, images[page.labels])
    assert np.array_equal(first[11].images, np.round(images[first[11].labels] * 255 / 16))
    assert later.second == 31
    assert np.array_equal(later.images, slipped(images[later.labels]))
    assert len(set(later.labels)) == 10


def test_slipped_digits_are_lower_and_darker_and_still_digits() -> None:
    images = np.zeros((1, 8, 8))
    images[0, 0], images[0, 7] = 5, 9
    lower = slipped(images)
    assert (lower[0, 1] == 10).all()
    assert lower.sum() == 80
    assert slipped(images + 7).max() == 16
