"""Where a version of the model is asked, and what it answers."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import requests

TIMEOUT = 60.0  # seconds; the first request to an app at zero replicas waits for one
SHOWN = 120  # characters of an answer
# What a managed endpoint answers when the script's status is not 200, and where that status is:
# https://learn.microsoft.com/azure/machine-learning/how-to-troubleshoot-online-endpoints#http-status-codes
MODEL_ERROR, MODEL_STATUS = 424, "ms-azureml-model-error-statuscode"


@dataclass(frozen=True)
class Reply:
    """What came back. `status` is the script's or API's own, 0 without an answer.

    `took` is in seconds, from the moment in which the request was due. `growers` is None unless it
    answers as the letter asks.
    """

    status: int
    took: float
    text: str
    growers: tuple[str, ...] | None = None
    version: str = ""

    def __str__(self) -> str:
        return f"{self.status} {self.text[:SHOWN]}" if self.status else self.text


@dataclass(frozen=True)
class Door:
    """An address with the headers that open it, or choose what is behind it."""

    url: str
    headers: Mapping[str, str] = field(default_factory=dict)

    def opened_by(self, key: str) -> Door:
        return Door(self.url, {**self.headers, "Authorization": f"Bearer {key}"})

    def send(
        self, body: object, session: requests.Session | None = None, due: float | None = None
    ) -> Reply:
        """POST the body, JSON unless it is text already. Raises nothing of the connection's."""
        began = time.perf_counter() if due is None else due
        sent = {"data": body} if isinstance(body, str) else {"json": body}
        headers = {"Content-Type": "application/json", **self.headers}
        try:
            answer = (session or requests).post(self.url, **sent, headers=headers, timeout=TIMEOUT)
        except requests.RequestException as error:
            return Reply(0, time.perf_counter() - began, f"no answer ({type(error).__name__})")
        took = time.perf_counter() - began
        status = answer.status_code
        if status == MODEL_ERROR:
            status = int(answer.headers.get(MODEL_STATUS, status))
        try:
            growers, version = _read(answer)
        except (ValueError, KeyError, TypeError):
            return Reply(status, took, answer.text)
        return Reply(status, took, answer.text, growers, version)

    def classify(self, rows: Sequence[Sequence[float]]) -> Reply:
        return self.send({"data": rows})

    def at(self, moments: Sequence[float], bodies: Sequence[object], clients: int) -> list[Reply]:
        """Send each body at its moment, in seconds, whether others were answered or not.

        Each of so many clients keeps a connection, opened before by a request that is not counted;
        when all of them wait for answers, what is due waits too, and that is counted. Returns the
        replies in order.
        """
        own, together = threading.local(), threading.Barrier(clients)
        started: list[float] = []

        def connect() -> None:
            own.session = requests.Session()
            self.send(bodies[0], own.session)
            together.wait()

        def one(moment: float, body: object) -> Reply:
            due = started[0] + moment
            time.sleep(max(0.0, due - time.perf_counter()))
            return self.send(body, own.session, due)

        with ThreadPoolExecutor(clients) as pool:
            for connected in [pool.submit(connect) for _ in range(clients)]:
                connected.result()
            started.append(time.perf_counter())
            return list(pool.map(one, moments, bodies))


def until(ask: Callable[[], bool], seconds: float, pause: float = 0.5) -> bool:
    """Return whether `ask` returned true within so many seconds."""
    end = time.monotonic() + seconds
    while not (found := ask()) and time.monotonic() < end:
        time.sleep(pause)
    return found


def tally(replies: Sequence[Reply]) -> str:
    """Return how often each status came, such as "92 x 200, 8 x 429"."""
    counted = Counter(reply.status for reply in replies)
    named = {0: "no answer"}
    return ", ".join(f"{n} x {named.get(s, s)}" for s, n in sorted(counted.items(), reverse=True))


def _read(answer: requests.Response) -> tuple[tuple[str, ...], str]:
    content = answer.json()
    growers = content["growers"]
    if not isinstance(growers, list) or not all(isinstance(each, str) for each in growers):
        raise ValueError("growers is a list of names")
    return tuple(growers), str(content["model_version"])
