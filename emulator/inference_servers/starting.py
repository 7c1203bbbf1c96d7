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
from emulator.processes.groups import signal_group

LAUNCHER = Path(__file__).with_name("launcher.py")


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


async def end(process: Process, grace: float) -> int:
    """End the process and its group: a request, `grace` seconds, then by force. It is reaped."""
    signal_group(process.pid, kill=False)
    exited = asyncio.create_task(process.wait())
    await asyncio.wait({exited}, timeout=grace)
    # What the server itself has started may still be there.
    signal_group(process.pid, kill=True)
    return await exited
