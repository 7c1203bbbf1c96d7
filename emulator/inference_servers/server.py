"""One inference server as it should run, and the states that it goes through."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from emulator.inference_servers.starting import Process
from emulator.processes.probes import HttpGet, Probe

_log = logging.getLogger(__name__)


class State(StrEnum):
    STARTING = "Starting"
    READY = "Ready"
    UNREADY = "Unready"
    BACK_OFF = "BackOff"
    FAILED = "Failed"
    STOPPED = "Stopped"


class Event(StrEnum):
    ANSWERED = "the readiness probe succeeded"
    SILENT = "the readiness probe failed"
    ENDED = "the process ended, or was ended because the liveness probe failed"
    NEVER_READY = "the process ended, or its time was up, before it was ever ready"
    WAITED = "the back-off is over"
    STOP = "it is no longer wanted"


TRANSITIONS: Mapping[tuple[State, Event], State] = {
    (State.STARTING, Event.ANSWERED): State.READY,
    (State.STARTING, Event.ENDED): State.BACK_OFF,
    (State.STARTING, Event.NEVER_READY): State.FAILED,
    (State.STARTING, Event.STOP): State.STOPPED,
    (State.READY, Event.SILENT): State.UNREADY,
    (State.READY, Event.ENDED): State.BACK_OFF,
    (State.READY, Event.STOP): State.STOPPED,
    (State.UNREADY, Event.ANSWERED): State.READY,
    (State.UNREADY, Event.ENDED): State.BACK_OFF,
    (State.UNREADY, Event.STOP): State.STOPPED,
    (State.BACK_OFF, Event.WAITED): State.STARTING,
    (State.BACK_OFF, Event.STOP): State.STOPPED,
    (State.FAILED, Event.STOP): State.STOPPED,
}


# The port of the server in Azure's images; here each has a free one of this machine.
PORT = 5001
# What Azure asks, and how often where a deployment says nothing else:
# https://learn.microsoft.com/azure/machine-learning/reference-yaml-deployment-managed-online#probesettings
DEFAULT_PROBE = Probe(
    HttpGet(PORT), initial_delay=10, period=10, timeout=2, success_threshold=1, failure_threshold=30
)


@dataclass(frozen=True)
class ServerSpec:
    """One inference server as it should run.

    `name` is unique and fit for a file name. `preload` are the frameworks that the interpreter
    `python` may load ahead. `app_root` is the folder of the code, where the server runs, and
    `entry_script` is relative to it. `variables` are the deployment's environment variables.
    `request_timeout` is in seconds. `start` starts it where it is no process of this machine, and
    raises StartError; `python`, `preload` and `variables` count for nothing then.
    """

    name: str
    python: Path
    preload: tuple[str, ...]
    app_root: Path
    entry_script: str
    model_dir: Path | None
    variables: Mapping[str, str]
    log_file: Path
    liveness: Probe = DEFAULT_PROBE
    readiness: Probe = DEFAULT_PROBE
    request_timeout: float = 5
    start: Callable[[ServerSpec], Awaitable[Process]] | None = None


class ServerFailed(Exception):  # noqa: N818 - an outcome that is told, like an exit code
    """A server was never ready. `reason` is a sentence, `log` the end of what the server wrote.

    `exit_code` is as a container's (137: killed), None when the process did not end by itself.
    """

    def __init__(self, reason: str, log: str, exit_code: int | None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.log = log
        self.exit_code = exit_code


class Server:
    """One supervised server. Read it; `Supervisor` alone changes it.

    `port` is 0 until there is one and may differ after a restart. `exit_code` is that of the
    process that ended last, as a container's. `pid` is None while no process runs.
    """

    def __init__(self, spec: ServerSpec, on_change: Callable[[Server], None]) -> None:
        self.spec = spec
        self.state = State.STARTING
        self.port = 0
        self.pid: int | None = None
        self.restarts = 0
        self.exit_code: int | None = None
        self.failure: ServerFailed | None = None
        self._on_change = on_change
        self._settled = asyncio.Event()

    @property
    def was_ready(self) -> bool:
        """Whether the readiness probe has ever succeeded."""
        return self._settled.is_set() and self.failure is None

    async def ready(self) -> None:
        """Return once the readiness probe has succeeded for the first time.

        Raises ServerFailed as soon as it is plain that it will not.
        """
        await self._settled.wait()
        if self.failure:
            raise self.failure

    def happened(self, event: Event) -> None:
        """Go on to the next state. For the runtime alone."""
        if self.state is State.STOPPED:
            return  # whatever else is heard of it now is of no use
        before, self.state = self.state, TRANSITIONS[self.state, event]
        if self.state is State.STOPPED and not self._settled.is_set():
            self.failure = ServerFailed("It was stopped before it was ready.", "", None)
        if self.state in (State.READY, State.FAILED, State.STOPPED):
            self._settled.set()
        _log.info("%s: %s -> %s: %s", self.spec.name, before, self.state, event)
        try:
            self._on_change(self)
        except Exception:
            _log.exception("on_change of %s", self.spec.name)
