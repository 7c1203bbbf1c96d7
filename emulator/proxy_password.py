"""The password without which the front door lets nobody in: one per state folder, kept in a file.

Clients have it in the proxy's URL, where every HTTP client of today looks for it.
"""

from __future__ import annotations

import re
import secrets
from pathlib import Path

from emulator.state_file import StateError, write_private

USER = "local"  # any: a proxy's URL needs one


def make_password(path: Path) -> str:
    """The password kept at `path`; a new one where there is none, or none that can be used."""
    try:
        return read_password(path)
    except (FileNotFoundError, StateError):
        # Letters and digits: nothing that would have to be quoted in a URL.
        password = secrets.token_hex(24)
        write_private(path, password.encode())
        return password


def read_password(path: Path) -> str:
    """The password kept at `path`. Raises StateError when it is damaged, OSError."""
    found = path.read_bytes()
    if not re.fullmatch(rb"[0-9a-f]{48}", found):
        raise StateError(f"{path} is damaged. Stop local Azure and start it: that makes it anew.")
    return found.decode()


def proxy_url(port: int, password: str) -> str:
    return f"http://{USER}:{password}@127.0.0.1:{port}"
