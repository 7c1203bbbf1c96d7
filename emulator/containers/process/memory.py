"""How much memory the processes of a container have."""

from __future__ import annotations

import os
import sys
from collections.abc import Set
from contextlib import suppress
from typing import Any

PERIOD = 0.1  # seconds between two looks


def memory_of(groups: Set[int]) -> dict[int, int]:
    """Bytes for each process group.

    What a process shares with others, such as the code of libraries, is left out, as it is where
    a control group runs out of memory: it can be given back.
    """
    import psutil

    found = dict.fromkeys(groups, 0)
    if sys.platform == "win32":
        for leader in groups:
            with suppress(psutil.Error):
                top = psutil.Process(leader)
                found[leader] = sum(map(_private, (top, *top.children(recursive=True))))
        return found
    for pid in psutil.pids():
        try:
            group = os.getpgid(pid)
            if group in groups:
                found[group] += _private(psutil.Process(pid))
        except (OSError, psutil.Error):
            continue  # it has ended meanwhile
    return found


def _private(process: Any) -> int:
    memory = process.memory_info()
    return int(memory.rss - getattr(memory, "shared", 0))
