"""The managed identity that a workspace or an endpoint has of its own.

https://learn.microsoft.com/azure/machine-learning/how-to-access-resources-from-endpoints-managed-identities
"""

from __future__ import annotations

from typing import Any

from emulator.arm.errors import not_emulated
from emulator.arm.fields import Fields
from emulator.arm.ids import stable_guid
from emulator.defaults import TENANT

SYSTEM_ASSIGNED = "SystemAssigned"
KINDS = (SYSTEM_ASSIGNED, "None", "UserAssigned", "SystemAssigned,UserAssigned")


def read_identity(body: Fields, default: str = SYSTEM_ASSIGNED) -> str:
    """The kind of identity that is asked for. Raises ArmError: 501 for a user-assigned one."""
    identity = body.object("identity")
    kind = identity.choice("type", KINDS, default)
    if "UserAssigned" in kind or identity.object("userAssignedIdentities").value:
        raise not_emulated("user-assigned managed identities")
    return kind


def identity_body(kind: str, owner: str) -> dict[str, Any]:
    """The identity as it is shown. `owner` is a text that only its owner has."""
    if kind != SYSTEM_ASSIGNED:
        return {"type": kind}
    return {"type": kind, "principalId": stable_guid(owner), "tenantId": TENANT}
