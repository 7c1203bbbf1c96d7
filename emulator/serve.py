"""The emulator's own process: from start to the signal that ends it. `up` starts this module."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from contextlib import suppress

from emulator import daemon
from emulator.app import Emulator
from emulator.containers.choice import choose_runtime
from emulator.home import Home, find_home
from emulator.store import StoreError


def serve(home: Home) -> None:
    """Run local Azure until SIGTERM or Ctrl-C."""
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    factory = None
    if sys.platform != "win32":  # uvloop exists for the others, and is faster
        import uvloop

        factory = uvloop.new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(_run(home))


async def _run(home: Home) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        with suppress(NotImplementedError):  # Windows ends the process instead
            loop.add_signal_handler(number, stopped.set)
    home.create()
    containers = await choose_runtime(home.containers / "runtime", os.environ)
    logging.getLogger(__name__).info("containers are run by %s", containers.description)
    try:
        emulator = Emulator(home, containers)
    except StoreError as error:
        sys.exit(f"Error: {error}")
    # The last run's port, so that kernels that are still running find it again.
    port = await emulator.start(daemon.last_port(home))
    daemon.record(home, port)
    logging.getLogger(__name__).info("local Azure answers on 127.0.0.1:%d", port)
    try:
        await stopped.wait()
    finally:
        home.process_file.unlink(missing_ok=True)
        await emulator.stop()


if __name__ == "__main__":
    serve(find_home())
