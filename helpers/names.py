"""Names of a learner's resources: unique to the learner, the same in every lesson."""

from __future__ import annotations

import getpass
import hashlib
import os
import re

SUFFIX = re.compile(r"[a-z0-9]{3,12}")


def suffix() -> str:
    """Return the end of this learner's resource names: six characters from a to f and 0 to 9.

    They are worked out from the subscription and the user's name, so that every lesson finds what
    an earlier one made. Set COURSE_SUFFIX to choose them (3 to 12 small letters or digits).
    Raises ValueError when COURSE_SUFFIX is anything else.
    """
    chosen = os.environ.get("COURSE_SUFFIX")
    if chosen is None:
        whose = f"{os.environ['AZURE_SUBSCRIPTION_ID']}/{_user()}"
        return hashlib.sha256(whose.encode()).hexdigest()[:6]
    if not SUFFIX.fullmatch(chosen):
        raise ValueError(f"COURSE_SUFFIX is {chosen!r}; use 3 to 12 small letters or digits.")
    return chosen


def masked(secret: str) -> str:
    """Return a key or token so that it can be shown: its first four characters and its length."""
    return f"{secret[:4]}... ({len(secret)} characters)"


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container may run as a user that nobody named
        return "learner"
