"""Where an engine's containers reach this machine.

    the engine is                  a container reaches this machine
    on this Linux, run by root     at the address of the engine's bridge, which is one of its own
    in a virtual machine           by a name; it arrives at this machine's loopback
    rootless, on this Linux        not at any address that others would not reach as well

https://docs.docker.com/engine/network/drivers/bridge/
https://docs.docker.com/desktop/features/networking/
"""

from __future__ import annotations

import ipaddress
import sys

import aiodocker
from aiodocker.exceptions import DockerError

from emulator.containers.runtime import ContainerRuntimeError, ThisMachine

FROM_A_VIRTUAL_MACHINE = ThisMachine("host.docker.internal", "127.0.0.1")


async def this_machine(docker: aiodocker.Docker) -> ThisMachine:
    """Raises ContainerRuntimeError where there is no way."""
    try:
        facts = await docker.system.info()
        if sys.platform != "linux" or "Desktop" in facts.get("OperatingSystem", ""):
            return FROM_A_VIRTUAL_MACHINE
        if any("rootless" in option for option in facts.get("SecurityOptions") or ()):
            raise ContainerRuntimeError(
                "a rootless engine's containers do not reach this machine. Use one run by root, or "
                "AZURE_LOCAL_CONTAINERS=process."
            )
        # Podman calls its default network "podman", but "bridge" in Docker's API.
        network = await (await docker.networks.get("bridge")).show()
    except DockerError as error:
        raise ContainerRuntimeError(error.message) from error
    for subnet in network["IPAM"]["Config"] or ():
        gateway = subnet.get("Gateway", "")
        if gateway and ipaddress.ip_address(gateway).version == 4:
            return ThisMachine(gateway, gateway)
    raise ContainerRuntimeError("the engine's network 'bridge' has no IPv4 gateway.")
