"""Watching a service from outside while something happens to it, and keeping what was measured."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from practice.catalogue import COURSE

KEPT = COURSE / "build" / "measured.json"  # what one lesson measures and a later one uses
PAUSE = 0.05  # seconds between two requests
BEFORE = 1.0  # seconds of requests before the event
QUIET = 3.0  # seconds without a failure, after which it is over
LIMIT = 900.0  # seconds; live Azure may take minutes


@dataclass(frozen=True)
class TimedRequest:
    """One request: when it was sent and how long it took, in seconds, and whether it succeeded."""

    sent: float
    took: float
    ok: bool


@dataclass(frozen=True)
class Load:
    """The outcome of some clients sending requests as fast as they could."""

    per_second: float  # requests that were answered well
    milliseconds: float  # the median of these
    failed: int


def around(
    event: Callable[[], object],
    ask: Callable[[], bool],
    *,
    before: float = BEFORE,
    quiet: float = QUIET,
    limit: float = LIMIT,
) -> list[TimedRequest]:
    """Send requests before, during and after an event, and return them all.

    `ask` sends one and returns whether it succeeded. This ends when all of `quiet` seconds have.
    The event runs in a thread of its own, and what it raises is raised here. Raises TimeoutError
    when requests still fail after `limit` seconds.
    """
    calls: list[TimedRequest] = []
    with ThreadPoolExecutor(1) as pool:
        start = time.monotonic() + before
        happening = pool.submit(_at, start, event)
        well_since = start
        while time.monotonic() < well_since + quiet or not happening.done():
            sent = time.monotonic()
            ok = ask()
            now = time.monotonic()
            calls.append(TimedRequest(sent - start, now - sent, ok))
            if not ok:
                well_since = max(now, start)
            if now > start + limit:
                raise TimeoutError(f"It does not answer again within {limit:.0f} seconds.")
            time.sleep(PAUSE)
        happening.result()
    return calls


def load(client: Callable[[], Callable[[], bool]], clients: int, seconds: float) -> Load:
    """Let several clients send requests for so many seconds, each the next after the answer.

    `client` returns a client with a connection of its own: a function that sends one request and
    returns whether it succeeded. Each one's first opens its connection, and is not counted.
    """
    together = threading.Barrier(clients)

    def run() -> list[TimedRequest]:
        ask, calls = client(), []
        ask()
        together.wait()
        end = time.monotonic() + seconds
        while (sent := time.monotonic()) < end:
            ok = ask()
            calls.append(TimedRequest(sent, time.monotonic() - sent, ok))
        return calls

    with ThreadPoolExecutor(clients) as pool:
        running = [pool.submit(run) for _ in range(clients)]
        calls = [call for one in running for call in one.result()]
    passed = max(c.sent + c.took for c in calls) - min(c.sent for c in calls)
    good = sorted(call.took for call in calls if call.ok)
    median = 1000 * good[len(good) // 2] if good else float("nan")
    return Load(len(good) / passed, median, len(calls) - len(good))


def keep(name: str, value: float) -> None:
    """Keep a measured value for a later lesson, in place of an earlier one of that name."""
    KEPT.parent.mkdir(parents=True, exist_ok=True)
    KEPT.write_text(json.dumps(_all_kept() | {name: value}))


def kept(name: str, otherwise: float) -> float:
    """Return what was kept under that name, or `otherwise` if nothing was."""
    return _all_kept().get(name, otherwise)


def _all_kept() -> dict[str, float]:
    try:
        found: dict[str, float] = json.loads(KEPT.read_text())
    except (OSError, ValueError):
        return {}
    return found


def _at(moment: float, event: Callable[[], object]) -> None:
    time.sleep(max(0.0, moment - time.monotonic()))
    event()
