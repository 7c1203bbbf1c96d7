"""Settings that are numbers, from the environment."""

from __future__ import annotations

import math
import os


class SettingError(Exception):
    """A variable of the environment holds what it may not; the message names it."""


def seconds(name: str, default: float, *, least: float = 0.0) -> float:
    """How many seconds the variable says, `default` where it is not set. Raises SettingError."""
    text = os.environ.get(name, "").strip()
    if not text:
        return default
    try:
        found = float(text)
    except ValueError:
        found = math.nan
    if not least <= found < math.inf:
        raise SettingError(
            f"{name} must be a number of seconds, {least:g} or more, not '{text}'. "
            "Change it or unset it."
        )
    return found
