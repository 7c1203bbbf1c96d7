"""Process groups: what is started is ended with all that it started."""

from __future__ import annotations

import os
import signal
import sys
from contextlib import suppress
from pathlib import Path

# The start of a command line whose program must not outlive a process: see guard.py.
GUARD = (sys.executable, "-I", "-S", str(Path(__file__).with_name("guard.py")))


def signal_group(pid: int, *, kill: bool) -> None:
    """Ask the process and all that it started to end, or kill them. Those gone already are fine."""
    if sys.platform == "win32":
        import psutil

        with suppress(psutil.Error):
            leader = psutil.Process(pid)
            for process in (*leader.children(recursive=True), leader):
                with suppress(psutil.Error):
                    process.kill()
    else:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL if kill else signal.SIGTERM)
