"""The processes that work for one emulator, whoever their parent is by now."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import psutil

MARKS = ("AML_APP_ROOT", "AZURE_LOCAL_CONTAINER")


def of_home(home: Path) -> list[psutil.Process]:
    """By what they are started with, where they are, and how their environment is marked."""
    found = []
    for process in psutil.process_iter():
        try:
            words = [*process.cmdline(), process.cwd()]
            environment = process.environ()
            words += [environment[mark] for mark in MARKS if mark in environment]
            if any(str(home) in word for word in words) and process.status() != "zombie":
                found.append(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return found


def left_over(home: Path, emulator: int) -> list[psutil.Process]:
    """Those that work for nothing, if nothing is deployed.

    The emulator itself stays, and the fork servers that wait for the next deployment: children of
    its own, where a server that was forked is one of a fork server's.
    """
    found = []
    for process in of_home(home):
        with suppress(psutil.Error):
            waits = "serve" in process.cmdline() and process.ppid() == emulator
            if process.pid != emulator and not waits:
                found.append(process)
    return found


def described(process: psutil.Process) -> str:
    try:
        return f"{process.pid} {' '.join(process.cmdline())[:200]}"
    except psutil.Error:
        return f"{process.pid} (gone)"
