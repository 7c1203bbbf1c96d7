"""User-assigned managed identities in Resource Manager.

https://learn.microsoft.com/rest/api/managedidentity/user-assigned-identities

One may be deleted while resources name it, as on Azure: they get no token of it from then on.
"""

from __future__ import annotations

import re

from emulator.arm.changes import Changes
from emulator.arm.errors import bad_request
from emulator.arm.fields import Fields
from emulator.arm.http import ArmRequest, ArmResponse
from emulator.arm.ids import new_guid
from emulator.arm.lifecycle import AT_ONCE, Lifecycle
from emulator.arm.locations import check_place
from emulator.arm.managed_identity import USER_ASSIGNED_TYPE
from emulator.arm.resources import page, require, shown
from emulator.arm.tags import read_tags
from emulator.defaults import TENANT
from emulator.store import Resource, Store

_SUBSCRIPTION = "/subscriptions/{subscriptionId}"
_IDENTITIES = _SUBSCRIPTION + "/resourceGroups/{resourceGroupName}/providers/" + USER_ASSIGNED_TYPE
_IDENTITY = _IDENTITIES + "/{resourceName}"
# https://learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules#microsoftmanagedidentity
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{2,127}")


class UserAssignedIdentities:
    ROUTES = (
        ("GET", _SUBSCRIPTION + "/providers/" + USER_ASSIGNED_TYPE, "list"),
        ("GET", _IDENTITIES, "list"),
        ("PUT", _IDENTITY, "create_or_update"),
        ("PATCH", _IDENTITY, "update"),
        ("GET", _IDENTITY, "get"),
        ("DELETE", _IDENTITY, "delete"),
    )

    def __init__(self, store: Store, changes: Changes) -> None:
        self.store = store
        self.changes = changes
        # Azure shows no provisioning state of them.
        changes.register(Lifecycle(USER_ASSIGNED_TYPE, moves=AT_ONCE, show=lambda _: None))

    async def list(self, request: ArmRequest) -> ArmResponse:
        scope = request.id.partition("/providers/")[0]
        return page(request, [shown(one) for one in self.store.of_type(USER_ASSIGNED_TYPE, scope)])

    async def create_or_update(self, request: ArmRequest) -> ArmResponse:
        """Answered when it is done, with 201 and then 200."""
        body, name = Fields(request.body), request.params["resourceName"]
        if not _NAME.fullmatch(name):
            raise bad_request(
                f"The name '{name}' of a user-assigned identity is invalid: 3 to 128 letters, "
                "digits, '-' and '_', beginning with a letter or a digit.",
                code="InvalidResourceName",
            )
        _check(body)
        before = self.store.get(request.id)
        location = check_place(body.raw("location"), before, USER_ASSIGNED_TYPE)
        properties = before.properties if before else _new_principal()
        identity = Resource(
            before.id if before else request.id,
            USER_ASSIGNED_TYPE,
            {"location": location, "tags": read_tags(body), "properties": properties},
        )
        self.changes.apply("put", identity, before)
        return ArmResponse(shown(identity), 200 if before else 201)

    async def update(self, request: ArmRequest) -> ArmResponse:
        """PATCH: tags."""
        identity, body = require(self.store, request.id), Fields(request.body)
        _check(body)
        if body.has("location"):
            check_place(body.raw("location"), identity, USER_ASSIGNED_TYPE)
        if body.is_named("tags"):
            identity.body["tags"] = read_tags(body)
        self.changes.apply("put", identity, identity)
        return ArmResponse(shown(identity))

    async def get(self, request: ArmRequest) -> ArmResponse:
        return ArmResponse(shown(require(self.store, request.id)))

    async def delete(self, request: ArmRequest) -> ArmResponse:
        identity = self.store.get(request.id)
        if identity is None:
            return ArmResponse(None, 204)
        await self.changes.run("delete", identity, identity)
        return ArmResponse()


def _check(body: Fields) -> None:
    """Raises ArmError 501 for what would change which regions or clients may use it."""
    body.object("properties").not_emulated(
        {"isolationScope": "None", "assignmentRestrictions": None}, "a user-assigned identity"
    )


def _new_principal() -> dict[str, str]:
    return {"tenantId": TENANT, "principalId": new_guid(), "clientId": new_guid()}
