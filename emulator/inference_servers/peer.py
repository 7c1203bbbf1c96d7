"""Whose the connection is that comes to an inference server: it answers its own user alone.

All users of a machine share its loopback, so a port there keeps nobody out. The kernel knows which
user has the other end of a connection: Linux tells by the netlink family SOCK_DIAG, which finds it
in microseconds (https://man7.org/linux/man-pages/man7/sock_diag.7.html), or else in the list
/proc/net/tcp. Elsewhere there is no such question, and whoever can connect is answered.

Part of the launcher's program: Python 3.9 or later, standard library only.
"""

from __future__ import annotations

import errno
import importlib
import os
import socket
import struct
import sys
from typing import Any

NETLINK_SOCK_DIAG, SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST, NLMSG_ERROR = 4, 20, 1, 2
HEADER = struct.Struct("=IHHII")  # length, type, flags, sequence, port
REQUEST = struct.Struct("=BBBBI")  # family, protocol, extensions, padding, states
ENDS = struct.Struct("!HH4s12x4s12x")  # the found socket's own port, its peer's; addresses alike
REST = struct.Struct("=III")  # interface, cookie: any
ANY_STATE, NO_COOKIE = 0xFFFFFFFF, 0xFFFFFFFF
# Where the user's id is in the answer: after the header, four bytes, the ends and three numbers.
UID = HEADER.size + 4 + ENDS.size + REST.size + 12

_netlink_tells: list[bool] = []  # once it has told, what it does not find is not there
_sockets: dict[int, socket.socket] = {}  # process id -> its own netlink socket


def answer_owner_only() -> None:
    """Have gunicorn close every connection of another user as if it had been given up."""
    if not sys.platform.startswith("linux"):
        return
    sock: Any = importlib.import_module("gunicorn.sock")

    def accept(self: Any) -> Any:
        client, address = self.sock.accept()
        if is_owner(client):
            return client, address
        client.close()
        raise ConnectionAbortedError(errno.ECONNABORTED, "a connection of another user")

    sock.TCPSocket.accept = accept


def is_owner(connection: socket.socket) -> bool:
    """Whether the other end of a loopback connection is this process' user's."""
    try:
        peer, here = connection.getpeername(), connection.getsockname()
    except OSError:
        return False  # it is gone
    try:
        uid = _by_netlink(peer, here)
        if uid is None and not _netlink_tells:
            uid = _by_list(peer, here)
    except OSError:
        return True  # this kernel does not tell
    return uid == os.geteuid()


def _by_netlink(peer: tuple[str, int], here: tuple[str, int]) -> int | None:
    """The user of the socket whose own end is `peer`; None when it is not found this way."""
    diag = _sockets.get(os.getpid())
    try:
        if diag is None:
            _sockets.clear()
            diag = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_SOCK_DIAG)
            _sockets[os.getpid()] = diag
        body = (
            REQUEST.pack(socket.AF_INET, socket.IPPROTO_TCP, 0, 0, ANY_STATE)
            + ENDS.pack(peer[1], here[1], socket.inet_aton(peer[0]), socket.inet_aton(here[0]))
            + REST.pack(0, NO_COOKIE, NO_COOKIE)
        )
        header = HEADER.pack(HEADER.size + len(body), SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST, 1, 0)
        diag.send(header + body)
        answer = diag.recv(4096, socket.MSG_DONTWAIT)
    except OSError:
        return None
    if HEADER.unpack_from(answer)[1] != SOCK_DIAG_BY_FAMILY:
        return None
    if not _netlink_tells:
        _netlink_tells.append(True)
    return int(struct.unpack_from("=I", answer, UID)[0])


def _by_list(peer: tuple[str, int], here: tuple[str, int]) -> int | None:
    """The same, from the list of all connections. Raises OSError where there is none."""
    ends = [_hex(peer), _hex(here)]
    with open("/proc/net/tcp") as file:
        for line in file:
            fields = line.split()
            if fields[1:3] == ends:
                return int(fields[7])
    return None


def _hex(end: tuple[str, int]) -> str:
    (address,) = struct.unpack("=I", socket.inet_aton(end[0]))
    return f"{address:08X}:{end[1]:04X}"
