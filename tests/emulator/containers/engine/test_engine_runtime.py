"""Containers by an engine: what the engine was told, and whose containers are whose."""

from __future__ import annotations

import asyncio
import io
import secrets
import tarfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiodocker import Docker

from emulator.containers.engine.config import archive
from emulator.containers.engine.runtime import EngineRuntime
from emulator.containers.runtime import ContainerRuntimeError, ContainerState, ImageNotFound
from tests.emulator.containers.container_images import (
    BASE_IMAGE,
    ENGINE,
    ask,
    build,
    context,
    is_answered,
    log_lines,
    script,
    spec,
)

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(ENGINE.engine is None, reason=ENGINE.description),
]


@pytest.fixture
async def runtime(tmp_path: Path) -> AsyncIterator[EngineRuntime]:
    assert ENGINE.engine
    found = EngineRuntime(tmp_path / "containers", ENGINE.engine)
    if await found.image(BASE_IMAGE) is None:
        await found.close()
        pytest.skip(f"the engine has no image {BASE_IMAGE}: run .ci/containers")
    await build(found, context(tmp_path / "mirror"))
    yield found
    await found.close()


@pytest.fixture
async def engine() -> AsyncIterator[Docker]:
    """Someone else who uses the engine."""
    assert ENGINE.engine
    async with Docker(ENGINE.engine.url) as client:
        yield client


async def shown(engine: Docker, id: str) -> dict[str, Any]:
    return await engine.containers.container(id).show()


@pytest.mark.parametrize("files", [{}, {"/mnt/secrets/key": b"hush" * 4000}])
async def test_files_reach_a_container_however_often_they_are_sent(
    runtime: EngineRuntime, engine: Docker, files: dict[str, bytes]
) -> None:
    """One in forty was refused, status 500, when the archive was padded as a tape is."""
    packed = archive(files, ["/mnt/shared"])
    with tarfile.open(fileobj=io.BytesIO(packed)) as tar:
        assert tar.getnames() == ["mnt/shared", *(path.lstrip("/") for path in files)]
    assert packed[tar.offset :] == bytes(2 * tarfile.BLOCKSIZE), "its end, and no more"
    container = await engine.containers.create({"Image": BASE_IMAGE, "Cmd": ["true"]})
    try:
        for _ in range(20):
            await container.put_archive("/", packed)
    finally:
        await container.delete(force=True)


async def test_limits_labels_and_ports_are_the_engines(
    runtime: EngineRuntime, engine: Docker, tmp_path: Path
) -> None:
    container = await runtime.start(
        spec(tmp_path, ports=(80,), cpu=0.5, memory_gb=0.25, labels={"team": "digits"})
    )
    await ask(container)
    found = await shown(engine, container.id)
    assert found["HostConfig"]["NanoCpus"] == 500_000_000
    assert found["HostConfig"]["Memory"] == 256 * 2**20
    assert found["Config"]["Labels"]["team"] == "digits"
    assert found["Config"]["Labels"]["azure-local.home"] == str(tmp_path / "containers")
    published = found["NetworkSettings"]["Ports"]["80/tcp"]
    assert [each["HostIp"] for each in published] == ["127.0.0.1"]
    assert container.address == {80: int(published[0]["HostPort"])}


async def test_a_low_port_is_roots_alone_as_on_azure(
    runtime: EngineRuntime, tmp_path: Path
) -> None:
    dockerfile = """
        ARG BASE_IMAGE
        FROM ${BASE_IMAGE}
        USER 10001
        CMD exec python3 -m http.server ${PORT:-80}
        """
    image, _ = await build(runtime, context(tmp_path / "low", dockerfile), "low:1")
    low = await runtime.start(spec(tmp_path, "low", image=image.reference, ports=(80,)))
    async with asyncio.timeout(20):
        assert await low.wait() == 1
    assert log_lines(low)[-1] == "PermissionError: [Errno 13] Permission denied"
    told = {"image": image.reference, "variables": {"PORT": "8080"}}
    high = await runtime.start(spec(tmp_path, "high", ports=(8080,), **told))
    async with asyncio.timeout(20):
        while not await is_answered(high, 8080):
            await asyncio.sleep(0.02)


async def test_a_container_killed_by_someone_is_not_out_of_memory(
    runtime: EngineRuntime, engine: Docker, tmp_path: Path
) -> None:
    container = await runtime.start(spec(tmp_path, command=script("import time; time.sleep(600)")))
    await engine.containers.container(container.id).kill(signal="SIGKILL")
    async with asyncio.timeout(20):
        assert await container.wait() == 137
    assert container.reason == "Error"


async def test_a_container_removed_by_someone_has_ended(
    runtime: EngineRuntime, engine: Docker, tmp_path: Path
) -> None:
    container = await runtime.start(spec(tmp_path, command=script("import time; time.sleep(600)")))
    await engine.containers.container(container.id).delete(force=True)
    async with asyncio.timeout(20):
        await container.wait()
    assert container.state is ContainerState.TERMINATED
    await runtime.stop(container)
    await runtime.remove(container)


async def test_containers_of_others_are_left_alone(
    runtime: EngineRuntime, engine: Docker, tmp_path: Path
) -> None:
    assert ENGINE.engine
    other = EngineRuntime(tmp_path / "other", ENGINE.engine)
    theirs = await other.start(spec(tmp_path, command=script("import time; time.sleep(600)")))
    name = f"someones-{secrets.token_hex(4)}"
    someones = await engine.containers.create(
        {"Image": BASE_IMAGE, "Entrypoint": ["sleep", "600"]}, name=name
    )
    try:
        ours = await runtime.start(spec(tmp_path, ports=(80,)))
        await runtime.recover()
        assert await ours.wait() == 137
        assert theirs.state is ContainerState.RUNNING
        assert (await shown(engine, theirs.id))["State"]["Running"]
        assert (await shown(engine, someones.id))["Name"].lstrip("/") == name
    finally:
        await someones.delete(force=True)
        await other.close()


async def test_a_port_that_its_group_did_not_name_is_refused(
    runtime: EngineRuntime, tmp_path: Path
) -> None:
    first = {"group": "pair", "group_ports": (80,)}
    await runtime.start(spec(tmp_path, "pair--one", ports=(80,), **first))
    with pytest.raises(ContainerRuntimeError, match="port 8080 was not among the ports"):
        await runtime.start(spec(tmp_path, "pair--two", ports=(8080,), group="pair"))


async def test_a_real_registry_of_azures_is_never_asked(runtime: EngineRuntime) -> None:
    with pytest.raises(ImageNotFound, match="Build it there first"):
        await runtime.pull("someones.azurecr.io/image:1", ("user", "password"), print)
