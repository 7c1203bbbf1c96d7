"""How many replicas: the rules of KEDA's HTTP scaling, without waiting for anything."""

from __future__ import annotations

import pytest

from emulator.services.container_apps.scaling import Limits, Pace, Scaler, next_step


def limits(least: int = 0, most: int = 20, concurrency: int = 10) -> Limits:
    return Limits(least, most, concurrency, cooldown=30, stabilization=30)


@pytest.mark.parametrize(
    ("concurrency", "replicas", "expected"),
    [
        (0, 1, 1),  # not idle for long enough
        (1, 0, 1),
        (10, 1, 1),
        (11, 1, 2),
        (39, 1, 4),
        (100, 1, 4),  # in steps: 1, 4, 8, 16
        (100, 4, 8),
        (100, 8, 10),
        (1000, 16, 20),  # maxReplicas
    ],
)
def test_up(concurrency: float, replicas: int, expected: int):
    assert Scaler(limits(), 0).decide(1, concurrency, replicas) == expected


def test_steps():
    assert [next_step(n) for n in (0, 1, 3, 4, 7, 8, 15, 16)] == [1, 4, 4, 8, 8, 16, 16, 32]


def test_down_to_what_was_needed_within_the_window():
    scaler = Scaler(limits(), 0)
    assert scaler.decide(0, 40, 4) == 4
    assert scaler.decide(10, 20, 4) == 4
    assert scaler.decide(29, 0, 4) == 4
    assert scaler.decide(31, 0, 4) == 2
    assert scaler.decide(39, 0, 2) == 2
    assert scaler.decide(41, 0, 2) == 0  # idle since 10


def test_to_zero_only_when_idle_for_the_cooldown():
    scaler = Scaler(Limits(0, 5, 10, cooldown=30, stabilization=5), 0)
    scaler.decide(0, 1, 1)
    assert scaler.decide(20, 0, 1) == 1
    assert scaler.decide(31, 0, 1) == 0
    keeping = Scaler(limits(least=2), 0)
    assert keeping.decide(100, 0, 2) == 2


def test_the_pace():
    assert (Pace().cooldown, Pace().window, Pace().here(300)) == (30, 5, 30)
    assert (Pace(300).window, Pace(300).here(300)) == (5, 300)
    assert (Pace(6).window, Pace(6).here(600)) == (2, 12)
