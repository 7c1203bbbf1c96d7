"""The choice between the two ways of running containers.

With a Docker or Podman engine a container is a real one (engine/); without one it is a process
of this machine, built from what of its Dockerfile can be honoured (process/), and it says so:
`ContainerRuntime.kind` and `.description`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

from emulator.containers.engine import discovery
from emulator.containers.runtime import ContainerRuntime, ContainerRuntimeError


async def choose_runtime(folder: Path, environ: Mapping[str, str]) -> ContainerRuntime:
    """The engine that DOCKER_HOST names or that answers at a usual socket; else processes.

    AZURE_LOCAL_CONTAINERS=process or =engine forces one. `folder` is the runtime's own, below the
    state folder. Raises ContainerRuntimeError when what is forced is not there.
    """
    found = await asyncio.to_thread(discovery.find, environ)
    # Each way is imported when it is the one: an engine's client costs 0.16 s.
    if found.engine:
        from emulator.containers.engine.runtime import EngineRuntime

        return EngineRuntime(folder, found.engine)
    if found.forced:
        raise ContainerRuntimeError(found.description)
    from emulator.containers.process.runtime import ProcessRuntime

    return ProcessRuntime(folder, found.description)


def describe(environ: Mapping[str, str]) -> str:
    """What `choose_runtime` would choose, and why, in one line. Takes milliseconds."""
    return discovery.find(environ).description
