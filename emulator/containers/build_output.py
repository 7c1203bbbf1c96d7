"""What a build prints: passed on line by line, and kept for the failure that it may end in."""

from __future__ import annotations

from emulator.containers.runtime import BuildFailed, Log


class BuildOutput:
    """`lines` is all that was noted so far; each is given to `log` as it comes."""

    def __init__(self, log: Log) -> None:
        self.lines: list[str] = []
        self.log = log

    def note(self, line: str) -> None:
        self.lines.append(line)
        self.log(line)

    def failed(self, reason: str) -> BuildFailed:
        """Note the reason, and return the failure to raise."""
        self.note(reason)
        return BuildFailed(reason, "\n".join(self.lines))
