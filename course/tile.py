"""The portal as a tile and a panel in JupyterLab, through jupyter-server-proxy.

https://jupyter-server-proxy.readthedocs.io/en/latest/server-process.html

Jupyter has let in whoever comes through it, and says so with a secret in a header of each request;
so that this works on Binder and JupyterHub, where the browser is on another machine.
"""

from __future__ import annotations

import os
import secrets
import sys
from pathlib import Path
from typing import Any

from course.places import LOCAL, TITLES

PLACE = "COURSE_PLACE"  # the kernel for which `course lab` was started
START_TIMEOUT = 30  # seconds; local Azure may have to be started, too
ICON = Path(__file__).parent.parent / "portal" / "static" / "icon.svg"


def server() -> dict[str, Any]:
    """Return what jupyter-server-proxy needs to know; it calls this once, at its own start."""
    place = os.environ.get(PLACE, LOCAL)
    secret = secrets.token_urlsafe(32)
    return {
        "command": [
            *(sys.executable, "-m", "course", "portal"),
            *("--kernel", place, "--behind-jupyter", "{port}"),
        ],
        "environment": {"PORTAL_PROXY_SECRET": secret},
        "request_headers_override": {"X-Portal-Secret": secret},
        "timeout": START_TIMEOUT,
        "absolute_url": False,
        "new_browser_tab": False,  # a panel beside the lesson
        "launcher_entry": {
            "title": f"Portal, {TITLES[place]}",
            "icon_path": str(ICON),
            "category": "Notebook",
        },
    }
