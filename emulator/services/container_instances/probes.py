"""Liveness and readiness probes: a command in the container, or an HTTP GET of one of its ports.

https://learn.microsoft.com/azure/container-instances/container-instances-liveness-probe
https://learn.microsoft.com/azure/container-instances/container-instances-readiness-probe
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from emulator.containers.runtime import Container, ContainerRuntime, ContainerRuntimeError

LARGEST_OUTPUT = 1024  # bytes that a failure's message quotes


@dataclass(frozen=True)
class Probe:
    """Times in seconds; the defaults are those of the REST reference."""

    command: tuple[str, ...] = ()
    path: str = "/"
    port: int = 0
    scheme: str = "http"
    headers: tuple[tuple[str, str], ...] = ()
    initial_delay: float = 0
    period: float = 10
    timeout: float = 1
    success_threshold: int = 1
    failure_threshold: int = 3

    @classmethod
    def of(cls, given: dict[str, Any] | None) -> Probe | None:
        """The probe of a ContainerProbe as JSON; None for none."""
        if not given:
            return None
        request = given.get("httpGet") or {}
        return cls(
            command=tuple((given.get("exec") or {}).get("command") or ()),
            path=request.get("path") or "/",
            port=request.get("port") or 0,
            scheme=str(request.get("scheme") or "http").lower(),
            headers=tuple(
                (str(one.get("name", "")), str(one.get("value", "")))
                for one in request.get("httpHeaders") or []
            ),
            initial_delay=given.get("initialDelaySeconds") or 0,
            period=given.get("periodSeconds") or 10,
            timeout=given.get("timeoutSeconds") or 1,
            success_threshold=given.get("successThreshold") or 1,
            failure_threshold=given.get("failureThreshold") or 3,
        )


async def watch(
    probe: Probe,
    runtime: ContainerRuntime,
    container: Container,
    failed: Callable[[str], None],
    passed: Callable[[bool], Awaitable[None]],
) -> None:
    """Probe for ever. `failed` hears of each failure, `passed` of each change of the verdict.

    The verdict changes after `failure_threshold` failures or `success_threshold` successes in a
    row, and is told again each time after as many failures more.
    """
    await asyncio.sleep(probe.initial_delay)
    successes = failures = 0
    while True:
        problem = await check(probe, runtime, container)
        if problem:
            successes, failures = 0, failures + 1
            failed(problem)
            if failures >= probe.failure_threshold:
                failures = 0
                await passed(False)
        else:
            successes, failures = successes + 1, 0
            if successes == probe.success_threshold:
                await passed(True)
        await asyncio.sleep(probe.period)


async def check(probe: Probe, runtime: ContainerRuntime, container: Container) -> str:
    """Why the probe failed, "" if it did not."""
    try:
        async with asyncio.timeout(probe.timeout):
            if probe.command:
                return await _run(probe.command, runtime, container)
            return await _get(probe, container)
    except TimeoutError:
        return f"no answer within {probe.timeout:g} seconds"
    except (OSError, ContainerRuntimeError) as error:
        return str(error)


async def _run(command: tuple[str, ...], runtime: ContainerRuntime, container: Container) -> str:
    session = await runtime.exec(container, command, tty=False)
    try:
        output = b""
        while chunk := await session.read():
            output = (output + chunk)[:LARGEST_OUTPUT]
        code = await session.wait()
    finally:
        await session.close()
    said = output.decode(errors="replace").strip()
    return f"'{' '.join(command)}' ended with exit code {code}: {said}" if code else ""


async def _get(probe: Probe, container: Container) -> str:
    port = container.address.get(probe.port)
    if port is None:
        return f"the container has no port {probe.port}"
    context = None
    if probe.scheme == "https":
        context = ssl.create_default_context()
        # A probe asks whether it answers, not who it is.
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
    try:
        lines = [f"GET {probe.path} HTTP/1.1", f"Host: localhost:{probe.port}"]
        lines += [f"{name}: {value}" for name, value in probe.headers]
        lines += ["User-Agent: kube-probe/1.30", "Accept: */*", "Connection: close", "", ""]
        writer.write("\r\n".join(lines).encode())
        status = (await reader.readline()).decode("latin-1").split(" ")
    finally:
        writer.close()
    if len(status) < 2 or not status[1].isdecimal():
        return "the answer is not HTTP"
    return "" if 200 <= int(status[1]) < 400 else f"HTTP probe failed with statuscode: {status[1]}"
