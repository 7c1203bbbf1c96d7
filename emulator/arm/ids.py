"""Resource ids, GUIDs and times, each made in one place.

https://learn.microsoft.com/rest/api/resources/resources
"""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any

_NAMESPACE = uuid.UUID("00000000-0000-4000-8000-0000000000ff")


def new_guid() -> str:
    return str(uuid.uuid4())


def stable_guid(text: str) -> str:
    """The same GUID for the same text, e.g. the principal id of a resource's own identity."""
    return str(uuid.uuid5(_NAMESPACE, text.lower()))


def now() -> str:
    """The present in UTC, ISO 8601 with microseconds and a Z, as ARM writes times."""
    return datetime.now(UTC).isoformat().replace("+00:00", "Z")


def name_of(resource_id: str) -> str:
    return resource_id.rstrip("/").rsplit("/", 1)[-1]


def parent_of(resource_id: str, levels: int = 1) -> str:
    """The id `levels` resources up: each level is a type segment and a name."""
    return "/".join(resource_id.rstrip("/").split("/")[: -2 * levels])


def subscription_of(resource_id: str) -> str:
    return _segment(resource_id, "subscriptions")


def resource_group_of(resource_id: str) -> str:
    return _segment(resource_id, "resourcegroups")


def _segment(resource_id: str, label: str) -> str:
    parts = resource_id.strip("/").split("/")
    for key, value in zip(parts[::2], parts[1::2], strict=False):
        if key.lower() == label:
            return value
    return ""


def system_data(claims: dict[str, Any], before: dict[str, Any] | None = None) -> dict[str, Any]:
    """`systemData`: who created and last changed a resource, and when.

    https://learn.microsoft.com/azure/azure-resource-manager/management/tag-resources
    """
    who, moment = str(claims.get("appid", "local")), now()
    created = before or {
        "createdAt": moment,
        "createdBy": who,
        "createdByType": "Application",
    }
    return {
        **created,
        "lastModifiedAt": moment,
        "lastModifiedBy": who,
        "lastModifiedByType": "Application",
    }
