"""How long processes have used a core, and how many cores they are using."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress

from emulator.processes import trees

# The system counts in hundredths of a second, so that a shorter time than this (seconds) tells
# nothing.
LEAST_INTERVAL = 0.1


def cpu_seconds_of(guard: int) -> float:
    """Of all that ran below the guard, what has ended since included."""
    return _children_of(guard) + sum(_own(pid) + _children_of(pid) for pid in trees.below(guard))


def cpu_seconds_with(pid: int) -> float:
    """Of the process and of all that ran below it."""
    return _own(pid) + cpu_seconds_of(pid)


class CpuMeter:
    """Cores in use are what was used between two looks, so that a first look tells nothing."""

    def __init__(self) -> None:
        self.seen: dict[str, tuple[float, float]] = {}  # name -> time, seconds of a core until then

    def look(self, used: Mapping[str, float], now: float) -> dict[str, float]:
        """The cores that each is using which was there at the last look, if that is not too short
        ago.

        `used` are the seconds of a core that each has used since it started, `now` is in seconds
        of any one clock.
        """
        before, self.seen = self.seen, {}
        cores = {}
        for name, spent in used.items():
            then, earlier = before.get(name, (now, spent))
            if name in before and now - then < LEAST_INTERVAL:
                self.seen[name] = before[name]  # the next look is at all that has passed since
                continue
            self.seen[name] = now, spent
            if name in before:
                # Less than before is that of one that was started again.
                cores[name] = max(0.0, spent - earlier) / (now - then)
        return cores


def _own(pid: int) -> float:
    return sum(_times(pid)[:2])


def _children_of(pid: int) -> float:
    """Of the children that have ended."""
    return sum(_times(pid)[2:])


def _times(pid: int) -> tuple[float, float, float, float]:
    """User and system time of a process, and of its children that have ended; zeros if it is
    gone."""
    if trees.LINUX:
        with suppress(OSError), open(f"/proc/{pid}/stat", "rb") as file:
            # https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html, from the third field on
            fields = file.read().rpartition(b")")[2].split()
            tick = os.sysconf("SC_CLK_TCK")
            user, system, ended_user, ended_system = (int(one) / tick for one in fields[11:15])
            return user, system, ended_user, ended_system
        return 0.0, 0.0, 0.0, 0.0
    import psutil

    with suppress(psutil.Error):
        times = psutil.Process(pid).cpu_times()
        ended = getattr(times, "children_user", 0.0), getattr(times, "children_system", 0.0)
        return times.user, times.system, *ended
    return 0.0, 0.0, 0.0, 0.0
