"""Acknowledge what a client sent at once, so that it sends the rest at once.

urllib3, and so every Azure SDK, leaves Nagle's algorithm on for connections through a proxy: it
holds a request's body back until its head is acknowledged. Linux delays that by 40 ms, which
would be most of the time of a call here, and is never seen on live Azure.

https://man7.org/linux/man-pages/man7/tcp.7.html (TCP_QUICKACK)
"""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress

_OPTION = getattr(socket, "TCP_QUICKACK", None)


def quick_ack(transport: asyncio.BaseTransport) -> None:
    """To be called after each part that is received: the setting does not last."""
    if _OPTION is None:
        return
    peer = transport.get_extra_info("socket")
    if peer is not None:
        with suppress(OSError):
            peer.setsockopt(socket.IPPROTO_TCP, _OPTION, 1)
