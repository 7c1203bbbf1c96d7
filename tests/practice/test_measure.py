from __future__ import annotations

import time
from pathlib import Path

import pytest

from practice import measure
from practice.measure import around, load


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
    failed = [call.sent for call in calls if not call.ok]
    assert failed
    last = max(failed)
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


def test_what_one_lesson_measures_another_one_finds(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(measure, "KEPT", tmp_path / "build" / "measured.json")
    assert measure.kept("seconds", otherwise=0.02) == 0.02
    measure.keep("seconds", 0.5)
    measure.keep("others", 1)
    measure.keep("seconds", 0.6)
    assert measure.kept("seconds", otherwise=0.02) == 0.6
    measure.KEPT.write_text("half of a fi")
    assert measure.kept("others", otherwise=7) == 7
