"""Regions: one rule for every resource that has a location, and it does not move."""

from __future__ import annotations

from emulator.arm.errors import bad_request, conflict
from emulator.arm.fields import shown
from emulator.arm.ids import resource_group_of
from emulator.arm.regions import REGIONS, short
from emulator.store import Resource


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


def check_place(
    location: object, before: Resource | None, resource_type: str = "", *, required: bool = True
) -> str:
    """The region of a resource that is put where `before` may be: it does not move.

    Raises ArmError 400 as `check_location`, 409 InvalidResourceLocation. Without `required` one
    that is there already need not say where it is.

    https://learn.microsoft.com/azure/azure-resource-manager/troubleshooting/error-invalid-resource-location
    """
    present = str(before.body["location"]) if before else ""
    if before and not required and not location:
        return present
    name = check_location(location, resource_type)
    if before and name != present:
        group = resource_group_of(before.id)
        raise conflict(
            f"The resource '{before.name}' already exists in location '{present}' in resource "
            f"group '{group}'. A resource with the same name cannot be created in location "
            f"'{name}'. Please select a new resource name.",
            code="InvalidResourceLocation",
            target="location",
        )
    return name
