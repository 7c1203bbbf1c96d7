"""Gives workloads what they reach local Azure with."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from pathlib import Path

from emulator.containers.runtime import (
    ContainerRuntime,
    ContainerRuntimeError,
    ContainerSpec,
    ThisMachine,
)
from emulator.no_proxy import without_azure
from emulator.workloads.variables import beneath, proxy_variables
from emulator.workloads.workload import Workload, WorkloadPasswords

BUNDLE = "/etc/azure-local/certificates.pem"  # in a container
LOOPBACK = "127.0.0.1"
DIRECT = ("localhost", LOOPBACK)
# From a workload's secret to the variables that say where its managed identity is.
Identity = Callable[[str], Mapping[str, str]]
_log = logging.getLogger(__name__)


def no_identity(_secret: str) -> Mapping[str, str]:
    """The instance metadata service needs no variables."""
    return {}


class WorkloadAccess:
    """`listen` opens a door for workloads at an address of this machine and returns its port;
    `bundle` makes the file with the certificates that a workload is to trust."""

    def __init__(
        self,
        runtime: ContainerRuntime,
        passwords: WorkloadPasswords,
        listen: Callable[[str], Awaitable[int]],
        bundle: Callable[[], Path],
    ) -> None:
        self.runtime = runtime
        self.passwords = passwords
        self.listen = listen
        self.bundle = bundle
        self.problem = ""  # why containers do not reach this machine
        self._lock = asyncio.Lock()
        self._doors: dict[str, int] = {}  # address -> port
        self._machine: ThisMachine | None = None
        self._certificates = b""

    async def process(
        self, workload: Workload, own: Mapping[str, str], identity: Identity = no_identity
    ) -> dict[str, str]:
        """The variables of a process of this machine; `own` are those that it sets by itself, and
        `identity` returns those that say where its managed identity is."""
        async with self._lock:
            port = await self._door(LOOPBACK)
            bundle = await asyncio.to_thread(self.bundle)
        door = f"{LOOPBACK}:{port}"
        return beneath(self._variables(workload, door, str(bundle), identity), own)

    async def container(
        self, spec: ContainerSpec, workload: Workload, identity: Identity = no_identity
    ) -> ContainerSpec:
        """The container with what it takes to reach local Azure, `identity` as for a process.

        It is as it was where it cannot reach this machine; `problem` says why.
        """
        async with self._lock:
            try:
                if self._machine is None:
                    machine = await self.runtime.this_machine()
                    await self._door(machine.address)
                    self._certificates = (await asyncio.to_thread(self.bundle)).read_bytes()
                    self._machine, self.problem = machine, ""
            except (ContainerRuntimeError, OSError) as error:
                self.problem = f"Containers cannot call Azure here, nor apps one another: {error}"
                _log.warning("%s", self.problem)
                return spec
        door = f"{self._machine.name}:{self._doors[self._machine.address]}"
        given = self._variables(workload, door, BUNDLE, identity)
        return replace(
            spec,
            variables=beneath(given, spec.variables),
            files={BUNDLE: self._certificates, **spec.files},
        )

    async def _door(self, address: str) -> int:
        if address not in self._doors:
            self._doors[address] = await self.listen(address)
        return self._doors[address]

    def forget(self, resource_id: str) -> None:
        """A resource is gone, and what ran for it."""
        self.passwords.forget(resource_id)

    def _variables(
        self, workload: Workload, door: str, bundle: str, identity: Identity
    ) -> dict[str, str]:
        secret = self.passwords.password(workload)
        proxy = f"http://workload:{secret}@{door}"
        direct = without_azure(os.environ, *DIRECT)
        return {**proxy_variables(proxy, direct, bundle), **identity(secret)}
