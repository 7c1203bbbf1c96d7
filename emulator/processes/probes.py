"""Health probes: what is asked, how often, and how many answers in a row decide.

https://kubernetes.io/docs/concepts/configuration/liveness-readiness-startup-probes/

One way for inference servers, container groups and container apps; which kinds of probe a service
has, and with which defaults, is the service's.
"""

from __future__ import annotations

import asyncio
import math
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal

LOOPBACK = "127.0.0.1"
USER_AGENT = "kube-probe/1.30"
LARGEST_HEAD = 64 * 1024  # bytes
# An engine's own proxy takes a connection for a port on which nothing listens, and closes it
# again at once: a connection counts when it is still open after this time (seconds).
OPEN_FOR = 0.03

# The port of this machine at which a container's port answers, None where it has none.
PortOf = Callable[[int], int | None]
# Runs a command where the probe is to run it. Returns why it failed, "" if it did not.
Run = Callable[[tuple[str, ...]], Awaitable[str]]


@dataclass(frozen=True)
class HttpGet:
    """Passes when the status of the answer is 200 to 399. `port` is the container's own."""

    port: int
    path: str = "/"
    scheme: Literal["http", "https"] = "http"
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class TcpSocket:
    """Passes when something takes the connection. `port` is the container's own."""

    port: int


@dataclass(frozen=True)
class ExecCommand:
    """Passes when the program, run in the container, ends with exit code 0."""

    command: tuple[str, ...]


@dataclass(frozen=True)
class Probe:
    """What is asked and how often. Times in seconds; `timeout` may be math.inf."""

    action: HttpGet | TcpSocket | ExecCommand
    initial_delay: float = 0
    period: float = 10
    timeout: float = 1
    success_threshold: int = 1
    failure_threshold: int = 3

    @property
    def port(self) -> int | None:
        """The container's port that it asks, None for a command."""
        return None if isinstance(self.action, ExecCommand) else self.action.port

    @property
    def start_up(self) -> float:
        """How long (seconds) what starts may take until this probe first passes."""
        return self.initial_delay + self.period * self.failure_threshold


async def ask(probe: Probe, port_of: PortOf, run: Run | None = None) -> str:
    """Ask once. Returns why the probe failed, "" if it passed."""
    try:
        async with asyncio.timeout(None if math.isinf(probe.timeout) else probe.timeout):
            action = probe.action
            if isinstance(action, ExecCommand):
                return await run(action.command) if run else "no command can be run here"
            port = port_of(action.port)
            if port is None:
                return f"the container has no port {action.port}"
            if isinstance(action, TcpSocket):
                return await _connect(port)
            return await _get(port, action)
    except TimeoutError:
        return f"no answer within {probe.timeout:g} seconds"
    except (OSError, ValueError) as error:  # ValueError: a line longer than LARGEST_HEAD
        return str(error) or type(error).__name__


class Prober:
    """Asks one probe of one thing, again and again. `on_failure` gets each failure's reason."""

    def __init__(
        self,
        probe: Probe,
        port_of: PortOf,
        run: Run | None = None,
        on_failure: Callable[[str], None] | None = None,
    ) -> None:
        self.probe = probe
        self.port_of = port_of
        self.run = run
        self.on_failure = on_failure

    async def passes(self) -> bool:
        problem = await ask(self.probe, self.port_of, self.run)
        if problem and self.on_failure:
            self.on_failure(problem)
        return not problem

    async def until_passing(self, period: float | None = None) -> None:
        """Ask at once, and then every `period` seconds (the probe's own if it is None), until it
        has passed as often in a row as its success threshold says."""
        wait = self.probe.period if period is None else period
        passed = 0
        while True:
            passed = passed + 1 if await self.passes() else 0
            if passed >= self.probe.success_threshold:
                return
            await asyncio.sleep(0 if passed and period is not None else wait)

    async def until_failing(self, *, at_once: bool = False) -> None:
        """Ask every period, the first time after one unless `at_once`, until it has failed as
        often in a row as the probe's failure threshold says."""
        if not at_once:
            await asyncio.sleep(self.probe.period)
        failed = 0
        while True:
            failed = 0 if await self.passes() else failed + 1
            if failed >= self.probe.failure_threshold:
                return
            await asyncio.sleep(self.probe.period)


async def _connect(port: int) -> str:
    reader, writer = await asyncio.open_connection(LOOPBACK, port)
    try:
        async with asyncio.timeout(OPEN_FOR):
            closed = await reader.read(1) == b""
    except TimeoutError:
        return ""
    finally:
        writer.close()
    return "the connection was closed at once" if closed else ""


async def _get(port: int, action: HttpGet) -> str:
    context = None
    if action.scheme == "https":
        context = ssl.create_default_context()
        # A probe asks whether it answers, not who it is.
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    headers = {"host": f"localhost:{action.port}", "user-agent": USER_AGENT, "accept": "*/*"}
    headers |= {name.lower(): value for name, value in action.headers}
    headers["connection"] = "close"
    lines = [f"GET {action.path} HTTP/1.1", *(f"{name}: {headers[name]}" for name in headers)]
    reader, writer = await asyncio.open_connection(LOOPBACK, port, limit=LARGEST_HEAD, ssl=context)
    try:
        writer.write(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace"))
        status = (await reader.readline()).decode("latin-1").split(" ")
    finally:
        writer.close()
    if len(status) < 2 or not status[0].startswith("HTTP/") or not status[1].strip().isdecimal():
        return "the answer is not HTTP"
    code = int(status[1])
    return "" if 200 <= code < 400 else f"HTTP probe failed with statuscode: {code}"
