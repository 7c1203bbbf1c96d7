"""Containers whose processes can be told from all others of the machine."""

from __future__ import annotations

import psutil

from tests.emulator.services.container_machine import WAIT, Machine
from tests.waiting import until

MARK = "azure-local-orphan-check"
# Not ended by SIGTERM: stopping it takes as long as it is given.
STUBBORN = """\
import signal
signal.signal(15, signal.SIG_IGN)
print("deaf")
while True:
    signal.pause()
"""


def marked() -> list[psutil.Process]:
    """Every process of a container of these tests, in a container or not; no guard of one."""
    found = []
    for process in psutil.process_iter():
        try:
            words = process.cmdline()
            if any(MARK in word for word in words) and not any("guard.py" in w for w in words):
                found.append(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return found


def sleeper(machine: Machine, name: str = "web", code: str = WAIT) -> dict:
    """A container that waits until it is stopped."""
    return machine.script(name, f"{code}  # {MARK}")


def stubborn(machine: Machine, name: str) -> None:
    """Create a group of one container that does not stop when it is told to."""
    machine.create(name, machine.group(sleeper(machine, code=STUBBORN)))
    until(lambda: machine.logs(name) == "deaf\n")


def never_up(machine: Machine) -> dict:
    """A group that is created for as long as it is left: its init container waits."""
    init = sleeper(machine, "init")
    init["properties"].pop("resources")
    return machine.group(sleeper(machine), initContainers=[init])
