"""Regions: one rule for every resource that has a location."""

from __future__ import annotations

from emulator.arm.errors import bad_request
from emulator.arm.fields import shown
from emulator.arm.regions import REGIONS, short


def check_location(
    location: object, resource_type: str = "", code: str = "LocationNotAvailableForResourceType"
) -> str:
    """The region in its short form. Raises ArmError 400 when it is missing or unknown."""
    if not location:
        raise bad_request(
            "The location property is required for this definition.",
            code="LocationRequired",
            target="location",
        )
    name = short(location) if isinstance(location, str) else ""
    if name not in REGIONS:
        what = f" for resource type '{resource_type}'" if resource_type else ""
        raise bad_request(
            f"The provided location {shown(location)} is not available{what}. "
            f"List of available regions is '{','.join(REGIONS)}'.",
            code=code,
            target="location",
        )
    return name
