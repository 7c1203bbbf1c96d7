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
import math
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from emulator.inference_servers.fork_server import ForkServers
from emulator.inference_servers.server import Event, Probe, Server, ServerFailed, ServerSpec, State
from emulator.inference_servers.starting import Process, StartError, StartRequest, end
from emulator.processes.environment import clean_environment
from emulator.processes.leftovers import Records
from emulator.processes.logs import size_of, tail, trim

# How long (seconds) a server may take to finish its requests when it is stopped.
GRACE = 5.0
# Restarts wait this long (seconds), twice as long each time up to the last, and start over when
# a server has run for BACK_OFF_RESET. Kubernetes waits 10 to 300 and starts over after 600.
BACK_OFF_FIRST, BACK_OFF_LAST, BACK_OFF_RESET = 0.5, 30.0, 60.0
# A server that starts is asked again this soon (seconds) after a connection came to nothing.
START_UP_PERIOD = 0.02
# The server's own limit (seconds) for one request and for init(): the default in Azure's images,
# or a minute more than the time after which the gateway has answered 408.
WORKER_TIMEOUT, WORKER_MARGIN = 300, 60

__all__ = ["Probe", "Server", "ServerFailed", "ServerSpec", "State", "Supervisor"]


class Supervisor:
    """Runs inference servers as processes of this machine. `folder` holds what a crash leaves."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.records = Records(folder)
        self.fork_servers = ForkServers(folder)
        self.tasks: dict[Server, asyncio.Task[None]] = {}
        self.warming: set[asyncio.Task[None]] = set()

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
        """Start a server and look after it until it is stopped. Answers at once.

        `await server.ready()` tells how the start went. `on_change` is called after each change
        of the server's state, from the event loop.
        """
        server = Server(spec, on_change)
        self.tasks[server] = asyncio.create_task(self._supervise(server), name=spec.name)
        return server

    async def stop(self, server: Server) -> None:
        """Stop the server; its processes are gone when this returns. Twice is once."""
        server.happened(Event.STOP)  # first of all, so that no more requests are sent there
        task = self.tasks.pop(server, None)
        if task is not None:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def close(self) -> None:
        """Stop every server and fork server."""
        await asyncio.gather(*(self.stop(server) for server in list(self.tasks)))
        await asyncio.gather(*self.warming, return_exceptions=True)
        await self.fork_servers.close()

    async def recover(self) -> None:
        """Kill what an earlier run of the emulator has left running."""
        await asyncio.to_thread(self.records.kill_leftovers)

    async def _supervise(self, server: Server) -> None:
        delay = BACK_OFF_FIRST
        while True:
            began = time.monotonic()
            await self._run(server)
            if server.state is State.FAILED:
                return
            if time.monotonic() - began > BACK_OFF_RESET:
                delay = BACK_OFF_FIRST
            await asyncio.sleep(delay)
            delay = min(2 * delay, BACK_OFF_LAST)
            server.restarts += 1
            server.happened(Event.WAITED)

    async def _run(self, server: Server) -> None:
        """Run one process of the server until it has ended, for whatever reason."""
        spec = server.spec
        written = size_of(spec.log_file)
        reason, exit_code = "", None
        try:
            process = await self._launch(server)
        except StartError as error:
            reason = str(error)
            if server.was_ready:
                server.happened(Event.ENDED)
        else:
            exited = asyncio.create_task(process.wait())
            probes = asyncio.create_task(self._look_after(server))
            try:
                await asyncio.to_thread(self.records.add, spec.name, process.pid, spec.app_root)
                await asyncio.wait({exited, probes}, return_when=asyncio.FIRST_COMPLETED)
                by_itself = exited.done()
                if server.was_ready:
                    server.happened(Event.ENDED)
            finally:
                probes.cancel()
                grace = GRACE if server.was_ready else 0  # before that it has no requests
                server.exit_code = _as_container(await end(process, grace))
                server.pid = None
                exited.cancel()
                self.records.remove(spec.name)
            if by_itself:
                exit_code = server.exit_code
                reason = f"The inference server ended with exit code {exit_code}."
            else:
                reason = probes.result()
        if not server.was_ready:
            log = await asyncio.to_thread(tail, spec.log_file, written)
            server.failure = ServerFailed(reason, log, exit_code)
            server.happened(Event.NEVER_READY)

    async def _launch(self, server: Server) -> Process:
        starting = asyncio.create_task(
            self.fork_servers.start(_request(server.spec), server.spec.preload)
        )
        try:
            process = await asyncio.shield(starting)
        except asyncio.CancelledError:
            with suppress(StartError):
                await end(await starting, 0)
            raise
        server.pid, server.port = process.pid, process.port
        return process

    async def _look_after(self, server: Server) -> str:
        """Probe the process; answers, in a sentence, why it must be ended."""
        liveness, readiness = server.spec.liveness, server.spec.readiness
        limit = min(liveness.start_up, readiness.start_up)
        try:
            async with asyncio.timeout(limit):
                await _until_ready(server.port, readiness)
        except TimeoutError:
            return f"The inference server did not answer within {limit:g} seconds."
        server.happened(Event.ANSWERED)
        watch = asyncio.create_task(self._watch_readiness(server))
        try:
            await _until_dead(server.port, liveness)
        finally:
            watch.cancel()
        return f"The liveness probe failed {liveness.failure_threshold} times in a row."

    async def _watch_readiness(self, server: Server) -> None:
        probe = server.spec.readiness
        ready, in_a_row = True, 0
        while True:
            await asyncio.sleep(probe.period)
            await asyncio.to_thread(trim, server.spec.log_file)
            answered = await _answers(server.port, probe.timeout)
            in_a_row = 0 if answered is ready else in_a_row + 1
            if in_a_row == (probe.failure_threshold if ready else probe.success_threshold):
                ready, in_a_row = answered, 0
                server.happened(Event.ANSWERED if ready else Event.SILENT)


async def _until_ready(port: int, probe: Probe) -> None:
    successes = 0
    while successes < probe.success_threshold:
        # Without a time-out: the socket listens already, and the first worker answers.
        successes = successes + 1 if await _answers(port, None) else 0
        await asyncio.sleep(0 if successes else START_UP_PERIOD)


async def _until_dead(port: int, probe: Probe) -> None:
    failures = 0
    while failures < probe.failure_threshold:
        await asyncio.sleep(probe.period)
        failures = 0 if await _answers(port, probe.timeout) else failures + 1


async def _answers(port: int, timeout: float | None) -> bool:
    """Whether GET / is answered 200 to 399, which is what Azure's HTTP probes ask."""
    try:
        async with asyncio.timeout(timeout):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            try:
                writer.write(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
                status = (await reader.readline()).split()
            finally:
                writer.close()
    except (OSError, ValueError):  # TimeoutError is an OSError; ValueError: a line without end
        return False
    return len(status) > 1 and status[1].isdigit() and 200 <= int(status[1]) < 400


def _request(spec: ServerSpec) -> StartRequest:
    timeout = max(WORKER_TIMEOUT, math.ceil(spec.request_timeout) + WORKER_MARGIN)
    variables = {
        **clean_environment(spec.python),
        "WORKER_TIMEOUT": str(timeout),
        **spec.variables,
        "AML_APP_ROOT": str(spec.app_root),
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


def _as_container(code: int) -> int:
    """The exit code as a container's: 137 for a process that was killed."""
    return code if code >= 0 else 128 - code
