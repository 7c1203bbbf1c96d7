"""Which of a resource's managed identities a token is asked of, and what the token says of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from emulator.arm.managed_identity import client_id_of, stored_identity
from emulator.store import Resource, Store

# What names an identity in a query -> the field of `Principal`. Azure Machine Learning writes
# `clientid`, the metadata service `msi_res_id`, App Service `mi_res_id`.
SELECTORS = {
    "client_id": "client_id",
    "clientid": "client_id",
    "object_id": "principal_id",
    "principal_id": "principal_id",
    "mi_res_id": "resource_id",
    "msi_res_id": "resource_id",
}


class NoPrincipalError(LookupError):
    """The resource has no such identity. `named` says whether the query named one, `many` whether
    there are several to choose from."""

    def __init__(self, *, named: bool, many: bool) -> None:
        super().__init__("The identity was not found.")
        self.named = named
        self.many = many


@dataclass(frozen=True)
class Principal:
    """A service principal. `resource_id` is of the resource that has it, or that it is."""

    principal_id: str
    client_id: str
    resource_id: str

    def claims(self) -> dict[str, str]:
        """https://learn.microsoft.com/entra/identity-platform/access-token-claims-reference"""
        return {
            "appid": self.client_id,
            "oid": self.principal_id,
            "sub": self.principal_id,
            "idtyp": "app",
            "xms_mirid": self.resource_id,
        }


def choose(store: Store, resource_id: str, query: Mapping[str, str]) -> Principal:
    """The identity of a resource that a query names; without a name its own, or the only one.

    Raises NoPrincipalError.
    """
    resource = store.get(resource_id)
    own, users = _own(resource), list(_users(store, resource))
    asked = [(SELECTORS[name], value) for name, value in query.items() if name in SELECTORS]
    if not asked:
        if own:
            return own
        if len(users) == 1:
            return users[0]
        raise NoPrincipalError(named=False, many=bool(users))
    for principal in (*users, *([own] if own else [])):
        if all(getattr(principal, field).lower() == value.lower() for field, value in asked):
            return principal
    raise NoPrincipalError(named=True, many=False)


def _own(resource: Resource | None) -> Principal | None:
    if resource is None or not stored_identity(resource.body).system:
        return None
    principal_id = str(resource.body["identity"]["principalId"])
    return Principal(principal_id, client_id_of(principal_id), resource.id)


def _users(store: Store, resource: Resource | None) -> Iterator[Principal]:
    """Those of them that still exist: one may be deleted while it is assigned."""
    for user in stored_identity(resource.body).users if resource else ():
        if found := store.get(user):
            properties = found.properties
            yield Principal(properties["principalId"], properties["clientId"], found.id)
