"""The log of a container: each line after the time at which it began."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from emulator.processes import logs

LONGEST = logs.LONGEST_LINE  # bytes; a longer line is written as several, as Docker does


class LineLog:
    """Writes output to a log file, which stays below its limit.

    `stream` tells apart what may be in the middle of a line: standard output and error.
    """

    def __init__(self, file: Path) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        self.path = file
        self.file: BinaryIO = file.open("ab", buffering=0)
        self.size = self.file.tell()
        self.begun: dict[int, tuple[bytes, bytes]] = {}  # stream -> time and text of its line
        logs.prune(file)

    def feed(self, data: bytes, stream: int = 1) -> None:
        now = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z").encode()
        time, before = self.begun.pop(stream, (now, b""))
        *lines, rest = (before + data).split(b"\n")
        text = b""
        for line in lines:
            text += _written(time, line.removesuffix(b"\r"))
            time = now
        while len(rest) > LONGEST:
            text += _written(time, rest[:LONGEST])
            rest = rest[LONGEST:]
        if rest:
            self.begun[stream] = (time, rest)
        if text:
            self._write(text)

    def _write(self, text: bytes) -> None:
        self.file.write(text)
        self.size += len(text)
        if self.size > logs.LIMIT:
            logs.trim(self.path)
            self.size = logs.size_of(self.path)

    def close(self) -> None:
        """Write the lines that were never ended, too."""
        for time, text in self.begun.values():
            self._write(_written(time, text))
        self.begun.clear()
        self.file.close()


def _written(time: bytes, line: bytes) -> bytes:
    """The line, as several where it is longer than LONGEST."""
    parts = [line[start : start + LONGEST] for start in range(0, len(line), LONGEST)] or [b""]
    return b"".join(time + b" " + part + b"\n" for part in parts)
