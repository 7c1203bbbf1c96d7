"""Where the front door listens, and who may come in.

    a client asks for              it gets
    CONNECT to a host of ours      TLS ended here, the host's application behind it
    http:// on a host of ours      the host's application
    the address of a container     the container's own port, untouched: a container group has no
    group, CONNECT or http://      gateway before it
    any other host                 a tunnel or a forwarded request, untouched

It wants a password, as other users of this machine reach its loopback addresses, too. Workloads
have doors of their own, which are the same but for the password: each has its own, by which local
Azure knows whose managed identity it may use, and which apps of which environment it sees.

https://www.rfc-editor.org/rfc/rfc9110#name-connect
"""

from __future__ import annotations

import asyncio
import secrets
import socket
import sys

from emulator.data_plane.routes.addresses import PublicAddresses
from emulator.front_door.opening import Admit, Asks, Behind, Opening, Serve, ask_nobody
from emulator.tls import CertificateAuthority
from emulator.workloads.workload import OUTSIDE, Workload, WorkloadPasswords

IP_FREEBIND = 15  # ip(7); Python's socket module does not have it


class FrontDoor:
    """Listens on loopback for who has the password, and for `workloads` where they reach it.

    `addresses` are those of the container groups.
    """

    def __init__(
        self,
        authority: CertificateAuthority,
        serve: Serve,
        password: str,
        addresses: PublicAddresses | None = None,
        workloads: WorkloadPasswords | None = None,
        asks: Asks = ask_nobody,
    ) -> None:
        self.behind = Behind(authority, serve, addresses or PublicAddresses(), asks)
        self.password = password.encode()
        self.workloads = workloads or WorkloadPasswords()
        self.servers: list[asyncio.Server] = []

    async def listen(self, port: int) -> int:
        """Listen on 127.0.0.1; returns the port, 0 takes a free one. Raises OSError when taken."""
        return await self._listen(socket.create_server(("127.0.0.1", port)), self._admit)

    def _admit(self, password: str) -> Workload | None:
        return OUTSIDE if secrets.compare_digest(password.encode(), self.password) else None

    async def listen_inside(self, address: str) -> int:
        """Listen for workloads at an address of this machine; returns the port.

        Raises OSError when this machine does not have the address.
        """
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        if sys.platform.startswith("linux"):
            # An engine gives its bridge an address only while a container is on it.
            listener.setsockopt(socket.IPPROTO_IP, IP_FREEBIND, 1)
        try:
            listener.bind((address, 0))
        except OSError:
            listener.close()
            raise
        return await self._listen(listener, self.workloads.find)

    async def _listen(self, listener: socket.socket, admit: Admit) -> int:
        server = await asyncio.get_running_loop().create_server(
            lambda: Opening(self.behind, admit), sock=listener, backlog=1024
        )
        self.servers.append(server)
        return int(listener.getsockname()[1])

    async def close(self) -> None:
        for server in self.servers:
            server.close()
        for task in list(self.behind.tasks):
            task.cancel()
