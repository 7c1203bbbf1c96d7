"""An inference server in a Python that was built for its environment."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from emulator.inference_servers.supervisor import ServerSpec, Supervisor
from emulator.python_environments.environments import PythonEnvironments
from tests.emulator.inference_servers.servers import post, served

IMAGE = "mcr.microsoft.com/azureml/minimal-ubuntu22.04-py39-cpu-inference:latest"


@pytest.mark.anyio
@pytest.mark.slow
async def test_server_in_a_python_that_was_built(
    tmp_path: Path, runtime: Supervisor, spec: Callable[..., ServerSpec]
) -> None:
    """From the package registry, the inference server with it."""
    log: list[str] = []
    found = await PythonEnvironments(tmp_path / "environments").resolve(
        "dependencies: [{pip: ['six==1.16.0']}]", IMAGE, log.append
    )
    script = "import six\ndef init():\n    pass\ndef run(data):\n    return six.__version__\n"
    server = await served(runtime, spec(script, python=found.python, preload=found.preload))
    assert await post(server.port, None) == "1.16.0"
