"""How many replicas: the rules of KEDA's HTTP scaling, without waiting for anything."""

from __future__ import annotations

import pytest

from emulator.services.container_apps.scaling import (
    Limits,
    Load,
    LoadTarget,
    Pace,
    Scaler,
    next_step,
)


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


HALF_A_CORE = Load(0.5, 2.0**30)
CPU, MEMORY = (
    LoadTarget("cpu", 50, is_percent=True),
    LoadTarget("memory", 2.0**28, is_percent=False),
)


@pytest.mark.parametrize(
    ("target", "loads", "expected"),
    [
        (CPU, [Load(0.25, 0)], 1),
        (CPU, [Load(0.27, 0)], 1),  # near enough
        (CPU, [Load(0.3, 0)], 2),
        (CPU, [Load(0.5, 0), Load(0.5, 0)], 4),
        (CPU, [Load(0.5, 0), Load(0.0, 0), Load(0.1, 0)], 3),
        (CPU, [Load(0.0, 0), Load(0.1, 0)], 1),
        (CPU, [], 0),  # none was looked at yet
        (MEMORY, [Load(0.0, 2.0**29)], 2),
    ],
)
def test_what_loads_are_for(target: LoadTarget, loads: list[Load], expected: int):
    assert target.needs(loads, HALF_A_CORE) == expected


def test_the_rule_that_asks_for_most_decides():
    assert Scaler(limits(), 0).decide(1, 30, 1, for_load=2) == 3
    assert Scaler(limits(), 0).decide(1, 10, 1, for_load=2) == 2
    # Without an http rule, requests ask for one replica, however many they are.
    without = Limits(0, 20, None, cooldown=30, stabilization=30)
    assert Scaler(without, 0).decide(1, 100, 0) == 1
    assert Scaler(without, 0).decide(1, 100, 1) == 1
