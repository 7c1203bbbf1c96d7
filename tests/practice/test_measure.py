from __future__ import annotations

import time

import pytest

from practice import measure
from practice.measure import TimedRequest, around, load, outage


def test_it_goes_on_until_all_is_well_again() -> None:
    ends = [float("inf")]

    def event() -> None:
        ends[0] = time.monotonic() + 0.3

    calls = around(
        event, lambda: not time.monotonic() < ends[0] < float("inf"), before=0.2, quiet=0.3
    )
    assert calls[0].sent < 0
    assert calls[0].ok
    assert calls[-1].ok
    assert 0.2 < outage(calls) < 1
    last = max(call.sent for call in calls if not call.ok)
    assert calls[-1].sent > last + 0.2


def test_a_service_that_never_comes_back_is_told() -> None:
    with pytest.raises(TimeoutError, match="not answer again within 0 seconds"):
        around(lambda: None, lambda: False, before=0, quiet=1, limit=0.2)


def test_what_the_event_raises_is_raised() -> None:
    with pytest.raises(ZeroDivisionError):
        around(lambda: 1 / 0, lambda: True, before=0, quiet=0.1)


def test_it_waits_for_an_event_that_takes_long() -> None:
    done = []

    def event() -> None:
        time.sleep(0.3)
        done.append(True)

    around(event, lambda: True, before=0, quiet=0.1)
    assert done


def test_an_outage_ends_with_the_first_good_answer_after_the_last_failure() -> None:
    calls = [
        TimedRequest(-0.1, 0.01, True),
        TimedRequest(0.0, 0.01, False),
        TimedRequest(1.0, 0.01, False),
    ]
    assert outage([*calls, TimedRequest(2.0, 0.5, True), TimedRequest(3.0, 0.01, True)]) == 2.5


def test_a_request_that_waited_is_an_outage_too() -> None:
    calls = [TimedRequest(t / 10, 0.01, True) for t in range(-5, 5)]
    assert outage(calls) == 0
    assert outage([*calls, TimedRequest(0.5, 2.0, True), TimedRequest(2.6, 0.01, True)]) == 2.5


def test_each_client_has_a_connection_of_its_own() -> None:
    made = []

    def client() -> measure.Callable[[], bool]:
        made.append(1)
        time.sleep(0.05)  # what it takes to connect does not count

        def ask() -> bool:
            time.sleep(0.02)
            return True

        return ask

    found = load(client, clients=4, seconds=0.4)
    assert len(made) == 4
    assert 0 < found.per_second <= 4 / 0.02 + 10  # at most what four can do
    assert found.milliseconds >= 20
    assert found.failed == 0


def test_what_fails_is_counted_apart() -> None:
    found = load(lambda: lambda: bool(time.sleep(0.02)), clients=2, seconds=0.1)
    assert found.per_second == 0
    assert found.failed >= 2
    assert found.milliseconds != found.milliseconds  # no answer has no median
