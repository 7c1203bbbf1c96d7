"""Where the containers of each kind of engine reach this machine."""

from __future__ import annotations

import asyncio
import sys
from typing import Any, cast

import pytest

from emulator.containers.engine.network import FROM_A_VIRTUAL_MACHINE, this_machine
from emulator.containers.runtime import ContainerRuntimeError, ThisMachine

IPV6, IPV4 = {"Gateway": "fd00::1"}, {"Subnet": "172.17.0.0/16", "Gateway": "172.17.0.1"}


class Engine:
    """Answers what an engine says of itself and of its network "bridge"."""

    def __init__(self, subnets: list[dict[str, str]] | None = None, **facts: Any) -> None:
        self.facts = facts
        self.subnets = subnets
        self.system = self.networks = self

    async def info(self) -> dict[str, Any]:
        return self.facts

    async def get(self, name: str) -> Engine:
        assert name == "bridge"
        return self

    async def show(self) -> dict[str, Any]:
        return {"IPAM": {"Config": self.subnets}}


def asked(engine: Engine) -> ThisMachine:
    return asyncio.run(this_machine(cast(Any, engine)))


def test_at_the_bridge_where_root_runs_the_engine(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "platform", "linux")
    engine = Engine([IPV6, IPV4], OperatingSystem="Debian", SecurityOptions=["name=seccomp"])
    assert asked(engine) == ThisMachine("172.17.0.1", "172.17.0.1")


@pytest.mark.parametrize(
    ("platform", "system"),
    [("darwin", "Alpine"), ("win32", "Docker Desktop"), ("linux", "Docker Desktop")],
)
def test_by_a_name_where_the_engine_is_in_a_virtual_machine(
    monkeypatch: pytest.MonkeyPatch, platform: str, system: str
):
    monkeypatch.setattr(sys, "platform", platform)
    assert asked(Engine(OperatingSystem=system)) == FROM_A_VIRTUAL_MACHINE


def test_nowhere_where_the_engine_is_rootless(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "platform", "linux")
    with pytest.raises(ContainerRuntimeError, match="rootless"):
        asked(Engine([IPV4], OperatingSystem="Debian", SecurityOptions=["name=rootless"]))


@pytest.mark.parametrize("subnets", [None, [], [IPV6], [{"Subnet": "172.17.0.0/16"}]])
def test_nowhere_without_a_gateway(
    monkeypatch: pytest.MonkeyPatch, subnets: list[dict[str, str]] | None
):
    monkeypatch.setattr(sys, "platform", "linux")
    with pytest.raises(ContainerRuntimeError, match="no IPv4 gateway"):
        asked(Engine(subnets, OperatingSystem="Debian"))
