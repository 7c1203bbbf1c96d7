"""Waiting for what happens by itself."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
PAUSE = 0.01  # seconds


def until(condition: Callable[[], T], seconds: float = 30) -> T:
    """Call `condition` until it returns something true, and return that.

    Raises AssertionError when it has not after so many `seconds`: a limit, not a measurement.
    """
    deadline = time.monotonic() + seconds
    while not (found := condition()) and time.monotonic() < deadline:
        time.sleep(PAUSE)
    assert found, f"it did not happen within {seconds:g} seconds"
    return found


async def until_async(condition: Callable[[], T], seconds: float = 30) -> T:
    """As `until`, for a test that shares its event loop with what it waits for."""
    deadline = time.monotonic() + seconds
    while not (found := condition()) and time.monotonic() < deadline:
        await asyncio.sleep(PAUSE)
    assert found, f"it did not happen within {seconds:g} seconds"
    return found
