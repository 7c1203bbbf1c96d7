"""Runs the az CLI and keeps what became of each command."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

VARIABLE = "COURSE_AZ"  # names the program
LONGEST = 240  # seconds that one command may take; a limit, not a measurement


@dataclass(frozen=True)
class Ended:
    code: int
    out: str
    printed: str  # what it wrote to either stream


class Az:
    """`outcomes` has, for each command that was tried, "worked", "501" and so on."""

    def __init__(self, program: str, environment: dict[str, str], outcomes: dict[str, str]) -> None:
        self.program = program
        self.environment = {
            **os.environ,
            **environment,
            "AZURE_CORE_COLLECT_TELEMETRY": "no",
            "AZURE_CORE_NO_COLOR": "yes",
            "AZURE_EXTENSION_USE_DYNAMIC_INSTALL": "no",
            # What the CLI's own Python would read of the course's.
            "PYTHONPATH": "",
        }
        self.outcomes = outcomes

    def run(self, arguments: list[str], folder: Path | None = None, stdin: str = "") -> Ended:
        ended = subprocess.run(
            [self.program, *arguments],
            cwd=folder,
            env=self.environment,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=LONGEST,
            check=False,
        )
        return Ended(ended.returncode, ended.stdout, ended.stdout + ended.stderr)
