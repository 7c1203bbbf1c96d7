"""A datastore as it is asked for: read once from a body, and written as it is shown.

https://learn.microsoft.com/rest/api/azureml/datastores/create-or-update
https://learn.microsoft.com/azure/machine-learning/how-to-datastore
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from emulator.arm.errors import not_emulated
from emulator.arm.fields import Fields
from emulator.defaults import RESOURCE_GROUP, SUBSCRIPTION
from emulator.services.machine_learning.blobs import ENDPOINT
from emulator.services.machine_learning.errors import user_error

BLOB, FILE, LAKE1, LAKE2 = "AzureBlob", "AzureFile", "AzureDataLakeGen1", "AzureDataLakeGen2"
NONE, ACCOUNT_KEY, SAS = "None", "AccountKey", "Sas"
SERVICE_PRINCIPAL, CERTIFICATE = "ServicePrincipal", "Certificate"
# What a datastore of each type may be opened with.
CREDENTIALS = {
    BLOB: (NONE, ACCOUNT_KEY, SAS, SERVICE_PRINCIPAL, CERTIFICATE),
    FILE: (NONE, ACCOUNT_KEY, SAS),
    LAKE1: (NONE, SERVICE_PRINCIPAL, CERTIFICATE),
    LAKE2: (NONE, ACCOUNT_KEY, SAS, SERVICE_PRINCIPAL, CERTIFICATE),
}
# What says where the files are.
PLACES = {
    BLOB: ("accountName", "containerName"),
    FILE: ("accountName", "fileShareName"),
    LAKE1: ("storeName",),
    LAKE2: ("accountName", "filesystem"),
}
# The secret of each, and what beside it says who one is.
SECRETS = {
    ACCOUNT_KEY: "key",
    SAS: "sasToken",
    SERVICE_PRINCIPAL: "clientSecret",
    CERTIFICATE: "certificate",
}
PRINCIPAL = ("clientId", "tenantId")
SERVICE_IDENTITIES = (
    "None",
    "WorkspaceSystemAssignedIdentity",
    "WorkspaceUserAssignedIdentity",
)
_CONTAINER = re.compile(r"[a-z0-9](?:-?[a-z0-9]){2,62}")
_GUID = r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"


@dataclass(frozen=True)
class DatastoreSpec:
    """`place` says where the files are, by the names of PLACES; `shown` is what of the credentials
    is no secret, and `secret` what is, "" where there is none or none was given."""

    type: str
    place: Mapping[str, str]
    credentials: str
    shown: Mapping[str, str]
    secret: str
    identity: str
    resource_group: str
    description: str | None
    tags: Mapping[str, str]
    properties: Mapping[str, str]

    def to_properties(self, *, is_default: bool) -> dict[str, Any]:
        reached = {} if self.type == LAKE1 else {"endpoint": ENDPOINT, "protocol": "https"}
        return {
            "description": self.description,
            "tags": dict(self.tags),
            "properties": dict(self.properties),
            "isDefault": is_default,
            "credentials": {"credentialsType": self.credentials, **self.shown},
            "subscriptionId": SUBSCRIPTION,
            "resourceGroup": self.resource_group,
            "datastoreType": self.type,
            **self.place,
            **reached,
            "serviceDataAccessAuthIdentity": self.identity,
        }


def read_datastore(given: Fields) -> DatastoreSpec:
    """Raises ArmError: 400 naming the field at fault, 501 for what is not emulated."""
    kind = given.choice("datastoreType", (*PLACES, "OneLake"))
    if kind is None:
        raise given.missing("datastoreType")
    if kind not in PLACES:
        raise not_emulated(f"datastores of the type {kind}")
    given.not_emulated(
        {"endpoint": ENDPOINT, "protocol": "https", "subscriptionId": SUBSCRIPTION}, "datastores"
    )
    place = {name: given.required_text(name) for name in PLACES[kind]}
    container = place.get("containerName")
    if container is not None and not _CONTAINER.fullmatch(container):
        raise user_error(
            400,
            f"The container name '{container}' is invalid: 3 to 63 lower-case letters, digits "
            "and single hyphens.",
        )
    credentials = given.object("credentials")
    which = credentials.choice("credentialsType", CREDENTIALS[kind], NONE)
    return DatastoreSpec(
        type=kind,
        place=place,
        credentials=which,
        shown=_read_shown(credentials, which),
        secret=_read_secret(credentials.object("secrets"), which),
        identity=given.choice(
            "serviceDataAccessAuthIdentity", SERVICE_IDENTITIES, SERVICE_IDENTITIES[0]
        ),
        resource_group=given.text("resourceGroup") or RESOURCE_GROUP,
        description=given.text("description"),
        tags=given.mapping("tags"),
        properties=given.mapping("properties"),
    )


def _read_shown(credentials: Fields, kind: str) -> dict[str, str]:
    if kind not in (SERVICE_PRINCIPAL, CERTIFICATE):
        return {}
    shown = {
        name: credentials.required_text(name, pattern=_GUID, expected="a GUID")
        for name in PRINCIPAL
    }
    if kind == CERTIFICATE:
        shown["thumbprint"] = credentials.required_text("thumbprint")
    for name in ("authorityUrl", "resourceUrl"):
        if text := credentials.text(name):
            shown[name] = text
    return shown


def _read_secret(secrets: Fields, kind: str) -> str:
    secret = secrets.text(SECRETS.get(kind, "")) or ""
    # The account's key is known to the workspace where it is its own account's.
    if not secret and kind not in (NONE, ACCOUNT_KEY):
        raise user_error(400, f"The credentials of a datastore need their {SECRETS[kind]}.")
    return secret
