"""What a program that runs in Azure is given to reach Azure with."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, cast

import pytest

from emulator.containers.runtime import ContainerRuntimeError, ContainerSpec, ThisMachine
from emulator.workloads.access import BUNDLE, WorkloadAccess
from emulator.workloads.variables import container_apps_identity
from emulator.workloads.workload import Workload, WorkloadPasswords

ONE = Workload("/subscriptions/s/one", "env.region.io")


class Rootless:
    """A runtime whose containers do not reach this machine, until they do."""

    reaches = False

    async def this_machine(self) -> ThisMachine:
        if not self.reaches:
            raise ContainerRuntimeError("no way here")
        return ThisMachine("there", "127.0.0.1")


class Bench:
    def __init__(self, folder: Path) -> None:
        self.runtime = Rootless()
        self.passwords = WorkloadPasswords()
        self.listened: list[str] = []
        self.bundle = folder / "bundle.crt"
        self.bundle.write_bytes(b"bundle")
        self.spec = ContainerSpec("one", "image", None, None, {"A": "b"}, (80,), 1, 1, folder)
        self.access = WorkloadAccess(
            cast(Any, self.runtime), self.passwords, self.listen, lambda: self.bundle
        )

    async def listen(self, address: str) -> int:
        self.listened.append(address)
        return 4321


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_without_a_way_to_this_machine_a_container_is_as_it_was(bench: Bench):
    async def go() -> None:
        assert await bench.access.container(bench.spec, ONE) is bench.spec
        assert "no way here" in bench.access.problem
        bench.runtime.reaches = True
        told = await bench.access.container(bench.spec, ONE, container_apps_identity)
        assert bench.access.problem == ""
        assert told.files == {BUNDLE: b"bundle"}
        secret = bench.passwords.password(ONE)
        assert told.variables["HTTP_PROXY"] == f"http://workload:{secret}@there:4321"
        assert told.variables["IDENTITY_HEADER"] == secret
        assert told.variables["A"] == "b"

    asyncio.run(go())


def test_a_process_has_the_certificates_where_they_are_and_its_own_variables_go_before(
    bench: Bench,
):
    async def go() -> None:
        own = {"https_proxy": "http://127.0.0.1:9", "MINE": "1"}
        told = await bench.access.process(ONE, own)
        assert told["https_proxy"] == own["https_proxy"]
        assert "HTTPS_PROXY" not in told
        assert told["HTTP_PROXY"].endswith("@127.0.0.1:4321")
        assert told["SSL_CERT_FILE"] == str(bench.bundle)
        await bench.access.process(ONE, {})
        assert bench.listened == ["127.0.0.1"]

    asyncio.run(go())


def test_each_workload_has_a_password_of_its_own_which_goes_with_its_resource():
    passwords, other = WorkloadPasswords(), Workload("/subscriptions/s/other")
    given = passwords.password(ONE)
    assert given != passwords.password(other)
    assert passwords.find(given) == ONE
    passwords.forget(ONE.resource.upper())
    assert passwords.find(given) is None
    assert passwords.find(passwords.password(other)) == other


@pytest.mark.parametrize("name", ["NO_PROXY", "no_proxy"])
def test_what_leads_past_local_azure_is_taken_out(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, name: str
):
    async def go() -> None:
        bench.runtime.reaches = True
        told = (await bench.access.container(bench.spec, ONE)).variables
        assert told["NO_PROXY"] == told["no_proxy"] == "mine.example,localhost,127.0.0.1"

    for other in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(other, raising=False)
    azure = "*,.azure.com,login.microsoftonline.com:443,169.254.169.254,169.254.0.0/16"
    monkeypatch.setenv(name, f"mine.example,{azure}")
    asyncio.run(go())
