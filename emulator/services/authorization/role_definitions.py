"""Role definitions.

https://learn.microsoft.com/rest/api/authorization/role-definitions
"""

from __future__ import annotations

import re
from typing import Any

from emulator.arm.errors import ArmError
from emulator.arm.http import ArmRequest, ArmResponse
from emulator.arm.ids import name_of
from emulator.arm.resources import page
from emulator.arm.tags import invalid_filter
from emulator.services.authorization.paths import (
    DEFINITION,
    DEFINITION_TYPE,
    DEFINITIONS,
    SCOPES,
    SUBSCRIPTION_ID,
)
from emulator.services.authorization.roles import Role, by_id, roles

BUILT_IN = "BuiltInRole"
_BY_NAME = re.compile(r"roleName\s+eq\s+'(?P<name>(?:[^']|'')*)'", re.IGNORECASE)
_BY_TYPE = re.compile(r"type\s+eq\s+'(?P<type>\w+)'", re.IGNORECASE)
# Built-in roles are those of every scope.
_BY_SCOPE = re.compile(r"atScope(AndBelow)?\(\s*\)", re.IGNORECASE)


class RoleDefinitions:
    ROUTES = (
        *(("GET", scope + DEFINITIONS, "list") for scope in SCOPES),
        *(("GET", scope + DEFINITION, "get") for scope in ("", *SCOPES)),
    )

    async def list(self, request: ArmRequest) -> ArmResponse:
        found = list(roles())
        for condition in re.split(r"\s+and\s+", request.query.get("$filter", "").strip()):
            if match := _BY_NAME.fullmatch(condition):
                name = match["name"].replace("''", "'").lower()
                found = [role for role in found if role.name.lower() == name]
            elif match := _BY_TYPE.fullmatch(condition):
                found = found if match["type"].lower() == BUILT_IN.lower() else []
            elif condition and not _BY_SCOPE.fullmatch(condition):
                raise invalid_filter(condition, "the conditions are roleName, type and atScope()")
        return page(request, [shown(role) for role in found])

    async def get(self, request: ArmRequest) -> ArmResponse:
        return ArmResponse(shown(find(name_of(request.id))))


def find(role_id: str) -> Role:
    """The role of a GUID. Raises ArmError 404, in Azure's words:

    https://learn.microsoft.com/azure/role-based-access-control/troubleshooting
    """
    if role := by_id().get(role_id.lower()):
        return role
    raise ArmError(
        404,
        "RoleDefinitionDoesNotExist",
        f"The specified role definition with ID '{role_id[:200].replace('-', '')}' does not exist.",
    )


def definition_id(role: Role) -> str:
    return f"{SUBSCRIPTION_ID}{DEFINITIONS}/{role.id}"


def shown(role: Role) -> dict[str, Any]:
    return {
        "id": definition_id(role),
        "type": DEFINITION_TYPE,
        "name": role.id,
        "properties": {
            "roleName": role.name,
            "type": BUILT_IN,
            "description": role.description,
            "assignableScopes": ["/"],
            "permissions": list(role.permissions),
        },
    }
