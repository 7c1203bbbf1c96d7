"""Work that must not be left half done, whatever happens to who waits for it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from typing import Any, TypeVar

T = TypeVar("T")


async def to_the_end(work: Coroutine[Any, Any, T]) -> T:
    """Return what the work returns. A cancellation takes effect when the work has ended."""
    task = asyncio.ensure_future(work)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        if not task.cancelled():
            task.exception()  # looked at: the cancellation goes before it
        raise cancelled
    return task.result()


async def start_or_undo(start: Coroutine[Any, Any, T], undo: Callable[[T], Awaitable[object]]) -> T:
    """Return what `start` returns. When cancelled meanwhile, `undo` that before being so.

    `start` must be something that ends soon by itself: it is waited for.
    """
    task = asyncio.ensure_future(start)
    try:
        await asyncio.wait({task})
    except asyncio.CancelledError:
        await to_the_end(_undo(task, undo))
        raise
    return task.result()


async def _undo(task: asyncio.Future[T], undo: Callable[[T], Awaitable[object]]) -> None:
    with suppress(Exception):
        await undo(await task)
