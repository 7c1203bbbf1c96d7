"""What every service does with resources: find one, show one, answer a page of a list.

https://learn.microsoft.com/rest/api/resources/resources
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote, urlencode

from emulator.arm.errors import ArmError, not_found
from emulator.arm.fields import shown as shorten
from emulator.arm.http import MANAGEMENT, ArmRequest, ArmResponse
from emulator.store import Resource, Store


def require(store: Store, resource_id: str) -> Resource:
    """The resource of an id. Raises ArmError 404."""
    found = store.get(resource_id)
    if found is None:
        raise not_found(resource_id)
    return found


def shown(resource: Resource) -> dict[str, Any]:
    """A resource as its owner sees it: id, name and type, then its body."""
    return {"id": resource.id, "name": resource.name, "type": resource.type, **resource.body}


def created(request: ArmRequest, resource: Resource, *, new: bool) -> ArmResponse:
    """The answer to a PUT that is done at once: 201 with a Location the first time, then 200."""
    if not new:
        return ArmResponse(shown(resource), 200)
    location = f"{MANAGEMENT}{quote(resource.id)}?api-version={request.query['api-version']}"
    return ArmResponse(shown(resource), 201, {"Location": location})


def page(request: ArmRequest, items: list[dict[str, Any]], *, size: int = 100) -> ArmResponse:
    """One page of a list: `$top` at most, `nextLink` with a `$skip` while there is more.

    https://github.com/microsoft/api-guidelines/blob/vNext/azure/Guidelines.md#collections
    """
    skip, top = _number(request, "$skip", 0), _number(request, "$top", size)
    body: dict[str, Any] = {"value": items[skip : skip + min(top, size)]}
    # A client that asked for $top wants no more than that, so there is no next page to offer.
    if "$top" not in request.query and skip + size < len(items):
        query = {**request.query, "$skip": str(skip + size)}
        body["nextLink"] = f"{MANAGEMENT}{quote(request.id)}?{urlencode(query)}"
    return ArmResponse(body)


def _number(request: ArmRequest, name: str, default: int) -> int:
    text = request.query.get(name, str(default))
    if not re.fullmatch(r"\d{1,9}", text, re.ASCII):
        raise ArmError(
            400, "InvalidQueryParameter", f"{name} must be a number, not {shorten(text)}."
        )
    return int(text)
