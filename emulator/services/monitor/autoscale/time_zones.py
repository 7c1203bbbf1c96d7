"""Time zones by the names that Windows has for them, as Azure takes them in schedules.

https://learn.microsoft.com/windows-hardware/manufacture/desktop/default-time-zones
"""

from __future__ import annotations

from functools import lru_cache
from zoneinfo import ZoneInfo

# What Azure lists and Unicode's table has no more.
_OLDER = {
    "mid-atlantic standard time": "Etc/GMT+2",
    "kamchatka standard time": "Asia/Kamchatka",
}


@lru_cache
def find_time_zone(name: str) -> ZoneInfo | None:
    """The time zone that Windows calls so, without regard to case; None for no such name."""
    from babel.core import get_global  # at the first schedule, not at each start of local Azure

    # https://cldr.unicode.org/translation/displaynames/timezones
    known = {windows.lower(): iana for windows, iana in get_global("windows_zone_mapping").items()}
    found = (_OLDER | known).get(name.lower())
    return ZoneInfo(found) if found else None
