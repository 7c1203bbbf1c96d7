"""A container group whose container runtime fails: it is tried again, and nothing is left over."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

import pytest

from emulator.arm.fields import Fields
from emulator.containers.handle import Handle
from emulator.containers.runtime import (
    Container,
    ContainerRuntime,
    ContainerRuntimeError,
    ContainerSpec,
    Image,
)
from emulator.services.container_instances.group_runner import GroupRunner
from emulator.services.container_instances.group_spec import GroupSpec
from emulator.services.container_instances.images import GroupImages
from emulator.services.container_instances.views import ContainerView
from tests.waiting import until_async

pytestmark = pytest.mark.anyio
GROUP = {
    "osType": "Linux",
    "containers": [
        {
            "name": "web",
            "properties": {
                "image": "web:1",
                "resources": {"requests": {"cpu": 1, "memoryInGB": 1}},
                "livenessProbe": {
                    "exec": {"command": ["ill"]},
                    "periodSeconds": 1,
                    "failureThreshold": 1,
                },
            },
        }
    ],
}


class FailingRuntime:
    """Containers that run until they are ended, and are never well. The calls in `broken` fail."""

    kind = "container"
    description = "a runtime that fails"

    def __init__(self, *broken: str) -> None:
        self.broken = set(broken)
        self.there: dict[str, Handle] = {}
        self.runs = 0

    def check(self, call: str) -> None:
        if call in self.broken:
            raise ContainerRuntimeError(f"the engine cannot {call}")

    async def image(self, reference: str) -> Image | None:
        self.check("image")
        return Image(reference, "sha256:1", 1, datetime.now(UTC), ())

    async def start(self, spec: ContainerSpec) -> Container:
        self.check("start")
        handle = Handle(spec, spec.name)
        handle.running({})
        self.there[spec.name] = handle
        self.runs += 1
        return handle

    async def exec(self, *_: object, **__: object) -> None:
        raise ContainerRuntimeError("it is not well")

    async def stop(self, container: Container, grace: float = 10) -> None:
        self.check("stop")
        self.there[container.id].ended(0)

    async def remove(self, container: Container) -> None:
        self.check("remove")
        if handle := self.there.pop(container.id, None):
            handle.ended(137)


@asynccontextmanager
async def group_on(
    runtime: FailingRuntime, folder: Path
) -> AsyncIterator[tuple[GroupRunner, ContainerView]]:
    view = ContainerView()
    runner = GroupRunner(
        "/subscriptions/s/resourceGroups/g/providers/p/containerGroups/one",
        "",
        GroupSpec.read("one", Fields(GROUP)),
        {"web": view},
        folder,
        cast(ContainerRuntime, runtime),
        GroupImages(cast(ContainerRuntime, runtime), lambda _: False, lambda *_: False),
        lambda _: None,
        as_it_is,
    )
    for one in runner.containers:
        one.back_off.first = one.back_off.longest = 0.01
    runner.start()
    yield runner, view
    runtime.broken.clear()
    await runner.stop()
    assert not runtime.there


async def as_it_is(spec: ContainerSpec) -> ContainerSpec:
    return spec


def told(view: ContainerView, name: str) -> str:
    return next((event["message"] for event in view.events if event["name"] == name), "")


async def test_a_container_that_cannot_be_stopped_is_supervised_still(tmp_path: Path) -> None:
    runtime = FailingRuntime("stop")
    async with group_on(runtime, tmp_path) as (runner, view):
        await until_async(lambda: told(view, "FailedKill"))
        assert told(view, "FailedKill") == "the engine cannot stop"
        assert (view.current["state"], view.restart_count, runner.busy) == ("Running", 0, True)
        runtime.broken.clear()
        await until_async(lambda: view.restart_count >= 1)
        assert runner.busy


@pytest.mark.parametrize("call", ["image", "start"])
async def test_a_container_that_cannot_be_started_is_tried_again(tmp_path: Path, call: str) -> None:
    runtime = FailingRuntime(call)
    async with group_on(runtime, tmp_path) as (runner, view):
        await until_async(lambda: told(view, "Failed"))
        assert (view.current["detailStatus"], runtime.runs) == ("RunContainerError", 0)
        runtime.broken.clear()
        async with asyncio.timeout(30):
            await runner.until_started()
        assert view.current["state"] == "Running"


async def test_one_that_does_not_stop_is_ended_by_force(tmp_path: Path) -> None:
    runtime = FailingRuntime("stop")
    async with group_on(runtime, tmp_path) as (runner, view):
        await runner.until_started()
        await runner.stop()
        assert not runtime.there
        assert (view.current["state"], view.exit_code) == ("Terminated", 137)


async def test_one_that_is_left_over_is_told_of_and_removed_later(tmp_path: Path) -> None:
    runtime = FailingRuntime("remove")
    async with group_on(runtime, tmp_path) as (runner, view):
        await runner.until_started()
        with pytest.raises(ContainerRuntimeError, match="cannot remove"):
            await runner.stop()
        assert told(view, "FailedKill") == "the engine cannot remove"
        assert len(runtime.there) == 1
        runtime.broken.clear()
        await runner.stop()
        assert not runtime.there
