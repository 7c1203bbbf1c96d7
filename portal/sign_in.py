"""One-time links, and the sessions that they begin.

A session is for one thing: "" is the portal itself, else it is an address to which the portal
passes requests on (passing.py). A link holds a random code; the code's hash is the name of a file
in a folder that only its user can enter. Signing in deletes the file, so that each link works once.
Sessions are files too: they outlive the portal's process.
"""

from __future__ import annotations

import hashlib
import secrets
import time
from contextlib import suppress
from pathlib import Path

LINK_AGE = 24 * 3600.0  # seconds
SESSION_AGE = 30 * 24 * 3600.0  # seconds


def new_code(folder: Path, purpose: str = "") -> str:
    """Return the code for a new one-time link. Raises OSError."""
    return _create(folder / "links", purpose)


class SignIn:
    def __init__(self, folder: Path) -> None:
        self.links = folder / "links"
        self.sessions = folder / "sessions"
        for kind, age in ((self.links, LINK_AGE), (self.sessions, SESSION_AGE)):
            kind.mkdir(parents=True, exist_ok=True, mode=0o700)
            _forget(kind, age)

    def redeem(self, code: str, purpose: str = "") -> str | None:
        """Return a new session's token for the code of a link that was not used yet, else None."""
        file = self.links / _name(code, purpose)
        try:
            fresh = time.time() - file.stat().st_mtime < LINK_AGE
            file.unlink()
        except FileNotFoundError:
            return None
        return _create(self.sessions, purpose) if fresh else None

    def knows(self, session: str, purpose: str = "") -> bool:
        """Return whether this is the token of a session for this."""
        return (self.sessions / _name(session, purpose)).exists()


def _create(folder: Path, purpose: str) -> str:
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    secret = secrets.token_urlsafe(32)
    (folder / _name(secret, purpose)).touch(mode=0o600)
    return secret


def _name(secret: str, purpose: str) -> str:
    # What a secret is for is part of its name, so that it opens nothing else.
    return hashlib.sha256(f"{secret}\n{purpose}".encode()).hexdigest()


def _forget(folder: Path, age: float) -> None:
    for file in folder.iterdir():
        with suppress(FileNotFoundError):  # used this moment
            if time.time() - file.stat().st_mtime > age:
                file.unlink()
