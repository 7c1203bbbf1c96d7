"""Session affinity: a cookie by which a client comes back to the replica that it had.

A client whose replica has gone gets another one, and a new cookie.

https://learn.microsoft.com/azure/container-apps/sticky-sessions
"""

from __future__ import annotations

from collections.abc import Sequence

from emulator.data_plane.backend import Backend
from emulator.data_plane.http import Fields

COOKIE = "acaAffinity"


def session_of(headers: Fields) -> str:
    """The session that a request's cookies name, "" when they name none."""
    for name, value in headers:
        if name == b"cookie":
            for part in value.decode("latin-1").split(";"):
                key, _, session = part.strip().partition("=")
                if key == COOKIE:
                    return session.strip('"')
    return ""


def of_session(backends: Sequence[Backend], session: str) -> Backend | None:
    """The backend that has the session; None when it has gone, or there is no session."""
    return next((one for one in backends if session and one.session == session), None)


def cookie(session: str, *, is_secure: bool) -> bytes:
    """The value of Set-Cookie. With https the cookie is for pages of other sites as well."""
    further = "; Secure; SameSite=None" if is_secure else ""
    return f'{COOKIE}="{session}"; Path=/; HttpOnly{further}'.encode("latin-1")
