"""The managed identities of a resource: its `identity`, read, kept and shown in one way.

A resource has a principal of its own while its `type` says SystemAssigned, and may use those
user-assigned identities that it names. What is shown is what is stored: the endpoints at which
workloads ask for tokens read it there.

https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/overview
https://github.com/Azure/azure-rest-api-specs/blob/main/specification/common-types/resource-management/v6/managedidentity.json
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from emulator.arm.errors import ArmError, bad_request, not_emulated
from emulator.arm.fields import Fields
from emulator.arm.ids import new_guid, stable_guid
from emulator.defaults import TENANT
from emulator.store import Store

USER_ASSIGNED_TYPE = "Microsoft.ManagedIdentity/userAssignedIdentities"
NAMES = ("type", "principalId", "tenantId", "userAssignedIdentities")  # of `identity`
NONE, SYSTEM, USER, BOTH = "None", "SystemAssigned", "UserAssigned", "SystemAssigned,UserAssigned"
_KINDS = (NONE, SYSTEM, USER, BOTH)
_ID = re.compile(
    r"/subscriptions/[^/]+/resourceGroups/[^/]+/providers/"
    r"Microsoft\.ManagedIdentity/userAssignedIdentities/[^/]+",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class ManagedIdentities:
    """Which identities a resource is to have. `users` are the ids of user-assigned ones."""

    system: bool = False
    users: tuple[str, ...] = ()

    @property
    def kind(self) -> str:
        """As `identity.type` says it."""
        if self.users:
            return BOTH if self.system else USER
        return SYSTEM if self.system else NONE

    def to_request(self) -> dict[str, Any]:
        """The `identity` that asks for them."""
        wanted: dict[str, Any] = {"type": self.kind}
        if self.users:
            wanted["userAssignedIdentities"] = {user: {} for user in self.users}
        return wanted

    def same_as(self, other: ManagedIdentities) -> bool:
        mine, theirs = ({one.lower() for one in each.users} for each in (self, other))
        return self.system == other.system and mine == theirs


NO_IDENTITY = ManagedIdentities()
OWN_IDENTITY = ManagedIdentities(system=True)


def read_identity(
    body: Fields, before: ManagedIdentities = NO_IDENTITY, *, merge: bool = False
) -> ManagedIdentities:
    """The `identity` of a body; `before` where it says nothing of it.

    With `merge`, as a PATCH has it, user-assigned identities that are not named stay, and one whose
    value is null goes. Raises ArmError 400.
    """
    if not body.has("identity"):
        return before
    identity = body.object("identity")
    kind = _read_kind(identity) or before.kind
    named = identity.object("userAssignedIdentities")
    users = {user.lower(): user for user in before.users} if merge else {}
    added = [user for user, value in named.value.items() if value is not None or not merge]
    for user in named.value:
        if not _ID.fullmatch(user):
            raise named.error(
                user, f"'{user[:200]}' is not the id of a user-assigned managed identity."
            )
        users.pop(user.lower(), None)
    users |= {user.lower(): user for user in added}
    if "UserAssigned" not in kind:
        if added:
            raise named.error("", f"An identity of the type {kind} has no user-assigned ones.")
        users = {}
    elif not users:
        raise named.error(
            "", f"An identity of the type {kind} names at least one user-assigned identity."
        )
    return ManagedIdentities("SystemAssigned" in kind, tuple(users.values()))


def read_own_identity(body: Fields, before: ManagedIdentities, what: str) -> ManagedIdentities:
    """The same of `what` that may have no user-assigned ones here: ArmError 501."""
    found = read_identity(body, before)
    if found.users:
        raise not_emulated(f"user-assigned managed identities of {what}")
    return found


def _read_kind(identity: Fields) -> str | None:
    """Some services write a blank after the comma."""
    text = identity.text("type")
    if not text:
        return None
    spelled = {kind.lower(): kind for kind in _KINDS}
    kind = spelled.get(re.sub(r"\s", "", text).lower())
    if kind is None:
        raise identity.wrong("type", f"one of {'; '.join(_KINDS)}")
    return kind


def stored_identity(body: Mapping[str, Any]) -> ManagedIdentities:
    """Read back what `shown_identity` has made of it."""
    identity = body.get("identity") or {}
    return ManagedIdentities(
        "SystemAssigned" in identity.get("type", NONE),
        tuple(identity.get("userAssignedIdentities") or ()),
    )


def shown_identity(
    wanted: ManagedIdentities,
    store: Store,
    resource_id: str,
    before: Mapping[str, Any] | None = None,
    *,
    both: str = BOTH,
) -> dict[str, Any]:
    """`identity` as it is stored and shown. `before` is the resource's body until now: a principal
    of its own stays the same for as long as it has one. `both` is how the service spells that type.

    Raises ArmError 400 for a user-assigned identity that does not exist.
    """
    shown: dict[str, Any] = {"type": both if wanted.kind == BOTH else wanted.kind}
    if wanted.system:
        had = ((before or {}).get("identity") or {}).get("principalId")
        shown |= {"principalId": had or new_guid(), "tenantId": TENANT}
    if wanted.users:
        shown["userAssignedIdentities"] = {
            user: _user(store, user, resource_id) for user in wanted.users
        }
    return shown


def _user(store: Store, user: str, resource_id: str) -> dict[str, str]:
    found = store.get(user)
    if found is None:
        raise _no_such(user, resource_id)
    return {name: found.properties[name] for name in ("principalId", "clientId")}


def _no_such(user: str, resource_id: str) -> ArmError:
    """https://github.com/Azure/azure-cli/issues/31837"""
    return bad_request(
        f"Identity operation for resource '{resource_id}' failed with error 'Failed to perform "
        "resource identity operation. Status: 'BadRequest'. Response: "
        f'\'{{"error":{{"code":"BadRequest","message":"Resource \'{user}\' was not '
        "found.\"}}'.'.",
        code="FailedIdentityOperation",
    )


def client_id_of(principal_id: str) -> str:
    """The application id of a principal that a resource has of its own, which `identity` does not
    show."""
    return stable_guid(principal_id)
