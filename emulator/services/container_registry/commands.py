"""Runs the containers of a task's steps, one after the other, and copies what they print."""

from __future__ import annotations

import asyncio
from pathlib import Path

from emulator.containers.runtime import (
    Container,
    ContainerRuntime,
    ContainerRuntimeError,
    ContainerSpec,
    ContainerState,
    ImageNotFound,
)
from emulator.services.container_registry.build_log import FLUSH_EVERY, BuildLog
from emulator.services.container_registry.command_request import CommandStep

MEMORY_GB = 4.0  # of the two-core agents that Azure runs a task on, roughly


class StepFailed(Exception):  # noqa: N818 - an outcome that is told, like an exit code
    """The message is what the run's log says of it."""


async def run_steps(
    steps: tuple[CommandStep, ...],
    runtime: ContainerRuntime,
    folder: Path,
    name: str,
    cpu: int,
    log: BuildLog,
) -> None:
    """`folder` is a new one for the containers' logs, `name` is unique. Raises StepFailed."""
    await asyncio.to_thread(folder.mkdir, parents=True)
    for step in steps:
        try:
            async with asyncio.timeout(step.timeout or None):
                code = await _run(step, runtime, folder, f"{name}--{step.id}", cpu, log)
        except TimeoutError:
            raise StepFailed(f"step {step.id} took longer than {step.timeout} seconds") from None
        except ImageNotFound as error:
            raise StepFailed(f"failed to pull the image of step {step.id}: {error}") from None
        if code:
            # In the words of
            # https://learn.microsoft.com/azure/container-registry/container-registry-faq
            log.step(f"Container failed during run: {step.id}. No retries remaining.")
            log.line(f"failed to run step ID: {step.id}: exit status {code}")
            raise StepFailed(f"failed during run, err: exit status {code}")
        log.step(f"Successfully executed container: {step.id}")


async def _run(
    step: CommandStep,
    runtime: ContainerRuntime,
    folder: Path,
    name: str,
    cpu: int,
    log: BuildLog,
) -> int:
    log.step(f"Executing step ID: {step.id}. Image: {step.image}")
    await runtime.pull(step.image, None, log.line)
    output = folder / f"{step.id}.log"
    log.step(f"Launching container with name: {step.id}")
    container = await runtime.start(
        ContainerSpec(
            name=name,
            image=step.image,
            command=None,
            args=step.arguments or None,
            variables=dict(step.variables),
            ports=(),
            cpu=float(cpu),
            memory_gb=MEMORY_GB,
            log_file=output,
        )
    )
    try:
        await _follow(container, output, log)
    finally:
        await asyncio.shield(_end(runtime, container))
    return container.exit_code or 0


async def _follow(container: Container, output: Path, log: BuildLog) -> None:
    """Copy each whole line to the run's log, without its time, until the container has ended."""
    read = 0
    while True:
        ended = container.state is ContainerState.TERMINATED
        content = await asyncio.to_thread(output.read_bytes) if output.exists() else b""
        whole = len(content) if ended else content.rfind(b"\n") + 1
        for line in content[read:whole].decode(errors="replace").splitlines():
            log.line(line.partition(" ")[2])
        read = whole
        if ended:
            return
        await asyncio.wait({asyncio.ensure_future(container.wait())}, timeout=FLUSH_EVERY)


async def _end(runtime: ContainerRuntime, container: Container) -> None:
    try:
        await runtime.remove(container)
    except ContainerRuntimeError:
        # The engine has it still; the next start of local Azure removes it.
        return
