"""ISO 8601 durations, as request settings and probes carry them."""

from __future__ import annotations

import isodate

from emulator.arm.errors import bad_request


def seconds(text: object, field: str) -> float:
    """`PT5S` is 5.0. Raises ArmError 400 naming the field when it is not a duration."""
    try:
        duration = isodate.parse_duration(str(text), as_timedelta_if_possible=True)
        return float(duration.total_seconds())
    except (isodate.ISO8601Error, AttributeError):
        raise bad_request(
            f"{field} must be an ISO 8601 duration such as PT5S, not '{text}'.", target=field
        ) from None
