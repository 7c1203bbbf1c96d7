"""How much memory processes have."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress

from emulator.processes import trees

PERIOD = 0.1  # seconds between two looks


def memory_of(guards: Iterable[int]) -> dict[int, int]:
    """Bytes of all that runs below each guard, the guard's own left out.

    What a process shares with others, such as the code of libraries, is left out as well, as it
    is where a control group runs out of memory: it can be given back.
    """
    return {guard: sum(map(_private, trees.below(guard))) for guard in guards}


def memory_with(pid: int) -> int:
    """Bytes of the process and of all that runs below it."""
    return _private(pid) + memory_of((pid,))[pid]


def _private(pid: int) -> int:
    if trees.LINUX:
        with suppress(OSError), open(f"/proc/{pid}/statm") as file:
            # https://man7.org/linux/man-pages/man5/proc_pid_statm.5.html
            _, resident, shared, *_ = map(int, file.read().split())
            return (resident - shared) * os.sysconf("SC_PAGE_SIZE")
        return 0
    import psutil

    with suppress(psutil.Error):
        return int(psutil.Process(pid).memory_info().rss)
    return 0
