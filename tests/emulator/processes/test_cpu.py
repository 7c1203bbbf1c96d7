"""Cores in use, of what was used between two looks."""

from __future__ import annotations

import pytest

from emulator.processes.cpu import CpuMeter


def test_cores_are_those_between_two_looks():
    meter = CpuMeter()
    assert meter.look({"a": 5.0}, 100.0) == {}
    assert meter.look({"a": 6.0, "b": 1.0}, 102.0) == {"a": 0.5}
    assert meter.look({"a": 0.2, "b": 5.0}, 104.0) == {"a": 0.0, "b": 2.0}  # a began again


def test_a_look_right_after_another_tells_nothing_and_loses_nothing():
    meter = CpuMeter()
    meter.look({"a": 0.0}, 100.0)
    assert meter.look({"a": 1.0}, 101.0) == {"a": 1.0}
    assert meter.look({"a": 1.01}, 101.001) == {}
    assert meter.look({"a": 2.0}, 102.0) == {"a": pytest.approx(1.0)}
