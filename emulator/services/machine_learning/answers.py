"""How this provider reads a request and what its resources look like in an answer."""

from __future__ import annotations

from typing import Any

from emulator.arm.http import MANAGEMENT, ArmRequest, ArmResponse
from emulator.services.machine_learning.errors import user_error
from emulator.store import Resource


def section(values: dict[str, Any], name: str) -> dict[str, Any]:
    """The object under a name, {} when it is left out. Raises ArmError 400 for anything else."""
    found = values.get(name)
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise user_error(400, f"{name} must be an object, not {found!r}.")
    return found


def shown(resource: Resource) -> dict[str, Any]:
    return {"id": resource.id, "name": resource.name, "type": resource.type, **resource.body}


def created(request: ArmRequest, resource: Resource, *, new: bool) -> ArmResponse:
    """The answer to a PUT that is done at once: 201 with a Location the first time, then 200."""
    if not new:
        return ArmResponse(shown(resource), 200)
    location = f"{MANAGEMENT}{resource.id}?api-version={request.query['api-version']}"
    return ArmResponse(shown(resource), 201, {"Location": location})


def created_at(resource: Resource) -> str:
    return str(resource.body["systemData"]["createdAt"])
