"""How long what ended waits before it is started again."""

from __future__ import annotations

from emulator.processes.back_off import BackOff


def test_it_doubles_up_to_the_longest_and_begins_anew_after_a_long_run() -> None:
    back_off = BackOff(first=10, longest=60, reset_after=600)
    assert [back_off.next(1) for _ in range(5)] == [10, 20, 40, 60, 60]
    assert back_off.next(600) == 10
    assert back_off.next(599) == 20


def test_at_once_does_not_wait_the_first_time() -> None:
    back_off = BackOff(first=10, longest=300, reset_after=600, at_once=True)
    assert [back_off.next(1) for _ in range(4)] == [0, 10, 20, 40]
    assert back_off.next(601) == 0
    assert back_off.next(1) == 10
