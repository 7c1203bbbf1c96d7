"""The processes that work for one emulator, whoever their parent is by now."""

from __future__ import annotations

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

    The emulator itself stays, and the fork servers that wait for the next deployment.
    """
    found = of_home(home)
    return [one for one in found if one.pid != emulator and not _is_fork_server(one)]


def inference_servers(home: Path) -> list[psutil.Process]:
    """One process for each instance of a deployment: forked, or started plainly.

    Below a fork server are the servers, and below each of those its workers.
    """
    found = []
    for process in of_home(home):
        above = _parent(process)
        forked = above is not None and _is_fork_server(above) and not _is_fork_server(process)
        if forked or (_is_top(process, "start") and not _is_guard(process)):
            found.append(process)
    return found


def _is_fork_server(process: psutil.Process) -> bool:
    return _is_top(process, "serve")


def _is_top(process: psutil.Process, what: str) -> bool:
    """A launcher or its guard. What a launcher forks has the same command line."""
    above = _parent(process)
    below = above is not None and _is_launcher(above, what) and not _is_guard(above)
    return _is_launcher(process, what) and not below


def _is_launcher(process: psutil.Process, what: str) -> bool:
    words = _words(process)
    return any(word.endswith("launcher.py") for word in words) and what in words


def _is_guard(process: psutil.Process) -> bool:
    return any(word.endswith("guard.py") for word in _words(process))


def _parent(process: psutil.Process) -> psutil.Process | None:
    try:
        return process.parent()
    except psutil.Error:
        return None


def _words(process: psutil.Process) -> list[str]:
    try:
        words: list[str] = process.cmdline()
    except psutil.Error:
        return []
    return words


def described(process: psutil.Process) -> str:
    return f"{process.pid} {' '.join(_words(process))[:200] or '(gone)'}"
