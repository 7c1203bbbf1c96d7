"""What an earlier run of local Azure has left running, found and killed at the next start.

Guards (guard.py) end everything with the emulator, also when it is killed. This is for what is
left when a guard is killed as well, and for where there are no guards.

Every process is known by a variable in its environment, whose value lies below the folder of who
started it.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from emulator.processes import trees

MARK = "AZURE_LOCAL_PROCESS"  # names the owner's folder, and the server or build below it
CONTAINER_MARK = "AZURE_LOCAL_CONTAINER"  # names the container's folder to all of its processes
LIMIT = 5.0  # seconds


def marked(folder: Path) -> list[int]:
    """The ids of the processes that are marked with this folder or what lies below it.

    This process and those above it are never among them.
    """
    wanted = str(folder)
    below = wanted + os.sep
    own = set(_own())
    return [
        pid
        for pid, variables in _environments()
        if pid not in own
        and any(
            value == wanted or value.startswith(below)
            for value in (variables.get(MARK, ""), variables.get(CONTAINER_MARK, ""))
        )
    ]


def kill_marked(folder: Path) -> None:
    """Kill them, each with its tree, until there is none. Blocks."""
    deadline = time.monotonic() + LIMIT
    while (found := marked(folder)) and time.monotonic() < deadline:
        for pid in found:
            trees.kill(pid)


def _environments() -> Iterator[tuple[int, dict[str, str]]]:
    """Each living process of this user's and the variables that it started with."""
    if not trees.LINUX:
        import psutil

        for process in psutil.process_iter():
            with suppress(psutil.Error, OSError):
                if process.status() != psutil.STATUS_ZOMBIE:
                    yield process.pid, process.environ()
        return
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/environ", "rb") as file:
                data = file.read()
        except OSError:  # another user's, or gone
            continue
        if MARK.encode() in data or CONTAINER_MARK.encode() in data:
            entries = data.decode(errors="surrogateescape").split("\0")
            variables = dict(each.partition("=")[::2] for each in entries)
            if trees.started(int(name)):
                yield int(name), variables


def _own() -> Iterator[int]:
    pid = os.getpid()
    yield pid
    if trees.LINUX:
        while pid > 1:
            with suppress(OSError), open(f"/proc/{pid}/stat", "rb") as file:
                pid = int(file.read().rpartition(b")")[2].split()[1])
                yield pid
                continue
            return
    else:
        import psutil

        yield from (parent.pid for parent in psutil.Process().parents())
