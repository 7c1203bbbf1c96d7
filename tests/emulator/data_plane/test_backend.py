from __future__ import annotations

from emulator.data_plane.backend import Backend, least_busy


def test_the_one_with_the_fewest_requests_is_next() -> None:
    backends = [Backend(1, 2), Backend(2, 1), Backend(3, 2)]
    assert {least_busy(backends, turn).port for turn in range(3)} == {2}


def test_equals_take_turns() -> None:
    backends = [Backend(port, 2) for port in (1, 2, 3)]
    assert [least_busy(backends, turn).port for turn in range(4)] == [1, 2, 3, 1]


def test_a_new_server_at_an_old_port_starts_from_nothing() -> None:
    before, after = Backend(5000, under_way=3), Backend(5000)
    assert before != after
    assert least_busy([before, after], 0) is after
