"""Whom a role can be assigned to: the client that a learner signs in as, and managed identities."""

from __future__ import annotations

from emulator.arm.ids import stable_guid
from emulator.arm.managed_identity import USER_ASSIGNED_TYPE, stored_identity
from emulator.defaults import CLIENT_ID
from emulator.store import Store


def exists(store: Store, principal_id: str) -> bool:
    """Whether the directory has a principal of that object id."""
    wanted = principal_id.lower()
    if wanted == stable_guid(CLIENT_ID):
        return True
    for resource in store.below(""):
        if stored_identity(resource.body).system:
            found = resource.body["identity"]["principalId"]
        elif resource.type == USER_ASSIGNED_TYPE:
            found = resource.properties["principalId"]
        else:
            continue
        if found == wanted:
            return True
    return False
