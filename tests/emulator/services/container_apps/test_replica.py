"""A replica whose container runtime fails: it is tried again, and nothing is left over."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import pytest

from emulator.containers.handle import Handle
from emulator.containers.runtime import (
    Container,
    ContainerRuntime,
    ContainerRuntimeError,
    ContainerSpec,
    ContainerState,
)
from emulator.processes.probes import Probe, TcpSocket
from emulator.services.container_apps.plan import ContainerPlan, ReplicaPlan
from emulator.services.container_apps.replica import Replica
from tests.waiting import until_async

NOBODY_LISTENS = Probe(TcpSocket(80), period=0.01, timeout=1, failure_threshold=1)


class FailingRuntime:
    """Containers that run until they are ended. The calls in `broken` fail."""

    def __init__(self, *broken: str) -> None:
        self.broken = set(broken)
        self.there: dict[str, Handle] = {}
        self.started: list[Handle] = []

    def check(self, call: str) -> None:
        if call in self.broken:
            raise ContainerRuntimeError(f"the engine cannot {call}")

    async def start(self, spec: ContainerSpec) -> Container:
        self.check("start")
        handle = Handle(spec, spec.name)
        handle.running({})
        self.there[spec.name] = handle
        self.started.append(handle)
        return handle

    async def stop(self, container: Container, grace: float = 10) -> None:
        self.check("stop")
        self.there[container.id].ended(0)

    async def remove(self, container: Container) -> None:
        self.check("remove")
        if handle := self.there.pop(container.id, None):
            handle.ended(137)


@asynccontextmanager
async def replica_on(
    runtime: FailingRuntime, folder: Path, **plan: Any
) -> AsyncIterator[tuple[Replica, list[str]]]:
    told: list[str] = []
    container = ContainerPlan("web", "web:1", None, None, {}, (), 0.25, 0.5, **plan)

    async def introduce(spec: ContainerSpec) -> ContainerSpec:
        return spec

    replica = Replica(
        cast(ContainerRuntime, runtime),
        ReplicaPlan("app--one", (container,), (), None, 1),
        "app--one-x",
        folder,
        lambda _: None,
        lambda _kind, reason, _message: told.append(reason),
        introduce,
    )
    for one in replica.containers:
        one.back_off.first = one.back_off.longest = 0.01
    replica.start()
    yield replica, told
    runtime.broken.clear()
    await replica.stop()
    assert not runtime.there


@pytest.mark.parametrize(
    ("call", "reason"), [("start", "CreateContainerError"), ("remove", "RemoveContainerError")]
)
def test_a_container_is_tried_again(tmp_path: Path, call: str, reason: str):
    async def go() -> None:
        runtime = FailingRuntime()
        async with replica_on(runtime, tmp_path) as (_, told):
            await until_async(lambda: len(runtime.started) == 1)
            runtime.broken.add(call)
            runtime.started[0].ended(1)
            await until_async(lambda: reason in told)
            runtime.broken.clear()
            runtime.started[-1].ended(1)  # if it has not
            count = len(runtime.started)
            await until_async(lambda: len(runtime.started) > count)
            # What is replaced is gone; the one that runs is the last.
            await until_async(lambda: list(runtime.there.values()) == [runtime.started[-1]])
            assert runtime.started[-1].state is ContainerState.RUNNING

    asyncio.run(go())


def test_a_container_that_does_not_stop_is_replaced(tmp_path: Path):
    async def go() -> None:
        runtime = FailingRuntime("stop")
        async with replica_on(runtime, tmp_path, startup=NOBODY_LISTENS) as (replica, told):
            await until_async(lambda: len(runtime.started) >= 2)
            assert "KillContainerError" in told
            await until_async(lambda: runtime.started[0].state is ContainerState.TERMINATED)
            assert replica.crashes >= 1

    asyncio.run(go())


def test_what_cannot_be_removed_is_said_when_it_stops(tmp_path: Path):
    async def go() -> None:
        runtime = FailingRuntime()
        async with replica_on(runtime, tmp_path) as (replica, _):
            await until_async(lambda: bool(runtime.started))
            runtime.broken.add("remove")
            with pytest.raises(ContainerRuntimeError, match="cannot remove"):
                await replica.stop()

    asyncio.run(go())
