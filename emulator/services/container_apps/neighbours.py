"""How a container reaches the other apps of its environment, by the names that Azure gives them.

It is told of a proxy, with its environment's password, and of certificates to trust, in the
variables that HTTP clients look at: requests, httpx, urllib, curl and most others do. Its own
variables go before these, as a template may well set some of them.

https://learn.microsoft.com/azure/container-apps/connect-apps
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable
from dataclasses import replace

from emulator.containers.runtime import ContainerRuntime, ContainerRuntimeError, ContainerSpec
from emulator.data_plane.environment_passwords import EnvironmentPasswords
from emulator.no_proxy import without_azure

BUNDLE = "/etc/azure-local/certificates.pem"  # in a container
DIRECT = ("localhost", "127.0.0.1")
_log = logging.getLogger(__name__)


class Neighbours:
    """`listen` opens a door for containers at an address of this machine and returns its port;
    `read_bundle` returns the certificates that a container is to trust."""

    def __init__(
        self,
        runtime: ContainerRuntime,
        insiders: EnvironmentPasswords,
        listen: Callable[[str], Awaitable[int]],
        read_bundle: Callable[[], bytes],
    ) -> None:
        self.runtime = runtime
        self.insiders = insiders
        self.listen = listen
        self.read_bundle = read_bundle
        self.lock = asyncio.Lock()
        self.door = ""  # host and port as containers name them
        self.bundle = b""
        self.problem = ""  # why containers do not reach this machine

    async def introduce(self, spec: ContainerSpec, domain: str) -> ContainerSpec:
        """The container with what it takes to call the apps of the environment at `domain`."""
        async with self.lock:
            if not self.door:
                await self._open()
        if self.problem:
            return spec
        proxy = f"http://{domain.partition('.')[0]}:{self.insiders.password(domain)}@{self.door}"
        direct = without_azure(os.environ, *DIRECT)
        proxies = {"HTTP_PROXY": proxy, "HTTPS_PROXY": proxy, "NO_PROXY": direct}
        told = {
            **proxies,
            **{name.lower(): value for name, value in proxies.items()},
            **dict.fromkeys(("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "CURL_CA_BUNDLE"), BUNDLE),
        }
        own = {name.lower() for name in spec.variables}
        variables = {name: value for name, value in told.items() if name.lower() not in own}
        return replace(
            spec,
            variables={**variables, **spec.variables},
            files={BUNDLE: self.bundle, **spec.files},
        )

    async def _open(self) -> None:
        try:
            machine = await self.runtime.this_machine()
            port = await self.listen(machine.address)
        except (ContainerRuntimeError, OSError) as error:
            self.problem = f"Apps cannot call one another here: {error}"
            _log.warning("%s", self.problem)
            return
        self.problem = ""
        self.bundle = await asyncio.to_thread(self.read_bundle)
        self.door = f"{machine.name}:{port}"
