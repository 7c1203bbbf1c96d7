"""How fast time goes for autoscale: an Azure minute is shorter here.

Time grains, time windows and cooldowns are of minutes to hours, too long to sit and watch. Here an
Azure minute takes as many seconds as the variable AZURE_LOCAL_AUTOSCALE_MINUTE says, five of them
if it says nothing; 60 is Azure's own pace. What a clock or a calendar says (profiles with a
schedule, times in the activity log) is not changed by it.
"""

from __future__ import annotations

from dataclasses import dataclass

DEFAULT_MINUTE = 5.0  # seconds
LEAST_MINUTE = 0.25  # seconds
AZURE_MINUTE = 60.0  # seconds
# Minutes are counted from here, 2026-01-01, in seconds since 1970.
_BEGINNING = 1_767_225_600.0


@dataclass(frozen=True)
class AutoscalePace:
    """`minute` is how many seconds an Azure minute takes here."""

    minute: float = DEFAULT_MINUTE

    @property
    def speed(self) -> float:
        """How many Azure seconds pass in one second."""
        return AZURE_MINUTE / self.minute

    def here(self, azure_seconds: float) -> float:
        """The seconds that so many Azure seconds take here."""
        return azure_seconds / self.speed

    def minute_at(self, now: float) -> int:
        """The number of the Azure minute at a time, which is in seconds since 1970."""
        return int((now - _BEGINNING) // self.minute)

    def until_next_half(self, now: float) -> float:
        """Seconds until the next minute begins, or is half over."""
        half = self.minute / 2
        return half - (now - _BEGINNING) % half
