"""Which port of this machine each port of a container is, where all share this machine's."""

from __future__ import annotations

import socket

from emulator.containers.runtime import ContainerSpec

LOOPBACK = "127.0.0.1"


class ContainerPorts:
    """`of_group`: a group's name, or the id of a container that has none -> its container ports ->
    ports of this machine."""

    def __init__(self) -> None:
        self.of_group: dict[str, dict[int, int]] = {}

    def assign(
        self, spec: ContainerSpec, id: str, *, asked: int = 0, all_told: bool
    ) -> dict[int, int]:
        """A free port of this machine for the first and for the one that PORT asks for (0 if none),
        which PORT tells; the others as they are, unless the program is told `all_told` of them. All
        that its group has so far."""
        known = self.of_group.setdefault(spec.group or id, {})
        told = spec.ports if all_told else (*spec.ports[:1], *([asked] if asked else []))
        for port in (*told, *spec.group_ports):
            if port not in known:
                with socket.create_server((LOOPBACK, 0)) as listener:
                    known[port] = int(listener.getsockname()[1])
        known |= {port: port for port in spec.ports if port not in told}
        return known

    def forget(self, key: str) -> None:
        self.of_group.pop(key, None)
