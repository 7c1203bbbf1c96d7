"""The command of a probe, run in its container.

https://learn.microsoft.com/azure/container-instances/container-instances-liveness-probe
"""

from __future__ import annotations

from emulator.containers.runtime import Container, ContainerRuntime, ContainerRuntimeError

LARGEST_OUTPUT = 1024  # bytes that a failure's message quotes


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
