"""Waiting for Azure, with a line that shows the state and the seconds so far."""

from __future__ import annotations

import contextlib
import io
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

import requests
from azure.core.polling import LROPoller

Result = TypeVar("Result")
# A ContainerPropertiesInstanceView, whose fields the SDK types as None; or None: not started yet.
View = Any
BAR = 12  # characters
PATIENCE = 1200  # seconds; a large image takes live Azure minutes to fetch
SHORT = 10  # seconds


def wait(poller: LROPoller[Result], what: str) -> Result:
    """Wait for a long-running operation and return its result, as `poller.result()` does.

    Shows `what`, the operation's state and the seconds so far on one line that stays in place, and
    raises what `poller.result()` raises. Interrupting the kernel stops the waiting only: Azure
    goes on with its work.
    """
    line = _Line()
    # The SDK prints a dot each time it asks Azure; the line says more.
    with contextlib.redirect_stdout(io.StringIO()):
        try:
            poller.wait(0.3)  # what is done at once needs no line that moves
            while not poller.done():
                line.show(f"{what}: {poller.status()}, {line.seconds:.0f} s  {line.bar}")
                poller.wait(0.2)
            result = poller.result()
        except KeyboardInterrupt:
            line.show(f"{what}: you stopped waiting; Azure goes on", end="\n")
            raise
        except Exception:
            line.show(f"{what}: Failed after {line.seconds:.1f} s", end="\n")
            raise
    line.show(f"{what}: {poller.status()} after {line.seconds:.1f} s", end="\n")
    return result


def until(ask: Callable[[], Result], what: str, seconds: float = PATIENCE) -> Result:
    """Call `ask` repeatedly until it returns something true, and return that.

    Shows `what` and the seconds so far on one line that stays in place. Raises TimeoutError.
    """
    started = time.monotonic()
    while not (found := ask()):
        passed = time.monotonic() - started
        if passed > seconds:
            print()
            raise TimeoutError(f"{what}: not within {seconds:.0f} seconds.")
        print(f"\r{what}: waiting, {passed:.0f} s", end="", flush=True)
        time.sleep(0.3)
    print(f"\r{what}: after {time.monotonic() - started:.1f} s    ")
    return found


def answers(url: str) -> bool:
    """Return whether a GET of this address is answered with 200."""
    try:
        return requests.get(url, timeout=SHORT).status_code == 200
    except (requests.ConnectionError, requests.Timeout):
        return False


def settled(view: View, quiet: float = 15, restarts: int = 2) -> View:
    """Return a container's instance view once Azure has decided whether to start it again.

    Its program has ended; Azure has decided when the container waits for its next start after
    `restarts` of them, or has stayed ended for `quiet` seconds. Returns None until then.
    """
    state = view.current_state if view else None
    if state and state.state == "Waiting":
        return view if view.restart_count >= restarts else None
    if state and state.state == "Terminated":
        ended = datetime.now(UTC) - state.finish_time
        return view if ended.total_seconds() >= quiet else None
    return None


class _Line:
    """A line that is written over and over; a carriage return works in every kind of notebook."""

    def __init__(self) -> None:
        self.out = sys.stdout
        self.started = time.monotonic()
        self.width = 0

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.started

    @property
    def bar(self) -> str:
        """A mark that moves; how long Azure will take is not known."""
        at = int(self.seconds * 5) % BAR
        return "[" + "".join("#" if i == at else "." for i in range(BAR)) + "]"

    def show(self, text: str, end: str = "") -> None:
        print(f"\r{text:<{self.width}}", end=end, file=self.out, flush=True)
        self.width = len(text)
