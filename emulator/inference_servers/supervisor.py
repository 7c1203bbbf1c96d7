"""Supervised inference servers: started, probed, restarted when they die, stopped.

As Azure does it, which is as Kubernetes does it:
https://learn.microsoft.com/azure/machine-learning/reference-yaml-deployment-managed-online#probesettings
https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/

One thing is quicker here. Azure leaves a new server alone for the probes' initial delay (10
seconds) and then looks every period; here a server that starts is asked all the time, so that it
is ready as soon as it answers. The delay still counts towards how long a start may take, and from
the first answer on the probes have the deployment's own settings.
"""

from __future__ import annotations

import asyncio
import logging
import math
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from emulator.inference_servers.fork_servers import ForkServers
from emulator.inference_servers.server import (
    DEFAULT_PROBE,
    Event,
    Server,
    ServerFailed,
    ServerSpec,
    State,
)
from emulator.inference_servers.starting import Process, StartError, StartRequest
from emulator.processes.back_off import BackOff
from emulator.processes.environment import clean_environment
from emulator.processes.guarded import KILLED
from emulator.processes.leftovers import MARK, kill_marked
from emulator.processes.logs import prune, size_of, tail, trim
from emulator.processes.probes import Prober
from emulator.processes.tasks import to_the_end

# How long (seconds) a server may take to finish its requests when it is stopped.
GRACE = 5.0
# Restarts wait this long (seconds), twice as long each time up to the last, and start over when
# a server has run for BACK_OFF_RESET. Kubernetes waits 10 to 300 and starts over after 600.
BACK_OFF_FIRST, BACK_OFF_LAST, BACK_OFF_RESET = 0.5, 30.0, 60.0
# A server that starts is asked again this soon (seconds) after a connection came to nothing.
START_UP_PERIOD = 0.02
# What a process' end is to be heard of in after it (seconds).
END_NEWS = 2.0
# Logs are looked at this often (seconds), whatever a deployment's probes do.
TRIM_PERIOD = 1.0
# The server's own limit (seconds) for one request and for init(): the default in Azure's images,
# or a minute more than the time after which the gateway has answered 408.
WORKER_TIMEOUT, WORKER_MARGIN = 300, 60

_log = logging.getLogger(__name__)

__all__ = ["DEFAULT_PROBE", "Server", "ServerFailed", "ServerSpec", "State", "Supervisor"]


