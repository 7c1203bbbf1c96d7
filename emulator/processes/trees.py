"""A process and all that descends from it: found, asked to end, killed.

A tree is whole as long as the process at its top lives and is a child subreaper (guard.py, the
launcher): what loses its parent hangs below the top then, whatever it did to leave.

Linux' /proc is read as it is: psutil would be loaded at every start of local Azure, and is slower.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import suppress

KILL_LIMIT = 5.0  # seconds after which what was killed, and is still there, is given up
LINUX = sys.platform.startswith("linux")
GONE = "XZ"  # states of what has ended: dead, zombie


def below(pid: int) -> list[int]:
    """The ids of all living descendants of the process, parents first."""
    if not LINUX:
        import psutil

        with suppress(psutil.Error):
            return [each.pid for each in psutil.Process(pid).children(recursive=True)]
        return []
    found = [pid]
    for each in found:  # grows as it goes
        found += _children(each)
    return [each for each in found[1:] if started(each)]


def _children(pid: int) -> Iterator[int]:
    with suppress(OSError):
        for thread in os.listdir(f"/proc/{pid}/task"):
            with suppress(OSError), open(f"/proc/{pid}/task/{thread}/children") as file:
                yield from map(int, file.read().split())


def started(pid: int) -> float:
    """When the process started, on a clock of the system's; 0 if it is gone, a zombie too."""
    if LINUX:
        with suppress(OSError), open(f"/proc/{pid}/stat", "rb") as file:
            # https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html, from the third field on
            state, *others = file.read().rpartition(b")")[2].split()
            return 0 if state.decode() in GONE else float(others[18])
        return 0
    import psutil

    with suppress(psutil.Error):
        process = psutil.Process(pid)
        return 0 if process.status() == psutil.STATUS_ZOMBIE else float(process.create_time())
    return 0


def ask_to_end(pid: int) -> None:
    """Send SIGTERM to the process group that the process leads, one that is stopped too."""
    if sys.platform == "win32":
        kill(pid)
        return
    for number in (signal.SIGTERM, signal.SIGCONT):
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, number)


def kill(pid: int) -> None:
    """Kill the process, all that descends from it, and what is left of its process group.

    Blocks for as long as that takes, usually a few milliseconds.
    """
    if sys.platform != "win32":
        # It starts nothing more from here on, and still inherits what loses its parent.
        with suppress(OSError):
            os.kill(pid, signal.SIGSTOP)
    deadline = time.monotonic() + KILL_LIMIT
    while (found := below(pid)) and time.monotonic() < deadline:
        for each in found:
            _kill(each)
        time.sleep(0.001)
    kill_group(pid)
    _kill(pid)


def kill_group(pid: int) -> None:
    """Kill what is left of the process group that the process has led."""
    if sys.platform != "win32":
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)


def _kill(pid: int) -> None:
    with suppress(OSError):
        os.kill(pid, signal.SIGTERM if sys.platform == "win32" else signal.SIGKILL)


class Snapshot:
    """The descendants that a process has at a moment, to be killed once it has ended itself.

    For where no subreaper keeps the tree together. Each is known again by when it started.
    """

    def __init__(self, pid: int) -> None:
        self.found = {each: started(each) for each in below(pid)}

    def kill(self) -> None:
        for pid, then in self.found.items():
            if then and started(pid) == then:
                _kill(pid)
