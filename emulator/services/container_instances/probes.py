"""Liveness and readiness probes: a command in the container, or an HTTP GET of one of its ports.

https://learn.microsoft.com/azure/container-instances/container-instances-liveness-probe
https://learn.microsoft.com/azure/container-instances/container-instances-readiness-probe
"""

from __future__ import annotations

from typing import Any

from emulator.containers.runtime import Container, ContainerRuntime, ContainerRuntimeError
from emulator.processes.probes import ExecCommand, HttpGet, Probe

LARGEST_OUTPUT = 1024  # bytes that a failure's message quotes


def read_probe(given: dict[str, Any] | None) -> Probe | None:
    """The probe of a ContainerProbe as JSON, with the REST reference's defaults; None for none."""
    if not given:
        return None
    action: ExecCommand | HttpGet
    if command := (given.get("exec") or {}).get("command"):
        action = ExecCommand(tuple(command))
    else:
        request = given.get("httpGet") or {}
        action = HttpGet(
            request.get("port") or 0,
            request.get("path") or "/",
            "https" if str(request.get("scheme")).lower() == "https" else "http",
            tuple(
                (str(one.get("name", "")), str(one.get("value", "")))
                for one in request.get("httpHeaders") or []
            ),
        )
    return Probe(
        action,
        initial_delay=given.get("initialDelaySeconds") or 0,
        period=given.get("periodSeconds") or 10,
        timeout=given.get("timeoutSeconds") or 1,
        success_threshold=given.get("successThreshold") or 1,
        failure_threshold=given.get("failureThreshold") or 3,
    )


async def run_command(
    runtime: ContainerRuntime, container: Container, command: tuple[str, ...]
) -> str:
    """Run it in the container. Returns why it failed, "" if it did not."""
    try:
        session = await runtime.exec(container, command, tty=False)
    except ContainerRuntimeError as error:
        return str(error)
    try:
        output = b""
        while chunk := await session.read():
            output = (output + chunk)[:LARGEST_OUTPUT]
        code = await session.wait()
    finally:
        await session.close()
    said = output.decode(errors="replace").strip()
    return f"'{' '.join(command)}' ended with exit code {code}: {said}" if code else ""
