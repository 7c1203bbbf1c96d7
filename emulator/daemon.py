"""Starting and stopping local Azure as a process of its own, safely from several places at once."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from filelock import FileLock, Timeout

from emulator.holder import find_holder, lock
from emulator.home import CHECKOUT, Home
from emulator.state_file import StateError, explain

START_TIMEOUT = 30.0  # seconds
STOP_TIMEOUT = 20.0  # seconds
KILL_TIMEOUT = 5.0  # seconds
POLL = 0.002  # seconds between two looks at a start that is under way


@dataclass(frozen=True)
class Running:
    """An emulator that serves. `started_by_us`: this call started it, so its caller stops it."""

    port: int
    pid: int
    started_by_us: bool = False


class EmulatorError(RuntimeError):
    """The emulator cannot be started, stopped or used; the message says why and what to do."""


@contextmanager
def _explained(home: Home) -> Iterator[None]:
    try:
        yield
    except StateError as error:
        raise EmulatorError(str(error)) from None
    except OSError as error:
        raise EmulatorError(str(explain(error, home.root))) from None


def running(home: Home) -> Running | None:
    """The emulator of this home, if one serves. Raises EmulatorError."""
    with _explained(home):
        found = find_holder(home)
    return Running(found.port, found.pid) if found and found.port else None


@contextmanager
def _starting(home: Home) -> Iterator[None]:
    """One at a time starts the emulator of this home or deletes it. Raises EmulatorError."""
    held = FileLock(home.start_lock, START_TIMEOUT, 0o600, preserve_lock_file=True)
    try:
        held.acquire()
    except Timeout:
        raise EmulatorError(
            f"Another start of local Azure has been under way for {START_TIMEOUT:.0f} seconds. "
            "See `python -m emulator logs`."
        ) from None
    try:
        yield
    finally:
        held.release()


def up(home: Home, environment: Mapping[str, str] = os.environ) -> Running:
    """Start the emulator unless it runs; return when the first request would be answered.

    `environment` is what its process has, AZURE_LOCAL_HOME aside. Raises EmulatorError when it does
    not start, with the reason or the end of its log.
    """
    if found := running(home):
        return found
    with _explained(home):
        home.create()
        with _starting(home):
            return _start(home, environment)


def _start(home: Home, environment: Mapping[str, str]) -> Running:
    process: subprocess.Popen[bytes] | None = None
    deadline = time.monotonic() + START_TIMEOUT
    while time.monotonic() < deadline:
        ended = process is not None and process.poll() is not None
        if process is None or ended or home.process_file.exists():
            holder = find_holder(home)
            if holder is None and process is None:
                process = _spawn(home, environment)
                deadline = time.monotonic() + START_TIMEOUT
            elif holder is None and ended:
                raise EmulatorError(_why_it_ended(home, process))
            elif holder is not None and holder.port:
                return Running(holder.port, holder.pid, process is not None and not ended)
        time.sleep(POLL)
    if process is not None:
        process.kill()
    raise EmulatorError(
        f"Local Azure did not answer within {START_TIMEOUT:.0f} seconds.\n{log_tail(home)}"
    )


def _spawn(home: Home, environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    home.process_file.unlink(missing_ok=True)  # of one that was killed
    environment = {**environment, "AZURE_LOCAL_HOME": str(home.root)}
    # What a client of an emulator has in its environment must not become the emulator's own
    # upstream proxy: it would call itself.
    if environment.get("AZURE_LOCAL_PROXY"):
        for name in ("HTTPS_PROXY", "HTTP_PROXY", "https_proxy", "http_proxy"):
            if environment.get(name) == environment["AZURE_LOCAL_PROXY"]:
                del environment[name]
    with open(home.log, "ab", opener=_open_private) as log:
        return subprocess.Popen(
            [sys.executable, "-m", "emulator.serve"],
            cwd=CHECKOUT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,  # for the reason why it does not start
            stderr=log,
            start_new_session=True,
        )


def _open_private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _why_it_ended(home: Home, process: subprocess.Popen[bytes] | None) -> str:
    assert process is not None
    assert process.stdout is not None
    reason = process.stdout.read().decode(errors="replace").strip()
    return reason or f"Local Azure stopped while starting.\n{log_tail(home)}"


def down(home: Home) -> bool:
    """Stop the emulator and all that runs behind it. Returns whether one was running.

    Raises EmulatorError when it cannot be stopped.
    """
    with _explained(home):
        return _stop(home)


def _stop(home: Home) -> bool:
    first = find_holder(home)
    if first is None:
        return False
    for number, patience in (
        (signal.SIGTERM, STOP_TIMEOUT),
        (getattr(signal, "SIGKILL", signal.SIGTERM), KILL_TIMEOUT),
    ):
        told = 0
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            holder = find_holder(home)
            # Another one may have been started as soon as this one had ended.
            if holder is None or (first.pid and holder.pid and holder.pid != first.pid):
                return True
            if holder.pid and not told:
                told, first = holder.pid, holder
                with suppress(ProcessLookupError):
                    os.kill(told, number)
            time.sleep(0.02)
    raise EmulatorError(
        f"Local Azure (process {first.pid}) could not be stopped: end it, and try again."
    )


def reset(home: Home) -> None:
    """Stop the emulator and delete its folder.

    Raises EmulatorError when the folder is not local Azure's, or cannot be deleted.
    """
    with _explained(home):
        if not home.is_ours():
            raise EmulatorError(f"{home.root} does not look like local Azure's; not deleted.")
        try:
            _delete(home)
        except FileNotFoundError:
            if home.root.exists():
                raise  # else another reset was quicker


def _delete(home: Home) -> None:
    with _starting(home):
        _stop(home)
        with lock(home):
            _empty(home)
    if os.name == "nt":  # where a file that is open stays
        home.lock.unlink(missing_ok=True)
        home.start_lock.unlink(missing_ok=True)
    with suppress(OSError):  # another start has begun anew there
        home.root.rmdir()


def _empty(home: Home) -> None:
    locks = [home.lock, home.start_lock]
    for path in home.root.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        elif path not in locks:
            path.unlink()
    if os.name != "nt":
        # Last, and while they are held: whoever waits for one sees that its file is gone.
        for path in locks:
            path.unlink()


def log_tail(home: Home, lines: int = 30) -> str:
    """The end of the emulator's own log; "" where there is none. Raises OSError."""
    try:
        return "\n".join(home.log.read_text(errors="replace").splitlines()[-lines:])
    except FileNotFoundError:
        return ""


def environment(home: Home) -> dict[str, str]:
    """The variables with which any program reaches the emulator instead of Azure.

    Raises EmulatorError when the emulator is not running.
    """
    found = running(home)
    if found is None:
        raise EmulatorError("Local Azure is not running. Start it with `python -m emulator up`.")
    # Imported here: no other command needs certificates.
    from emulator.client_environment import client_environment

    with _explained(home):
        return client_environment(home, found.port)
