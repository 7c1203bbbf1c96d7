"""Waiting for Azure, with a line that shows the state and the seconds so far."""

from __future__ import annotations

import contextlib
import io
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

import requests
from azure.core.exceptions import (
    HttpResponseError,
    ServiceRequestError,
    ServiceResponseError,
)
from azure.core.polling import LROPoller

from helpers.progress import STEPS, find_deployment

Result = TypeVar("Result")
# A ContainerPropertiesInstanceView, whose fields the SDK types as None; or None: not started yet.
View = Any
BAR = 12  # characters
PERIOD = 1.5  # seconds between two questions what Azure is doing
LOG_LINES = 25  # of a deployment that failed
AGAIN = ", under way already"  # behind the name of what is waited for once more
CONNECTION_ERRORS = (ServiceRequestError, ServiceResponseError)
PATIENCE = 1200  # seconds; a large image takes live Azure minutes to fetch
SHORT = 10  # seconds


class WaitingStopped(KeyboardInterrupt):
    """Somebody interrupted the waiting. Jupyter shows the message alone, without a traceback."""

    def _render_traceback_(self) -> list[str]:
        return [str(self)]


@dataclass
class Unfinished:
    """An operation that nobody waits for any more, and the cell (any name of it) that did."""

    poller: LROPoller[Any]
    what: str
    cell: str = ""


unfinished: list[Unfinished] = []


def wait(poller: LROPoller[Result], what: str) -> Result:
    """Wait for a long-running operation and return its result, as `poller.result()` does.

    Shows `what`, the operation's state, the seconds so far and, of a deployment, what Azure is
    doing, on one line that stays in place. Raises what `poller.result()` raises; of a deployment
    that failed, with the end of its log. Interrupting the kernel stops the waiting only: Azure goes
    on, and so does the course's kernel with the waiting, when the cell is run again.
    """
    line = _Line()
    deployment = find_deployment(poller)
    # The SDK prints a dot each time it asks Azure; the line says more.
    with contextlib.redirect_stdout(io.StringIO()):
        try:
            done, doing, looked = 0, "", -PERIOD
            # Not with poller.wait(): interrupted, it takes the thread that polls for ended.
            # https://github.com/python/cpython/issues/90882
            while not poller.done():
                if line.seconds < 0.3:  # what is done at once needs no line that moves
                    time.sleep(0.02)
                    continue
                if deployment and line.seconds - looked > PERIOD:
                    done, doing = deployment.step()
                    looked = line.seconds
                parts = [f"{what}: {poller.status()}", f"{line.seconds:.0f} s", doing]
                line.show(f"{', '.join(filter(None, parts))}  {line.bar(done)}")
                time.sleep(0.2)
            result = poller.result()
        except KeyboardInterrupt:
            unfinished.append(Unfinished(poller, what))
            line.show(f"{what}: you stopped waiting after {line.seconds:.0f} s", end="\n")
            raise WaitingStopped(
                f"Azure carries on with {what}. Run the cell again to keep waiting."
            ) from None
        except Exception as error:
            is_lost = isinstance(error, CONNECTION_ERRORS)
            state = "no more answers" if is_lost else "Failed"
            line.show(f"{what}: {state} after {line.seconds:.1f} s", end="\n")
            if is_lost:
                unfinished.append(Unfinished(poller, what))
            elif deployment and (log := deployment.log(LOG_LINES)):
                error.add_note(f"The end of the log of {deployment.name}:\n{log.rstrip()}")
            raise
    line.show(f"{what}: {poller.status()} after {line.seconds:.1f} s", end="\n")
    return result


def go_on(cell: str) -> None:
    """Wait for what the cell left unfinished: until then, Azure would refuse to do it again.

    Raises what `wait` raises. How an operation ended with which the connection was lost is of no
    interest: the cell begins it again.
    """
    mine = [each for each in unfinished if each.cell == cell]
    unfinished[:] = [each for each in unfinished if each.cell != cell]
    for each in mine:
        method: Any = each.poller.polling_method()
        if method.finished():  # whoever runs the cell again knows what came of it
            continue
        what = each.what.removesuffix(AGAIN) + AGAIN
        if not each.poller.done():
            wait(each.poller, what)
            continue
        began, parse = method._initial_response, method._deserialization_callback
        with contextlib.suppress(HttpResponseError):
            wait(LROPoller(method._client, began, parse, method), what)


def until(ask: Callable[[], Result], what: str, seconds: float = PATIENCE) -> Result:
    """Call `ask` repeatedly until it returns something true, and return that.

    Shows `what` and the seconds so far on one line that stays in place. Raises TimeoutError.
    """
    started = time.monotonic()
    try:
        while not (found := ask()):
            passed = time.monotonic() - started
            if passed > seconds:
                print()
                raise TimeoutError(f"{what}: not within {seconds:.0f} seconds.")
            print(f"\r{what}: waiting, {passed:.0f} s", end="", flush=True)
            time.sleep(0.3)
    except KeyboardInterrupt:
        print()
        raise WaitingStopped(f"You stopped waiting for {what}. Run the cell again.") from None
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

    def bar(self, done: int) -> str:
        """The part of the steps that is done, and a mark that moves behind it."""
        full = BAR * done // (len(STEPS) + 1)
        at = full + int(self.seconds * 5) % (BAR - full)
        return "[" + "".join("#" if i < full or i == at else "." for i in range(BAR)) + "]"

    def show(self, text: str, end: str = "") -> None:
        print(f"\r{text:<{self.width}}", end=end, file=self.out, flush=True)
        self.width = len(text)
