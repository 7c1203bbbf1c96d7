"""Which process has a state folder: the lock that it holds, and what it says of itself.

Whether one has it is known by the lock and by nothing else: not by the file, which may be left
over, nor by an answer, which may be late.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from emulator.home import Home
from emulator.state_file import StateError, read_object, write_private

PATIENCE = 5.0  # seconds for which somebody else may look whether the lock is held
POLL = 0.002  # seconds


@dataclass(frozen=True)
class Holder:
    """A process that holds the lock. `port` is 0 while it starts or stops, and so is `pid` for the
    moment until it has said it."""

    port: int
    pid: int


def find_holder(home: Home) -> Holder | None:
    """The process that has this folder, if one does. Raises StateError, OSError."""
    if not _is_held(home):
        return None
    try:
        saved = read_object(home.process_file)
    except FileNotFoundError:
        return Holder(0, 0)
    except StateError:
        saved = {}
    match saved:
        case {"port": int(port), "pid": int(pid)}:
            return Holder(port, pid)
    raise StateError(
        f"{home.process_file} is damaged, so it is not known which process local Azure is. "
        "End the one that runs `-m emulator.serve`, and start again."
    )


def _is_held(home: Home) -> bool:
    if not home.lock.exists():
        return False
    try:
        with FileLock(home.lock, blocking=False, mode=0o600, preserve_lock_file=True):
            return False
    except Timeout:
        return True


@contextmanager
def hold(home: Home) -> Iterator[None]:
    """Have the folder: what the serving process does for as long as it lives.

    Raises StateError when another process has it.
    """
    with lock(home):
        record(home, 0)
        try:
            yield
        finally:
            with suppress(OSError):
                home.process_file.unlink(missing_ok=True)


@contextmanager
def lock(home: Home) -> Iterator[None]:
    """Hold the lock. Raises StateError when another process has it."""
    held = FileLock(home.lock, PATIENCE, 0o600, poll_interval=POLL, preserve_lock_file=True)
    try:
        held.acquire()
    except Timeout:
        raise StateError(f"Another process serves from {home.root} already.") from None
    try:
        yield
    finally:
        held.release()


def record(home: Home, port: int) -> None:
    """Say of this process, which holds the lock, at which port it answers; 0 while at none."""
    write_private(home.process_file, json.dumps({"port": port, "pid": os.getpid()}).encode())
    if port:
        write_private(home.port_file, str(port).encode())


def last_port(home: Home) -> int:
    """The port of the last run, so that running kernels find a restarted emulator; 0 if none."""
    return read_port(home.port_file)


def read_port(file: Path) -> int:
    """The port that a file names; 0 where there is no such file, or no port in it."""
    try:
        port = int(file.read_bytes())
    except (OSError, ValueError):
        return 0
    return port if 0 < port < 65536 else 0
