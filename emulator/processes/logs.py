"""The log file of a server: its standard output and error, kept to a size."""

from __future__ import annotations

import os
from pathlib import Path

LIMIT = 8 * 2**20  # bytes
KEPT = LIMIT // 2
TAIL = 32 * 2**10  # bytes


def size_of(file: Path) -> int:
    try:
        return file.stat().st_size
    except FileNotFoundError:
        return 0


def tail(file: Path, start: int = 0, limit: int = TAIL) -> str:
    """The whole lines at the end of the file, at most `limit` bytes, none before `start`."""
    try:
        with file.open("rb") as log:
            end = log.seek(0, os.SEEK_END)
            if start > end:  # trimmed since
                start = 0
            first = log.seek(max(start, end - limit))
            data = log.read()
    except FileNotFoundError:
        return ""
    if first > start:
        data = data.partition(b"\n")[2]
    return data.decode(errors="replace")


def trim(file: Path, limit: int = LIMIT, kept: int = KEPT) -> None:
    """Cut the file to its last `kept` bytes once it is larger than `limit`.

    The server goes on appending to it meanwhile (the file is opened for appending everywhere);
    a line written in the instant between reading and cutting is lost.
    """
    if size_of(file) <= limit:
        return
    with file.open("rb") as log:
        log.seek(-kept, os.SEEK_END)
        data = log.read().partition(b"\n")[2]
    with file.open("ab") as log:
        log.truncate(0)
        log.write(data)
