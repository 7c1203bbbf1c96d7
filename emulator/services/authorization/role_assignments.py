"""Role assignments.

https://learn.microsoft.com/rest/api/authorization/role-assignments

One goes with its scope. One whose principal is gone stays, as on Azure, and is nobody's.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from typing import Any

from emulator.arm.errors import ArmError, bad_request, conflict
from emulator.arm.fields import Fields
from emulator.arm.http import ArmRequest, ArmResponse
from emulator.arm.ids import name_of, now
from emulator.arm.resources import page, require, shown
from emulator.arm.tags import invalid_filter
from emulator.defaults import TENANT
from emulator.services.authorization.paths import (
    ASSIGNMENT,
    ASSIGNMENT_TYPE,
    ASSIGNMENTS,
    SCOPES,
    SUBSCRIPTION_ID,
)
from emulator.services.authorization.principals import exists
from emulator.services.authorization.role_definitions import definition_id, find
from emulator.store import Resource, Store

PRINCIPAL_TYPES = ("User", "Group", "ServicePrincipal", "ForeignGroup", "Device")
# What cannot be changed of an assignment.
FIXED = ("roleDefinitionId", "principalId")
_OF_PRINCIPAL = re.compile(
    r"principalId\s+eq\s+'(?P<equal>[^']*)'|assignedTo\(\s*'(?P<to>[^']*)'\s*\)", re.IGNORECASE
)
_AT_SCOPE = re.compile(r"atScope\(\s*\)", re.IGNORECASE)
Test = Callable[[Resource], bool]


class RoleAssignments:
    ROUTES = (
        *(("GET", scope + ASSIGNMENTS, "list") for scope in SCOPES),
        *(
            (method, scope + ASSIGNMENT, handler)
            for scope in SCOPES
            for method, handler in (("GET", "get"), ("PUT", "create"), ("DELETE", "delete"))
        ),
    )

    def __init__(self, store: Store) -> None:
        self.store = store

    async def list(self, request: ArmRequest) -> ArmResponse:
        """Those at the scope, above and below it; with `atScope()` none below."""
        scope = request.id[: -len(ASSIGNMENTS)]
        self._check_scope(scope)
        test = _read_filter(request.query.get("$filter", ""), scope)
        found = [
            one
            for one in self.store.of_type(ASSIGNMENT_TYPE)
            if _meets(_scope_of(one), scope) and test(one)
        ]
        return page(request, [shown(one) for one in found])

    async def get(self, request: ArmRequest) -> ArmResponse:
        found = self.store.get(request.id)
        if found is None:
            name = name_of(request.id)
            raise ArmError(
                404, "RoleAssignmentNotFound", f"The role assignment '{name}' is not found."
            )
        return ArmResponse(shown(found))

    async def create(self, request: ArmRequest) -> ArmResponse:
        name, scope = name_of(request.id), _scope_in(request.id)
        if not _is_guid(name):
            raise bad_request(
                f"The role assignment ID '{name}' is not valid. The role assignment ID must be a "
                "GUID.",
                code="InvalidRoleAssignmentId",
            )
        self._check_scope(scope)
        properties = Fields(request.body).object("properties", required=True)
        role = find(name_of(properties.required_text("roleDefinitionId")))
        principal = properties.required_text("principalId")
        if not exists(self.store, principal):
            raise bad_request(
                f"Principal {principal.replace('-', '')} does not exist in the directory {TENANT}. "
                "Check that you have the correct principal ID.",
                code="PrincipalNotFound",
            )
        before, moment = self.store.get(request.id), now()
        who = str(request.claims.get("oid", ""))
        body: dict[str, Any] = {
            "roleDefinitionId": definition_id(role),
            "principalId": principal.lower(),
            "principalType": properties.choice(
                "principalType", PRINCIPAL_TYPES, "ServicePrincipal"
            ),
            "scope": scope,
            "condition": properties.text("condition"),
            "conditionVersion": properties.text("conditionVersion"),
            "description": properties.text("description"),
            "delegatedManagedIdentityResourceId": properties.text(
                "delegatedManagedIdentityResourceId"
            ),
            "createdOn": before.properties["createdOn"] if before else moment,
            "createdBy": before.properties["createdBy"] if before else who,
            "updatedOn": moment,
            "updatedBy": who,
        }
        self._check_other(before, body)
        made = Resource(before.id if before else request.id, ASSIGNMENT_TYPE, {"properties": body})
        self.store.put(made)
        return ArmResponse(shown(made), 200 if before else 201)

    async def delete(self, request: ArmRequest) -> ArmResponse:
        found = self.store.get(request.id)
        if found is None:
            return ArmResponse(None, 204)
        self.store.delete(found.id)
        return ArmResponse(shown(found))

    def _check_other(self, before: Resource | None, body: dict[str, Any]) -> None:
        """Raises ArmError 409 for what cannot change, and for what is assigned already.

        https://learn.microsoft.com/azure/role-based-access-control/troubleshooting#symptom---cannot-assign-the-same-role-to-the-same-principal-at-the-same-scope
        """
        if before:
            if any(before.properties[name] != body[name] for name in FIXED):
                raise conflict(
                    "Tenant ID, application ID, principal ID, and scope are not allowed to be "
                    "updated.",
                    code="RoleAssignmentUpdateNotPermitted",
                )
            return
        for other in self.store.of_type(ASSIGNMENT_TYPE, body["scope"]):
            same_scope = _scope_of(other).lower() == body["scope"].lower()
            if same_scope and all(other.properties[name] == body[name] for name in FIXED):
                raise conflict(
                    "The role assignment already exists. The ID of the existing role assignment is "
                    f"{other.name.replace('-', '')}.",
                    code="RoleAssignmentExists",
                )

    def _check_scope(self, scope: str) -> None:
        """Raises ArmError 404 when there is no such resource. What is below one of those that are
        kept here, such as a container of a storage account, is taken for there."""
        from_provider = scope.partition("/providers/")[2]
        if from_provider:
            first = "/".join(from_provider.split("/")[:3])
            require(self.store, f"{scope.partition('/providers/')[0]}/providers/{first}")
        elif scope.lower() != SUBSCRIPTION_ID:
            require(self.store, scope)


def _read_filter(text: str, scope: str) -> Test:
    """Raises ArmError 400 for what is no filter of assignments."""
    tests: list[Test] = []
    for part in re.split(r"\s+and\s+", text.strip()) if text.strip() else ():
        if match := _OF_PRINCIPAL.fullmatch(part):
            tests.append(_is_of((match["equal"] or match["to"] or "").lower()))
        elif _AT_SCOPE.fullmatch(part):
            tests.append(lambda one: _is_at_or_above(_scope_of(one), scope))
        else:
            raise invalid_filter(
                text, "it is made of atScope(), principalId eq '...' and assignedTo('...')"
            )
    return lambda one: all(test(one) for test in tests)


def _is_of(principal: str) -> Test:
    return lambda one: bool(one.properties["principalId"] == principal)


def _scope_in(assignment_id: str) -> str:
    return assignment_id.rpartition(ASSIGNMENTS)[0]


def _scope_of(assignment: Resource) -> str:
    return str(assignment.properties["scope"])


def _is_at_or_above(one: str, other: str) -> bool:
    return f"{other.lower()}/".startswith(f"{one.lower()}/")


def _meets(one: str, other: str) -> bool:
    return _is_at_or_above(one, other) or _is_at_or_above(other, one)


def _is_guid(text: str) -> bool:
    try:
        return str(uuid.UUID(text)) == text.lower()
    except ValueError:
        return False
