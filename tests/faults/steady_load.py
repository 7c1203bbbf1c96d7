"""A load that goes on while something is changed, and what became of each of its requests."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from types import TracebackType
from typing import Any

import requests

from tests.waiting import until

# `make faults` sets it to "long".
IS_LONG = os.environ.get("FAULTS") == "long"
FIGURES = Path(__file__).parents[2] / "build" / "faults"
PAUSE = 0.01  # seconds between the requests of a client
PATIENCE = 120.0  # seconds for every client to be answered a few times more

# Sends one request with a session, and returns who answered. Raises what it likes if that is wrong.
Ask = Callable[[requests.Session], str]


@dataclass(frozen=True)
class Answer:
    """`began` and `ended` are of time.monotonic; `who` is "" when the request was lost."""

    client: str
    began: float
    ended: float
    who: str
    problem: str = ""


@dataclass(frozen=True)
class Change:
    what: str
    began: float
    ended: float


class SteadyLoad:
    """Clients by name, each on a connection that it keeps, one request after the other.

    `asks` has what each of them asks for. They ask for as long as the block lasts.
    """

    def __init__(self, asks: dict[str, Ask]) -> None:
        self.asks = asks
        self.answers: list[Answer] = []
        self.changes: list[Change] = []
        self.pause = PAUSE
        self.stopping = threading.Event()
        self.threads = [
            threading.Thread(target=self._ask, args=each, daemon=True) for each in asks.items()
        ]

    def __enter__(self) -> SteadyLoad:
        self.began = time.monotonic()
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self.stopping.set()
        for thread in self.threads:
            thread.join(PATIENCE)

    def _ask(self, client: str, ask: Ask) -> None:
        with requests.Session() as session:
            while not self.stopping.is_set():
                began, who, problem = time.monotonic(), "", ""
                try:
                    who = ask(session)
                except (
                    AssertionError,
                    LookupError,
                    ValueError,
                    requests.RequestException,
                ) as error:
                    problem = f"{type(error).__name__}: {error}"
                self.answers.append(Answer(client, began, time.monotonic(), who, problem))
                self.stopping.wait(self.pause)

    # While it lasts

    def change(self, what: str, work: Callable[[], Any]) -> Any:
        """Do something, and wait until every client was answered since. Fails if one was lost."""
        began = time.monotonic()
        done = work()
        self.changes.append(Change(what, began, time.monotonic()))
        self.settle()
        return done

    def settle(self) -> None:
        """Wait until every client has had three answers to what it asked from now on."""
        now = time.monotonic()
        until(
            lambda: all(len(self.since(now, client)) >= 3 for client in self.asks),
            PATIENCE,
        )
        self.check()

    def since(self, moment: float, *clients: str) -> list[str]:
        """Who answered these clients (all, if none is named) what they asked after a moment."""
        return [
            answer.who
            for answer in tuple(self.answers)
            if answer.began >= moment and (not clients or answer.client in clients)
        ]

    def since_change(self, *clients: str) -> set[str]:
        """Who answered what was asked after the latest change had returned."""
        return set(self.since(self.changes[-1].ended, *clients))

    def check(self) -> None:
        lost = [answer for answer in tuple(self.answers) if answer.problem]
        assert not lost, "\n".join(self._told(answer) for answer in lost[:20])

    def _told(self, answer: Answer) -> str:
        during = [
            change.what
            for change in self.changes
            if answer.began <= change.ended and answer.ended >= change.began
        ]
        return (
            f"{answer.began - self.began:.3f} to {answer.ended - self.began:.3f} s, "
            f"{answer.client}, during {during or 'the change under way'}: {answer.problem}"
        )

    # Afterwards

    def write(self, name: str) -> None:
        """Write the figures to build/faults/NAME.json."""
        milliseconds = sorted(1000 * (answer.ended - answer.began) for answer in self.answers)
        figures = {
            "requests": len(self.answers),
            "lost or misrouted": sum(bool(answer.problem) for answer in self.answers),
            "clients": len(self.asks),
            "changes": len(self.changes),
            "seconds": round(time.monotonic() - self.began, 1),
            "p50 ms": round(median(milliseconds), 1),
            "p99 ms": round(milliseconds[int(len(milliseconds) * 0.99)], 1),
            "most ms": round(milliseconds[-1], 1),
        }
        FIGURES.mkdir(parents=True, exist_ok=True)
        with suppress(OSError):
            (FIGURES / f"{name}.json").write_text(json.dumps(figures, indent=1) + "\n")


def named(prefix: str, count: int, make: Callable[[int], Ask]) -> dict[str, Ask]:
    """Clients of one kind, numbered."""
    return {f"{prefix} {number}": make(number) for number in range(count)}


def rotating(values: Sequence[float]) -> Callable[[], float]:
    """The next one at each call, from the beginning again after the last."""
    position = -1

    def take() -> float:
        nonlocal position
        position += 1
        return values[position % len(values)]

    return take
