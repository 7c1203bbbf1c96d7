"""The environment variables that a process of a deployment or a container starts with."""

from __future__ import annotations

import os
import sys
from pathlib import Path

# What a deployment's process inherits. Nothing of Azure's and no proxy: local Azure's own must
# not leak into it, and a container of Azure's has neither.
INHERITED = (
    *("HOME", "LANG", "LC_ALL", "LC_CTYPE", "TMPDIR", "TZ", "USER", "LOGNAME"),
    *("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"),  # some builds of Python need it to start at all
    *("SYSTEMROOT", "SYSTEMDRIVE", "COMSPEC", "PATHEXT", "TEMP", "TMP", "USERPROFILE"),
    *("APPDATA", "LOCALAPPDATA", "NUMBER_OF_PROCESSORS"),
)


def clean_environment(python: Path) -> dict[str, str]:
    """The variables that every process of this interpreter starts with."""
    variables = {name: os.environ[name] for name in INHERITED if name in os.environ}
    path = [str(python.parent), *os.environ.get("PATH", os.defpath).split(os.pathsep)]
    if sys.prefix != sys.base_prefix:  # what this Python's environment has is for it alone
        ours = os.path.dirname(sys.executable)
        path = [each for each in path if each != ours or each == str(python.parent)]
    return variables | {
        "PATH": os.pathsep.join(dict.fromkeys(path)),
        "PYTHONUNBUFFERED": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONNOUSERSITE": "1",
    }
