"""A kernel's connection to local Azure, looked after before each cell.

Local Azure may be stopped, reset or started at another port while a notebook is open. What was made
in the notebook before goes on: HTTP clients read the proxy and its password from the environment
at each request. Only after a reset a credential that was made before is refused, as it should be:
what it was for is gone.
"""

from __future__ import annotations

from collections.abc import MutableMapping

from course.places import start_local
from emulator import daemon
from emulator.home import find_home
from emulator.state_file import StateError

SECRET = "AZURE_CLIENT_SECRET"  # a new one means that local Azure was reset

RESET = """\
Local Azure was reset: all that was in it is gone, and this notebook's connections with it. \
Run the lesson's cells again, from the first one."""
STARTED = """\
Local Azure had stopped. It is started again, with all that was in it; deployments and apps take \
some seconds to answer again."""
MOVED = "Local Azure has another port now, and this notebook has followed it."


class LocalConnection:
    """What `environment` knows of local Azure, and which emulator that was."""

    def __init__(self, environment: MutableMapping[str, str]) -> None:
        self.environment = environment
        # What the emulator's process is to have: its own settings are none of its business.
        self._before = dict(environment)
        self._emulator: tuple[int, int] | None = None  # process, port
        self._settings: dict[str, str] = {}

    def ensure(self) -> str:
        """See that local Azure runs, and that the environment has its settings.

        Returns what to tell the learner, "" when nothing has changed. That takes a fraction of a
        millisecond. Raises PlaceError when local Azure does not start.
        """
        if not self.is_lost():
            return ""
        now, settings = start_local(self._before)
        was_here, had = self._emulator, self._settings
        self._emulator, self._settings = (now.pid, now.port), settings
        # What the learner has set to something else stays, unless it is new.
        self.environment.update(
            {name: value for name, value in settings.items() if had.get(name) != value}
        )
        if was_here is None:
            return ""
        if had[SECRET] != settings[SECRET]:
            return RESET
        if now.started_by_us:
            return STARTED
        return MOVED if was_here[1] != now.port else ""

    def is_lost(self) -> bool:
        """Return whether the emulator of the last look is gone, or another one has its folder."""
        try:
            found = daemon.running(find_home())
        except (daemon.EmulatorError, StateError):
            return True  # whoever starts it is told why
        return found is None or (found.pid, found.port) != self._emulator