class Supervisor:
    """Runs inference servers as processes of this machine. `folder` holds what a crash leaves."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.folder = folder.resolve()
        self.fork_servers = ForkServers(folder)
        self.tasks: dict[Server, asyncio.Task[None]] = {}
        self.warming: set[asyncio.Task[None]] = set()
        self.trimming: asyncio.Task[None] | None = None
        self.closed = False

    def warm(
        self,
        python: Path,
        preload: tuple[str, ...],
        app_root: Path | None = None,
        variables: Mapping[str, str] | None = None,
    ) -> None:
        """Begin to load the frameworks for a server that is to start soon. Linux only.

        The arguments are those of its ServerSpec, as far as they are known. Returns at once.
        """
        if sys.platform.startswith("linux"):
            task = asyncio.create_task(
                self.fork_servers.warm(python, preload, app_root, variables or {})
            )
            self.warming.add(task)
            task.add_done_callback(self.warming.discard)

    async def start(self, spec: ServerSpec, on_change: Callable[[Server], None]) -> Server:
        """Start a server and look after it until it is stopped. Returns at once.

        `await server.ready()` tells how the start went. `on_change` is called after each change
        of the server's state, from the event loop.
        """
        if self.closed:
            raise ServerFailed("Local Azure stops, and starts no more servers.", "", None)
        if self.trimming is None:
            self.trimming = asyncio.create_task(self._trim_logs(), name="logs of servers")
        in_use = [spec.log_file, *(each.spec.log_file for each in self.tasks)]
        if spec.log_file.parent.is_dir():
            prune(spec.log_file, in_use)
        server = Server(spec, on_change)
        task = self.tasks[server] = asyncio.create_task(self._supervise(server), name=spec.name)
        task.add_done_callback(lambda _: self._ended(server, task))
        return server

    def _ended(self, server: Server, task: asyncio.Task[None]) -> None:
        """It is looked after no more: it was stopped, or has failed."""
        self.tasks.pop(server, None)
        if not task.cancelled() and (error := task.exception()):
            _log.error("supervision of %s", server.spec.name, exc_info=error)

    async def start_all(
        self, specs: Sequence[ServerSpec], on_change: Callable[[Server], None]
    ) -> list[Server]:
        """Start all of them and return when all are ready: all or none.

        When one fails (ServerFailed), or the caller is cancelled, those that were started are
        stopped, and their processes are gone, before that is raised.
        """
        servers: list[Server] = []
        try:
            for spec in specs:
                servers.append(await self.start(spec, on_change))
            async with asyncio.TaskGroup() as tasks:
                for server in servers:
                    tasks.create_task(server.ready())
        except BaseException as error:
            await to_the_end(self.stop_all(servers))
            if isinstance(error, BaseExceptionGroup):
                raise error.exceptions[0] from None
            raise
        return servers

    async def stop_all(self, servers: Sequence[Server]) -> None:
        """Stop them at the same time; their processes are gone when this returns."""
        await asyncio.gather(*(self.stop(server) for server in servers))

    async def stop(self, server: Server) -> None:
        """Stop the server; its processes are gone when this returns. Twice is once.

        Takes no longer than `GRACE` and the time in which the kernel ends what is killed. One that
        is cancelled while it waits stops the server all the same.
        """
        first = server.state is not State.STOPPED
        server.happened(Event.STOP)  # first of all, so that no more requests are sent there
        task = self.tasks.get(server)
        if task is not None:
            if first:
                task.cancel()
            await asyncio.wait({task})

    async def close(self) -> None:
        """Stop every server and fork server; none is started any more."""
        self.closed = True
        await self.stop_all(list(self.tasks))
        for warming in self.warming:
            warming.cancel()
        await asyncio.gather(*self.warming, return_exceptions=True)
        await self.fork_servers.close()
        if self.trimming:
            self.trimming.cancel()
            self.trimming = None

    async def recover(self) -> None:
        """Kill what an earlier run of the emulator has left running."""
        await asyncio.to_thread(kill_marked, self.folder)

    async def _trim_logs(self) -> None:
        while True:
            await asyncio.sleep(TRIM_PERIOD)
            servers = [server.spec.log_file for server in self.tasks]
            for log_file in (*servers, *self.fork_servers.logs()):
                with suppress(OSError):
                    await asyncio.to_thread(trim, log_file)

    async def _supervise(self, server: Server) -> None:
        back_off = BackOff(BACK_OFF_FIRST, BACK_OFF_LAST, BACK_OFF_RESET)
        while True:
            began = time.monotonic()
            await self._run(server)
            if server.state is State.FAILED:
                return
            await asyncio.sleep(back_off.next(time.monotonic() - began))
            server.restarts += 1
            server.happened(Event.WAITED)

    async def _run(self, server: Server) -> None:
        """Run one process of the server until it has ended, for whatever reason."""
        spec = server.spec
        written = size_of(spec.log_file)
        reason, exit_code, by_itself = "", None, False
        try:
            if spec.start:
                process = await spec.start(spec)
            else:
                process = await self.fork_servers.start(self._request(spec), spec.preload)
        except StartError as error:
            reason = str(error)
            if server.was_ready:
                server.happened(Event.ENDED)
        else:
            server.pid, server.port = process.pid, process.port
            exited = asyncio.create_task(process.wait())
            probes = asyncio.create_task(self._look_after(server))
            try:
                await asyncio.wait({exited, probes}, return_when=asyncio.FIRST_COMPLETED)
                by_itself = exited.done()
                reason = await _outcome(probes)
                if server.was_ready:
                    server.happened(Event.ENDED)
            finally:
                probes.cancel()
                await to_the_end(self._end(server, process, exited))
            if by_itself:
                exit_code = server.exit_code
                reason = f"The inference server ended with exit code {exit_code}."
        if not server.was_ready:
            log = await asyncio.to_thread(tail, spec.log_file, written)
            server.failure = ServerFailed(reason, log, exit_code)
            server.happened(Event.NEVER_READY)

    async def _end(self, server: Server, process: Process, exited: asyncio.Task[int]) -> None:
        by_itself = exited.done()
        await process.end(GRACE if server.was_ready else 0)  # before that it has no requests
        await asyncio.wait({exited}, timeout=END_NEWS)
        server.exit_code = exited.result() if exited.done() else KILLED
        server.pid = None
        exited.cancel()
        if by_itself and server.exit_code == KILLED:
            # Its guard was killed, perhaps, and has not ended what the server left.
            await asyncio.to_thread(kill_marked, self._mark(server.spec))

    def _mark(self, spec: ServerSpec) -> Path:
        return self.folder / spec.name

    def _request(self, spec: ServerSpec) -> StartRequest:
        timeout = max(WORKER_TIMEOUT, math.ceil(spec.request_timeout) + WORKER_MARGIN)
        variables = {
            **clean_environment(spec.python),
            "WORKER_TIMEOUT": str(timeout),
            **spec.variables,
            "AML_APP_ROOT": str(spec.app_root),
            MARK: str(self._mark(spec)),
        }
        if spec.model_dir:
            variables["AZUREML_MODEL_DIR"] = str(spec.model_dir)
        return StartRequest(
            name=spec.name,
            python=spec.python,
            app_root=spec.app_root,
            # The server makes it AZUREML_ENTRY_SCRIPT.
            entry_script=spec.app_root / spec.entry_script,
            log_file=spec.log_file,
            variables=variables,
        )

    async def _look_after(self, server: Server) -> str:
        """Probe the process. Returns, in a sentence, why it must be ended."""
        liveness, readiness = server.spec.liveness, server.spec.readiness
        limit = min(liveness.start_up, readiness.start_up)
        # Without a time-out: the socket listens already, and the first worker answers.
        starting = Prober(replace(readiness, timeout=math.inf), lambda _: server.port)
        try:
            async with asyncio.timeout(limit):
                await starting.until_passing(START_UP_PERIOD)
        except TimeoutError:
            return f"The inference server did not answer within {limit:g} seconds."
        server.happened(Event.ANSWERED)
        watch = asyncio.create_task(self._watch_readiness(server))
        try:
            await Prober(liveness, lambda _: server.port).until_failing()
        finally:
            watch.cancel()
            await asyncio.wait({watch})
        return f"The liveness probe failed {liveness.failure_threshold} times in a row."

    async def _watch_readiness(self, server: Server) -> None:
        prober = Prober(server.spec.readiness, lambda _: server.port)
        while True:
            await prober.until_failing()
            server.happened(Event.SILENT)
            await asyncio.sleep(prober.probe.period)
            await prober.until_passing()
            server.happened(Event.ANSWERED)


async def _outcome(probes: asyncio.Task[str]) -> str:
    """What the probes found, "" if they were still at it; they are at it no more."""
    if not probes.done():
        probes.cancel()
        await asyncio.wait({probes})
    if probes.cancelled():
        return ""
    if error := probes.exception():
        _log.error("a probe", exc_info=error)
        return f"The inference server could not be probed: {error!r}."
    return probes.result()
