"""Where a resource is."""

from __future__ import annotations

from emulator.arm.ids import parent_of
from emulator.store import Resource, Store


def location_of(store: Store, resource: Resource) -> str:
    """Where it is: where the resource above it is, if it does not say so itself."""
    here: Resource | None = resource
    while here and not here.body.get("location"):
        here = store.get(parent_of(here.id))
    return str(here.body["location"]) if here else ""
