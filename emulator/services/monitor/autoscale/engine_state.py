"""What the engine remembers of a setting: in what is private of it, so that a crash loses nothing.

Times are in seconds since 1970.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from emulator.store import Resource

_KEY = "engine"


@dataclass
class EngineState:
    """`watched_since` is when the metrics of the rules began to be looked at. `acted` is when the
    last scale action began, and `cooldown` how long, in Azure's seconds, nothing follows it.

    `operation` is the scale action under way, "" for none: from `old` to `new` instances. `failed`
    is when the last one failed, 0 if it has not. `lacks_metrics` and `flaps` are what was last
    written to the activity log of that, so that it is written once.
    """

    watched_since: float
    acted: float = 0.0
    cooldown: float = 0.0
    operation: str = ""
    old: int = 0
    new: int = 0
    failed: float = 0.0
    lacks_metrics: bool = False
    flaps: bool = False

    @classmethod
    def of(cls, setting: Resource) -> EngineState:
        kept: dict[str, Any] = setting.private[_KEY]
        return cls(**kept)

    def keep(self, setting: Resource) -> None:
        """Put it into what is private of the setting, which is to be stored."""
        setting.private[_KEY] = asdict(self)
