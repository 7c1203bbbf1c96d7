"""The exceptions in an emulator's own log, each as the line of ours that it came from."""

from __future__ import annotations

import re
import time
from pathlib import Path

_BEGINNING = "Traceback (most recent call last):"
_FRAME = re.compile(r'File ".*?/(emulator/[\w/]+\.py)", line (\d+), in (\w+)')
_ENTRY = re.compile(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", re.MULTILINE)


class EmulatorLog:
    def __init__(self, path: Path) -> None:
        self.path = path
        self.read_to = path.stat().st_size

    def exceptions(self, *, expected: bool = False) -> list[str]:
        """What was logged since the last call. `expected`: wait a moment if there is nothing."""
        deadline = time.monotonic() + (0.5 if expected else 0)
        while True:
            with self.path.open("rb") as file:
                file.seek(self.read_to)
                text = file.read().decode("utf-8", "replace")
                self.read_to = file.tell()
            found = exceptions_in(text)
            if found or time.monotonic() >= deadline:
                return found
            time.sleep(0.02)


def exceptions_in(text: str) -> list[str]:
    """One line for each traceback: where it was raised, in our code, and what was raised."""
    found = []
    for part in text.split(_BEGINNING)[1:]:
        block = _ENTRY.split(part)[0]
        frames = _FRAME.findall(block)
        # The exception's own line is the first that is not indented.
        words = next((line for line in block.splitlines()[1:] if line[:1].strip()), "?")
        where = "{}:{} in {}".format(*frames[-1]) if frames else "outside of emulator/"
        found.append(f"{where}: {words[:160]}")
    return found
