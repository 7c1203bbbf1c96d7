"""Waiting for Azure with something to look at."""

from __future__ import annotations

import contextlib
import io
import sys
import time
from typing import TypeVar

from azure.core.polling import LROPoller

Result = TypeVar("Result")
BAR = 12  # characters


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
        """A mark that moves: how long Azure will take, nobody knows."""
        at = int(self.seconds * 5) % BAR
        return "[" + "".join("#" if i == at else "." for i in range(BAR)) + "]"

    def show(self, text: str, end: str = "") -> None:
        print(f"\r{text:<{self.width}}", end=end, file=self.out, flush=True)
        self.width = len(text)
