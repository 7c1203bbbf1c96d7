"""The portal's port. The portal is a process of its own, which costs nothing until it is opened:
local Azure holds its port, and starts it when somebody connects there.

The portal knows Azure alone. It gets the environment that any client of local Azure has, and the
socket on which it listens; when nobody has looked for a while it ends, and the next visitor starts
it again. https://0pointer.de/blog/projects/socket-activation.html
"""

from __future__ import annotations

import asyncio
import importlib.util
import logging
import os
import socket
import sys
import time
from contextlib import suppress
from urllib.parse import urlencode

from emulator.holder import read_port
from emulator.home import CHECKOUT, Home
from emulator.processes.guarded import GuardedProcess
from emulator.processes.leftovers import MARK
from emulator.state_file import write_private
from portal.sign_in import new_code

IDLE = 600.0  # seconds without a request after which the portal ends
QUICK = 2.0  # seconds; a portal that ends sooner has failed
PATIENCE = 5.0  # seconds until a failed one is started again
GRACE = 3.0  # seconds
PORT = "port"  # the file that says it
# Windows has no sockets that a process inherits by number: `course portal` serves it there.
CAN_HOLD = os.name == "posix"
_log = logging.getLogger(__name__)


class PortalPort:
    """Holds the port from `start` to `stop`."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self._task: asyncio.Task[None] | None = None
        self._process: GuardedProcess | None = None

    def start(self, front_door: int) -> None:
        """Listen; `front_door` is the port at which clients reach local Azure.

        Without a port for it, there is no portal, and local Azure serves all the same.
        """
        if not CAN_HOLD or importlib.util.find_spec("portal") is None:
            return
        try:
            listening = _listen(read_port(self.home.portal / PORT))
            self.home.portal.mkdir(mode=0o700, exist_ok=True)
            write_private(self.home.portal / PORT, str(listening.getsockname()[1]).encode())
        except OSError as error:
            _log.warning("there is no port for the portal: %s", error)
            return
        self._task = asyncio.create_task(self._serve(listening, front_door))

    async def _serve(self, listening: socket.socket, front_door: int) -> None:
        with listening:
            while True:
                await _someone_connects(listening)
                started = time.monotonic()
                self._process = await self._start_portal(listening, front_door)
                code = await self._process.wait()
                self._process = None
                if time.monotonic() - started < QUICK:
                    _log.error("the portal ended at once, with exit code %d", code)
                    await asyncio.sleep(PATIENCE)

    async def _start_portal(self, listening: socket.socket, front_door: int) -> GuardedProcess:
        # Imported here: it reads certificates, and a start of local Azure does not need it.
        from emulator.client_environment import client_environment

        descriptor = listening.fileno()
        words = [sys.executable, "-m", "portal", "--folder", str(self.home.portal)]
        words += ["--descriptor", str(descriptor), "--idle", str(IDLE)]
        client = await asyncio.to_thread(client_environment, self.home, front_door)
        return await GuardedProcess.start(
            words,
            cwd=CHECKOUT,
            env={**os.environ, **client, MARK: str(self.home.portal)},
            pass_fds=(descriptor,),
            stdin=asyncio.subprocess.DEVNULL,
        )

    async def stop(self) -> None:
        """End the portal, and give the port back."""
        if self._task is None:
            return
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task
        if self._process is not None:
            await self._process.end(GRACE)


def new_link(home: Home, address: str = "") -> str | None:
    """Return a one-time link to the portal of a running local Azure, or None where it has none.

    With the `address` of an app or a container group, the link leads through the portal to that: a
    browser knows no names of local Azure's. Raises OSError.
    """
    port = read_port(home.portal / PORT)
    if not CAN_HOLD or not port:
        return None
    query = {"code": new_code(home.portal), **({"to": address} if address else {})}
    return f"http://127.0.0.1:{port}/sign-in?{urlencode(query)}"


async def _someone_connects(listening: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    loop.add_reader(listening, ready.set)
    try:
        await ready.wait()
    finally:
        loop.remove_reader(listening)


def _listen(port: int) -> socket.socket:
    """Listen where the last run did, so that an open page goes on, else anywhere."""
    try:
        return socket.create_server(("127.0.0.1", port))
    except OSError:
        return socket.create_server(("127.0.0.1", 0))
