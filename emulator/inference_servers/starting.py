"""Starting one inference server as a process, by a plain start, and what such a process is."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from emulator.inference_servers.launcher import BACKLOG, LOOPBACK
from emulator.processes.guarded import GuardedProcess

LAUNCHER = Path(__file__).with_name("launcher.py")
MLFLOW_SCRIPT = Path(__file__).with_name("mlflow_score_script.py")
MLFLOW_BATCH_SCRIPT = Path(__file__).with_name("mlflow_batch_script.py")


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


def check_interpreter(python: Path) -> None:
    """Raises StartError when there is no such program: its guard could only say so in the log."""
    if not os.access(python, os.X_OK):
        raise StartError(f"{python} could not be started: there is no such program.")


class Process(Protocol):
    """A server that was started. Its process id is its process group's, too, except on Windows;
    None is a container's."""

    @property
    def pid(self) -> int | None: ...
    @property
    def port(self) -> int: ...

    async def wait(self) -> int:
        """Return its exit code once it has ended, 128 + n after signal n."""

    async def end(self, grace: float) -> None:
        """End it and all that it started: a request, `grace` seconds, then by force."""


class PlainProcess:
    """Started as any program is."""

    def __init__(self, process: GuardedProcess, port: int) -> None:
        self.pid = process.pid
        self.port = port
        self.wait = process.wait
        self.end = process.end


async def start_plainly(request: StartRequest) -> PlainProcess:
    """Start the server with its own interpreter. Raises StartError."""
    check_interpreter(request.python)
    listener = socket.create_server((LOOPBACK, 0), backlog=BACKLOG)
    port = int(listener.getsockname()[1])
    inherited = os.name == "posix"
    if not inherited:
        listener.close()  # the server listens there by itself
    try:
        with request.log_file.open("ab") as log:
            process = await GuardedProcess.start(
                (
                    str(request.python),
                    str(LAUNCHER),
                    "start",
                    str(listener.fileno() if inherited else port),
                    str(request.entry_script),
                ),
                cwd=request.app_root,
                env=request.variables,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=(listener.fileno(),) if inherited else (),
            )
    except (OSError, ValueError) as error:
        raise StartError(f"{request.python} could not be started: {error}") from error
    finally:
        listener.close()
    return PlainProcess(process, port)
