"""The log file of a process: kept to a size, read from its end, and few kept of each kind."""

from __future__ import annotations

import os
import re
from collections.abc import Collection
from pathlib import Path

LIMIT = 8 * 2**20  # bytes
KEPT = LIMIT // 2
TAIL = 32 * 2**10  # bytes
LONGEST_ANSWER = 4 * 2**20  # bytes
LONGEST_LINE = 16 * 2**10  # bytes; what is longer is shown cut
KEPT_FILES = 10  # of the logs that differ in their number alone
_NUMBERED = re.compile(r"(?P<name>.+)\.(?P<number>\d+)\.log")


def size_of(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError:
        return 0


def tail(file: Path, start: int = 0, limit: int = TAIL) -> str:
    """Return the lines at the end of the file, at most `limit` bytes, none before `start`.

    They are whole, but for lines longer than LONGEST_LINE, and where there is no whole one.
    """
    try:
        with file.open("rb") as log:
            end = log.seek(0, os.SEEK_END)
            if start > end:  # trimmed since
                start = 0
            first = log.seek(max(start, end - limit))
            data = log.read(limit)
    except OSError:
        return ""
    if first > start:
        data = data.partition(b"\n")[2] or data
    return "".join(map(_cut, data.decode(errors="replace").splitlines(keepends=True)))


def last_lines(file: Path, count: int, limit: int = LONGEST_ANSWER) -> str:
    """Return the last `count` lines of the file, or as many as `limit` bytes hold."""
    lines = tail(file, limit=limit).splitlines(keepends=True)
    return "".join(lines[-count:] if count > 0 else [])


def _cut(line: str) -> str:
    if len(line) <= LONGEST_LINE:
        return line
    end = "\n" if line.endswith("\n") else ""
    return f"{line[:LONGEST_LINE]} ... ({len(line) - LONGEST_LINE} characters more){end}"


def trim(file: Path, limit: int | None = None, kept: int | None = None) -> None:
    """Cut the file to its last `kept` bytes (KEPT) once it is larger than `limit` (LIMIT).

    The server goes on appending to it meanwhile (the file is opened for appending everywhere);
    a line written in the instant between reading and cutting is lost.
    """
    limit = LIMIT if limit is None else limit
    kept = KEPT if kept is None else kept
    if size_of(file) <= limit:
        return
    with file.open("rb") as log:
        log.seek(-kept, os.SEEK_END)
        data = log.read(kept)
    data = data.partition(b"\n")[2] or data
    with file.open("ab") as log:
        log.truncate(0)
        log.write(data)


def prune(file: Path, in_use: Collection[Path] = ()) -> None:
    """Of the logs beside this one that differ from it in their number alone ("name.7.log"), delete
    all but the KEPT_FILES newest and those in use."""
    match = _NUMBERED.fullmatch(file.name)
    if match is None:
        return
    found = {(int(match["number"]), file)}  # be it there already or not
    for each in file.parent.iterdir():
        other = _NUMBERED.fullmatch(each.name)
        if other and other["name"] == match["name"]:
            found.add((int(other["number"]), each))
    for _, each in sorted(found, reverse=True)[KEPT_FILES:]:
        if each not in in_use and each != file:
            each.unlink(missing_ok=True)
