"""What a container printed: a file for each of its runs, a line each with its time before it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import suppress
from pathlib import Path

LARGEST_ANSWER = 4 * 1024 * 1024  # bytes; the API cuts longer logs too
POLL = 0.1  # seconds


def read(file: Path, tail: int | None, *, timestamps: bool) -> str:
    """The last `tail` lines (all if None). A file that is not there yet is empty."""
    try:
        with file.open("rb") as log:
            size = log.seek(0, 2)
            log.seek(max(0, size - LARGEST_ANSWER))
            lines = log.read().decode(errors="replace").splitlines()
    except OSError:
        return ""
    if tail is not None:
        lines = lines[-tail:]
    return "".join(f"{line if timestamps else without_time(line)}\n" for line in lines)


def without_time(line: str) -> str:
    return line.partition(" ")[2]


async def follow(file: Path, done: asyncio.Event) -> AsyncGenerator[str, None]:
    """What is printed from now on, until `done` is set and all of it has been read."""
    position = file.stat().st_size if file.exists() else 0
    rest = ""
    while True:
        last = done.is_set()
        with suppress(OSError), file.open("rb") as log:
            log.seek(position)
            found = log.read()
            position += len(found)
            *lines, rest = (rest + found.decode(errors="replace")).split("\n")
            for line in lines:
                yield f"{without_time(line)}\r\n"
        if last:
            return
        await asyncio.sleep(POLL)
