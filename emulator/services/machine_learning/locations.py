"""The region of a workspace and of what is in it."""

from __future__ import annotations

from emulator.arm.errors import conflict
from emulator.arm.fields import Fields
from emulator.arm.locations import check_location
from emulator.store import Resource


def location_in(body: Fields, present: Resource) -> str:
    """The region that `present` has: what stays where it is, or what something is in.

    Raises ArmError 400 for an unknown region, 409 for another one.
    https://learn.microsoft.com/azure/azure-resource-manager/troubleshooting/error-invalid-resource-location
    """
    there = str(present.body["location"])
    if body.has("location") and check_location(body.text("location")) != there:
        raise conflict(
            f"The location '{body.text('location')}' is not that of '{present.name}', which is "
            f"'{there}'.",
            code="InvalidResourceLocation",
            target="location",
        )
    return there
