"""Which processes run, on disk, so that the next run can end what a crash left behind.

On Linux the kernel ends them with the emulator (`launcher.die_with`); this is for the others.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from emulator.processes.groups import signal_group

SAME = 1.0  # seconds by which two readings of one process's start may differ


class Records:
    """One small file for each process: its id, when it started and its folder.

    `variable` is the environment variable that names the folder to the process and to all that
    it starts.
    """

    def __init__(self, folder: Path, variable: str = "AML_APP_ROOT") -> None:
        self.folder = folder
        self.variable = variable

    def _file(self, name: str) -> Path:
        return self.folder / f"{name}.process.json"

    def add(self, name: str, pid: int, app_root: Path) -> None:
        import psutil

        try:
            created = psutil.Process(pid).create_time()
        except psutil.Error:
            return  # ended already
        body = {"pid": pid, "created": created, "app_root": str(app_root)}
        temporary = self._file(name).with_suffix(".new")
        temporary.write_text(json.dumps(body))
        temporary.replace(self._file(name))

    def remove(self, name: str) -> None:
        self._file(name).unlink(missing_ok=True)

    def kill_leftovers(self) -> None:
        for file in self.folder.glob("*.process.json"):
            try:
                record = json.loads(file.read_text())
            except (OSError, ValueError):
                record = None
            if record and self._still_runs(record):
                signal_group(record["pid"], kill=True)
            file.unlink(missing_ok=True)

    def _still_runs(self, record: dict[str, Any]) -> bool:
        """Whether the process id still is that process, or the group that it led lives on."""
        import psutil

        try:
            created = psutil.Process(record["pid"]).create_time()
            return abs(float(created) - float(record["created"])) < SAME
        except psutil.Error:
            return os.name == "posix" and any(
                self._is_member(process, record) for process in psutil.process_iter()
            )

    def _is_member(self, process: Any, record: dict[str, Any]) -> bool:
        import psutil

        try:
            if os.getpgid(process.pid) != record["pid"]:
                return False
            return bool(process.environ().get(self.variable) == record["app_root"])
        except (OSError, psutil.Error):
            return False
