"""Azure's built-in roles, which are the same everywhere.

https://learn.microsoft.com/azure/role-based-access-control/built-in-roles

They are those of roles.json, which says where and when they were read. It has a description of the
roles alone that the pages for the services of the course assign.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

CATALOGUE = Path(__file__).with_name("roles.json")
PERMISSION = ("actions", "notActions", "dataActions", "notDataActions")


@dataclass(frozen=True)
class Role:
    """`permissions` are as Resource Manager shows them."""

    id: str
    name: str
    description: str
    permissions: tuple[dict[str, Any], ...]


@cache
def roles() -> tuple[Role, ...]:
    """All of them, by name."""
    return tuple(
        Role(
            one["id"],
            one["name"],
            one.get("description", ""),
            tuple(
                {**{kind: [] for kind in PERMISSION}, **permission}
                for permission in one["permissions"]
            ),
        )
        for one in json.loads(CATALOGUE.read_text())["roles"]
    )


@cache
def by_id() -> dict[str, Role]:
    return {role.id: role for role in roles()}
