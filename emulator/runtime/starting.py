"""Starting one inference server as a process, by a plain start, and what such a process is."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from emulator.runtime.launcher import BACKLOG, LOOPBACK

LAUNCHER = Path(__file__).with_name("launcher.py")

# What a deployment's process inherits. Nothing of Azure's and no proxy: local Azure's own must
# not leak into it, and a container of Azure's has neither.
INHERITED = (
    *("HOME", "LANG", "LC_ALL", "LC_CTYPE", "TMPDIR", "TZ", "USER", "LOGNAME"),
    *("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"),  # some builds of Python need it to start at all
    *("SYSTEMROOT", "SYSTEMDRIVE", "COMSPEC", "PATHEXT", "TEMP", "TMP", "USERPROFILE"),
    *("APPDATA", "LOCALAPPDATA", "NUMBER_OF_PROCESSORS"),
)


class StartError(Exception):
    """A process could not be started at all; the message says why."""


@dataclass(frozen=True)
class StartRequest:
    """One server to start. `variables` is its whole environment."""

    name: str
    python: Path
    app_root: Path
    entry_script: Path
    log_file: Path
    variables: Mapping[str, str]


class Process(Protocol):
    """A server that was started. Its process id is its process group's, too, except on Windows."""

    pid: int
    port: int

    async def wait(self) -> int:
        """Wait until it ends; answers as `subprocess.Popen.returncode`."""


def clean_environment(python: Path) -> dict[str, str]:
    """The variables that every process of this interpreter starts with."""
    variables = {name: os.environ[name] for name in INHERITED if name in os.environ}
    path = [str(python.parent), *os.environ.get("PATH", os.defpath).split(os.pathsep)]
    return variables | {
        "PATH": os.pathsep.join(dict.fromkeys(path)),
        "PYTHONUNBUFFERED": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONNOUSERSITE": "1",
    }


class PlainProcess:
    """Started as any program is."""

    def __init__(self, process: asyncio.subprocess.Process, port: int) -> None:
        self.process = process
        self.pid = process.pid
        self.port = port

    async def wait(self) -> int:
        return await self.process.wait()


async def start_plainly(request: StartRequest) -> PlainProcess:
    """Start the server with its own interpreter. Raises StartError."""
    listener = socket.create_server((LOOPBACK, 0), backlog=BACKLOG)
    port = int(listener.getsockname()[1])
    inherited = os.name == "posix"
    if not inherited:
        listener.close()  # the server listens there by itself
    try:
        with request.log_file.open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                request.python,
                LAUNCHER,
                "start",
                str(os.getpid()),
                str(listener.fileno() if inherited else port),
                request.entry_script,
                cwd=request.app_root,
                env=request.variables,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=(listener.fileno(),) if inherited else (),
                start_new_session=True,
            )
    except (OSError, ValueError) as error:
        raise StartError(f"{request.python} could not be started: {error}") from error
    finally:
        listener.close()
    return PlainProcess(process, port)


def signal_group(pid: int, *, kill: bool) -> None:
    """Ask the process and all that it started to end, or kill them. Those gone already are fine."""
    if sys.platform == "win32":
        import psutil

        with suppress(psutil.Error):
            leader = psutil.Process(pid)
            for process in (*leader.children(recursive=True), leader):
                with suppress(psutil.Error):
                    process.kill()
    else:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL if kill else signal.SIGTERM)


async def end(process: Process, grace: float) -> int:
    """End the process and its group: a request, `grace` seconds, then by force. It is reaped."""
    signal_group(process.pid, kill=False)
    exited = asyncio.create_task(process.wait())
    await asyncio.wait({exited}, timeout=grace)
    # What the server itself has started may still be there.
    signal_group(process.pid, kill=True)
    return await exited
