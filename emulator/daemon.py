"""Starting and stopping local Azure as a process of its own, safely from several places at once.

Whether it runs is known by the lock that its process holds (`Home.lock`), and by nothing else: not
by a file, which may be left over, nor by an answer, which may be late.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from emulator.home import CHECKOUT, Home
from emulator.state_file import StateError, explain, read_object, write_private

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
        found = _holder(home)
    return found if found and found.port else None


def _holder(home: Home) -> Running | None:
    """The process that holds the lock; its port is 0 while it starts or stops, and so is its pid
    for the moment until it has written it."""
    if not _is_held(home):
        return None
    try:
        saved = read_object(home.process_file)
    except FileNotFoundError:
        return Running(0, 0)
    except StateError:
        saved = {}
    match saved:
        case {"port": int(port), "pid": int(pid)}:
            return Running(port, pid)
    raise StateError(
        f"{home.process_file} is damaged, so it is not known which process local Azure is. "
        "End the one that runs `-m emulator.serve`, and start again."
    )


def _is_held(home: Home) -> bool:
    if not home.lock.exists():
        return False
    from filelock import FileLock, Timeout

    try:
        with FileLock(home.lock, blocking=False, mode=0o600, preserve_lock_file=True):
            return False
    except Timeout:
        return True


@contextmanager
def serving(home: Home) -> Iterator[None]:
    """Hold the lock of this home; what the serving process does for as long as it lives.

    Raises StateError when another process holds it.
    """
    from filelock import FileLock, Timeout

    # Whoever looks whether it is held has it for a moment.
    lock = FileLock(home.lock, KILL_TIMEOUT, 0o600, poll_interval=POLL, preserve_lock_file=True)
    try:
        lock.acquire()
    except Timeout:
        raise StateError(f"Another process serves from {home.root} already.") from None
    try:
        record(home, 0)
        yield
    finally:
        with suppress(OSError):
            home.process_file.unlink(missing_ok=True)
        lock.release()


@contextmanager
def _starting(home: Home) -> Iterator[None]:
    """One at a time starts the emulator of this home or deletes it. Raises EmulatorError."""
    from filelock import FileLock, Timeout

    lock = FileLock(home.start_lock, START_TIMEOUT, 0o600, preserve_lock_file=True)
    try:
        lock.acquire()
    except Timeout:
        raise EmulatorError(
            f"Another start of local Azure has been under way for {START_TIMEOUT:.0f} seconds. "
            "See `python -m emulator logs`."
        ) from None
    try:
        yield
    finally:
        lock.release()


def up(home: Home) -> Running:
    """Start the emulator unless it runs; return when the first request would be answered.

    Raises EmulatorError when it does not start, with the reason or the end of its log.
    """
    if found := running(home):
        return found
    with _explained(home):
        home.create()
        with _starting(home):
            return _start(home)


def _start(home: Home) -> Running:
    process: subprocess.Popen[bytes] | None = None
    deadline = time.monotonic() + START_TIMEOUT
    while time.monotonic() < deadline:
        ended = process is not None and process.poll() is not None
        if process is None or ended or home.process_file.exists():
            holder = _holder(home)
            if holder is None and process is None:
                process = _spawn(home)
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


def _spawn(home: Home) -> subprocess.Popen[bytes]:
    home.process_file.unlink(missing_ok=True)  # of one that was killed
    environment = {**os.environ, "AZURE_LOCAL_HOME": str(home.root)}
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
    first = _holder(home)
    if first is None:
        return False
    for number, patience in (
        (signal.SIGTERM, STOP_TIMEOUT),
        (getattr(signal, "SIGKILL", signal.SIGTERM), KILL_TIMEOUT),
    ):
        told = 0
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            holder = _holder(home)
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
    from filelock import FileLock, Timeout

    with _starting(home):
        _stop(home)
        try:
            with FileLock(home.lock, KILL_TIMEOUT, 0o600, preserve_lock_file=True):
                _empty(home)
        except Timeout:
            raise EmulatorError(f"A process serves from {home.root}; not deleted.") from None
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


def record(home: Home, port: int) -> None:
    """Written by the emulator itself: the port where it answers, 0 when it does not."""
    write_private(home.process_file, json.dumps({"port": port, "pid": os.getpid()}).encode())
    if port:
        write_private(home.port_file, str(port).encode())


def last_port(home: Home) -> int:
    """The port of the last run, so that running kernels find a restarted emulator; 0 if none."""
    try:
        port = int(home.port_file.read_bytes())
    except (OSError, ValueError):
        return 0
    return port if 0 < port < 65536 else 0


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
