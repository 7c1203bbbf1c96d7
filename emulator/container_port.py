"""Connect to a container's published port on this machine.

Loopback answers or refuses at once, with one exception: an engine leads the port to the
container's own network, and a connection that is asked for while the container goes stays lost.
The kernel asks again and again, at the place where the container was. So we give up soon and ask
with a new connection, which is led to the container that came after, or refused.

https://docs.kernel.org/networking/nf_conntrack-sysctl.html
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

PATIENCE = 0.5  # seconds with a connection that is neither made nor refused
TRIES = 60

P = TypeVar("P", bound=asyncio.Protocol)


async def connect(protocol: Callable[[], P], port: int) -> tuple[asyncio.Transport, P]:
    """As `loop.create_connection`. Raises OSError, which after the last try is TimeoutError."""
    for _ in range(TRIES):
        try:
            async with asyncio.timeout(PATIENCE):
                return await asyncio.get_running_loop().create_connection(
                    protocol, "127.0.0.1", port
                )
        except TimeoutError:
            continue
    raise TimeoutError(f"nothing answers at port {port} of this machine")
