"""Role definitions.

https://learn.microsoft.com/rest/api/authorization/role-definitions
"""

from __future__ import annotations

import re
from typing import Any

from emulator.arm.errors import not_emulated
from emulator.arm.http import ArmRequest, ArmResponse
from emulator.arm.ids import name_of
from emulator.arm.resources import page
from emulator.services.authorization.paths import (
    DEFINITION,
    DEFINITION_TYPE,
    DEFINITIONS,
    SCOPES,
    SUBSCRIPTION_ID,
)
from emulator.services.authorization.roles import BY_ID, BY_NAME, ROLES, Role

_BY_NAME = re.compile(r"roleName\s+eq\s+'((?:[^']|'')*)'", re.IGNORECASE)
_BY_TYPE = re.compile(r"type\s+eq\s+'(\w+)'", re.IGNORECASE)


class RoleDefinitions:
    ROUTES = (
        *(("GET", scope + DEFINITIONS, "list") for scope in SCOPES),
        *(("GET", scope + DEFINITION, "get") for scope in ("", *SCOPES)),
    )

    async def list(self, request: ArmRequest) -> ArmResponse:
        """By name, or by a type of which there is none; all of them local Azure does not have."""
        text = request.query.get("$filter", "").strip()
        if match := _BY_NAME.fullmatch(text):
            return page(request, [shown(named(match[1].replace("''", "'")))])
        if (match := _BY_TYPE.fullmatch(text)) and match[1].lower() == "customrole":
            return page(request, [])
        raise not_emulated(
            "the list of all built-in roles. Ask for one by its name, with the $filter roleName eq "
            f"'...': there are {', '.join(role.name for role in ROLES)}"
        )

    async def get(self, request: ArmRequest) -> ArmResponse:
        return ArmResponse(shown(find(name_of(request.id))))


def named(name: str) -> Role:
    """Raises ArmError 501 for one that is not among those of here."""
    if role := BY_NAME.get(name.lower()):
        return role
    raise not_emulated(f"the role '{name[:200]}'")


def find(role_id: str) -> Role:
    """The role of a GUID. Raises ArmError 501 for one that is not among those of here."""
    if role := BY_ID.get(role_id.lower()):
        return role
    raise not_emulated(f"the role definition {role_id[:200]}")


def definition_id(role: Role) -> str:
    return f"{SUBSCRIPTION_ID}{DEFINITIONS}/{role.id}"


def shown(role: Role) -> dict[str, Any]:
    permission = {
        "actions": list(role.actions),
        "notActions": list(role.not_actions),
        "dataActions": list(role.data_actions),
        "notDataActions": [],
    }
    return {
        "id": definition_id(role),
        "type": DEFINITION_TYPE,
        "name": role.id,
        "properties": {
            "roleName": role.name,
            "type": "BuiltInRole",
            "description": role.description,
            "assignableScopes": ["/"],
            "permissions": [permission],
        },
    }
