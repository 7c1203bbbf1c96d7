"""The emulator's own process: from start to the signal that ends it. `up` starts this module.

Whoever starts it reads its standard output: nothing while all goes well, else one line with the
reason why it does not start. All else goes to the log, which is its standard error.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sqlite3
import sys
from collections.abc import Callable
from contextlib import suppress

from emulator.containers.choice import choose_runtime
from emulator.containers.runtime import ContainerRuntimeError
from emulator.holder import hold, last_port, record
from emulator.home import Home, find_home
from emulator.portal_port import PortalPort
from emulator.processes.logs import trim
from emulator.settings import SettingError
from emulator.state_file import StateError, explain, explain_database
from emulator.store import StoreError

LOG_PERIOD = 10.0  # seconds between two looks at how long the log is
_log = logging.getLogger(__name__)


def serve(home: Home, answers: Callable[[], None]) -> None:
    """Run local Azure until SIGTERM or Ctrl-C; `answers` is called once it does.

    Raises StateError when it cannot start.
    """
    factory = None
    if sys.platform != "win32":  # uvloop exists for the others, and is faster
        import uvloop

        factory = uvloop.new_event_loop
    try:
        home.create()
        with hold(home), asyncio.Runner(loop_factory=factory) as runner:
            runner.run(_run(home, answers))
    except OSError as error:
        raise explain(error, home.root) from error
    except sqlite3.Error as error:
        raise explain_database(error, home.database) from error
    except (StoreError, ContainerRuntimeError, SettingError) as error:
        raise StateError(str(error)) from error


async def _run(home: Home, answers: Callable[[], None]) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        with suppress(NotImplementedError):  # Windows ends the process instead
            loop.add_signal_handler(number, stopped.set)
    # Imported here, where what is wrong with a setting can be told.
    from emulator.app import Emulator

    containers = await choose_runtime(home.containers / "runtime", os.environ)
    _log.info("containers are run by %s", containers.description)
    emulator = Emulator(home, containers)
    # The last run's port, so that kernels that are still running find it again.
    port = await emulator.start(last_port(home))
    portal = PortalPort(home)
    portal.start(port)
    record(home, port)
    _log.info("local Azure answers on 127.0.0.1:%d", port)
    answers()
    trimming = asyncio.create_task(_trim_log(home))
    try:
        await stopped.wait()
    finally:
        trimming.cancel()
        with suppress(OSError):
            record(home, 0)
        await portal.stop()
        await emulator.stop()


async def _trim_log(home: Home) -> None:
    while True:
        with suppress(OSError):
            await asyncio.to_thread(trim, home.log)
        await asyncio.sleep(LOG_PERIOD)


def main() -> None:
    os.umask(0o077)  # what is written here are keys, secrets and models
    # Kept apart at once, so that no library's remark and no child's is taken for the reason.
    reason = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    try:
        serve(find_home(), answers=reason.close)
    except StateError as error:
        # Where it failed is of use if it served before; else the line says all that is to be done.
        _log.error("%s", error, exc_info=error.__cause__ if reason.closed else None)
        if not reason.closed:
            with suppress(OSError), reason:  # nobody may be reading
                print(error, file=reason)
        sys.exit(1)


if __name__ == "__main__":
    main()
