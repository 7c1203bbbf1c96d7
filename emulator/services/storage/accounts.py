"""Storage accounts in Resource Manager.

https://learn.microsoft.com/rest/api/storagerp/storage-accounts
"""

from __future__ import annotations

import base64
import re
import secrets
from collections.abc import Awaitable, Callable
from typing import Any

from emulator.arm.changes import Changes
from emulator.arm.errors import bad_request, conflict, not_emulated
from emulator.arm.fields import Fields
from emulator.arm.http import ArmRequest, ArmResponse
from emulator.arm.ids import now
from emulator.arm.lifecycle import AT_ONCE, Lifecycle
from emulator.arm.locations import check_place
from emulator.arm.resources import page, require, shown
from emulator.arm.tags import read_tags
from emulator.defaults import REGION, RESOURCE_GROUP, SUBSCRIPTION
from emulator.store import Resource, Store

TYPE = "Microsoft.Storage/storageAccounts"
COURSE = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{RESOURCE_GROUP}"
SUBSCRIPTION_SCOPE = "/subscriptions/{subscriptionId}/providers/Microsoft.Storage"
ACCOUNTS = "/subscriptions/{subscriptionId}/resourceGroups/{resourceGroupName}/providers/" + TYPE
ACCOUNT = ACCOUNTS + "/{accountName}"
KEYS = ("key1", "key2")
# What Azure sets where a request says nothing. Any other value asks for something that is not
# emulated, so it is refused and not stored as if it had an effect.
SKUS = (
    *("Standard_LRS", "Standard_GRS", "Standard_RAGRS", "Standard_ZRS"),
    *("Standard_GZRS", "Standard_RAGZRS"),
)
KINDS = ("StorageV2", "Storage", "BlobStorage", "BlockBlobStorage", "FileStorage")
FIXED_PROPERTIES: dict[str, Any] = {
    "accessTier": "Hot",
    "allowBlobPublicAccess": False,
    "allowSharedKeyAccess": True,
    "isHnsEnabled": False,
    "minimumTlsVersion": "TLS1_2",
    "publicNetworkAccess": "Enabled",
    "supportsHttpsTrafficOnly": True,
}
# What else the reference lists, with what Azure has where nothing is said.
_NOT_EMULATED: dict[str, Any] = {
    **FIXED_PROPERTIES,
    "allowCrossTenantReplication": False,
    "allowedCopyScope": None,
    "azureFilesIdentityBasedAuthentication": None,
    "customDomain": None,
    "defaultToOAuthAuthentication": False,
    "dnsEndpointType": "Standard",
    "immutableStorageWithVersioning": None,
    "isLocalUserEnabled": False,
    "isNfsV3Enabled": False,
    "isSftpEnabled": False,
    "keyPolicy": None,
    "largeFileSharesState": "Disabled",
    "routingPreference": None,
    "sasPolicy": None,
}
# Likewise, of the objects among them.
_NOT_EMULATED_IN: dict[str, dict[str, Any]] = {
    "networkAcls": {
        "bypass": "AzureServices",
        "defaultAction": "Allow",
        "ipRules": None,
        "ipv6Rules": None,
        "resourceAccessRules": None,
        "virtualNetworkRules": None,
    },
    "encryption": {
        "identity": None,
        "keySource": "Microsoft.Storage",
        "keyvaultproperties": None,
        "requireInfrastructureEncryption": False,
    },
}
_NAME = re.compile(r"[a-z0-9]{3,24}")


class Accounts:
    ROUTES = (
        ("POST", SUBSCRIPTION_SCOPE + "/checkNameAvailability", "check_name_availability"),
        ("PUT", ACCOUNT, "create"),
        ("DELETE", ACCOUNT, "delete"),
        ("GET", ACCOUNT, "get_properties"),
        ("PATCH", ACCOUNT, "update"),
        ("GET", SUBSCRIPTION_SCOPE + "/storageAccounts", "list_accounts"),
        ("GET", ACCOUNTS, "list_accounts"),
        ("POST", ACCOUNT + "/listKeys", "list_keys"),
        ("POST", ACCOUNT + "/regenerateKey", "regenerate_key"),
    )

    def __init__(
        self,
        store: Store,
        changes: Changes,
        suffix: str,
        empty: Callable[[str], Awaitable[None]],
    ) -> None:
        """`empty` removes every container of an account."""
        self.store = store
        self.changes = changes
        self.suffix = suffix
        self.empty = empty
        changes.register(
            Lifecycle(
                TYPE,
                moves=AT_ONCE,
                remove=lambda account: self.empty(account.name),
            )
        )

    def seed(self, name: str, scope: str = COURSE) -> None:
        """The account is there from the start, by default in the course's resource group."""
        if self.find(name) is None:
            self._save(f"{scope}/providers/{TYPE}/{name}", REGION)

    def find(self, name: str) -> Resource | None:
        """The account of that name, whatever its group: names are unique across Azure."""
        for account in self.store.of_type(TYPE):
            if account.name.lower() == name.lower():
                return account
        return None

    def keys(self, name: str) -> list[str]:
        """The account's two keys. Raises LookupError when there is no such account."""
        account = self.find(name)
        if account is None:
            raise LookupError(f"There is no storage account named '{name}'.")
        return [account.private["keys"][key]["value"] for key in KEYS]

    async def check_name_availability(self, request: ArmRequest) -> ArmResponse:
        name = Fields(request.body).text("name", "")
        if not _NAME.fullmatch(name):
            reason, message = "AccountNameInvalid", _invalid_name(name)
        elif self.find(name):
            reason, message = "AlreadyExists", f"The storage account named {name} is already taken."
        else:
            return ArmResponse({"nameAvailable": True})
        return ArmResponse({"nameAvailable": False, "reason": reason, "message": message})

    async def create(self, request: ArmRequest) -> ArmResponse:
        """Create the account, or change its tags. Answered when it is done, with 200."""
        body, name = Fields(request.body), request.params["accountName"]
        if not _NAME.fullmatch(name):
            raise bad_request(_invalid_name(name), code="AccountNameInvalid")
        before = self.find(name)
        if before and before.id.lower() != request.id.lower():
            raise conflict(
                f"The storage account named {name} is already taken.",
                code="StorageAccountAlreadyTaken",
            )
        location = check_place(body.raw("location"), before, TYPE)
        _check_settings(body)
        sku = body.object("sku").choice("name", SKUS, SKUS[0])
        account = self._save(request.id, location, sku, read_tags(body))
        return ArmResponse(self._shown(account))

    async def delete(self, request: ArmRequest) -> ArmResponse:
        account = self.store.get(request.id)
        if account is None:
            return ArmResponse(None, 204)
        await self.changes.run("delete", account, account)
        return ArmResponse()

    async def get_properties(self, request: ArmRequest) -> ArmResponse:
        return ArmResponse(self._shown(require(self.store, request.id)))

    async def update(self, request: ArmRequest) -> ArmResponse:
        """PATCH: tags and the sku."""
        account, body = require(self.store, request.id), Fields(request.body)
        if body.has("location"):
            check_place(body.raw("location"), account, TYPE)
        _check_settings(body)
        before = str(account.body["sku"]["name"])
        sku = body.object("sku").choice("name", SKUS, before)
        tags = read_tags(body) if body.is_named("tags") else dict(account.body["tags"])
        return ArmResponse(self._shown(self._save(account.id, account.body["location"], sku, tags)))

    async def list_accounts(self, request: ArmRequest) -> ArmResponse:
        scope = request.id.partition("/providers/")[0]
        return page(request, [self._shown(found) for found in self.store.of_type(TYPE, scope)])

    async def list_keys(self, request: ArmRequest) -> ArmResponse:
        return ArmResponse({"keys": _shown_keys(require(self.store, request.parent))})

    async def regenerate_key(self, request: ArmRequest) -> ArmResponse:
        account = require(self.store, request.parent)
        name = Fields(request.body).text("keyName", "")
        if name not in KEYS:
            raise bad_request(
                f"keyName must be {' or '.join(KEYS)}, not {name!r}.",
                code="InvalidValuesForRequestParameters",
                target="keyName",
            )
        account.private["keys"][name] = _new_key()
        self.store.put(account)
        return ArmResponse({"keys": _shown_keys(account)})

    def _save(
        self,
        account_id: str,
        location: str,
        sku: str = SKUS[0],
        tags: dict[str, str] | None = None,
    ) -> Resource:
        before = self.store.get(account_id)
        body = {
            "location": location,
            "tags": tags or {},
            "kind": "StorageV2",
            "sku": {"name": sku, "tier": "Standard"},
            "properties": {},
        }
        private = before.private if before else _new_private()
        account = Resource(before.id if before else account_id, TYPE, body, private)
        return self.changes.apply("put", account, before)

    def _shown(self, account: Resource) -> dict[str, Any]:
        keys = account.private["keys"]
        enabled = {"keyType": "Account", "enabled": True}
        return {
            **shown(account),
            "properties": {
                **FIXED_PROPERTIES,
                **account.properties,
                "creationTime": account.private["created"],
                "primaryLocation": account.body["location"],
                "statusOfPrimary": "available",
                # Of the endpoints only the one that answers.
                "primaryEndpoints": {"blob": f"https://{account.name}{self.suffix}/"},
                "keyCreationTime": {name: keys[name]["created"] for name in KEYS},
                "networkAcls": {
                    "bypass": "AzureServices",
                    "defaultAction": "Allow",
                    "ipRules": [],
                    "virtualNetworkRules": [],
                },
                "encryption": {
                    "keySource": "Microsoft.Storage",
                    "services": {"blob": enabled, "file": enabled},
                },
                "privateEndpointConnections": [],
            },
        }


def _check_settings(body: Fields) -> None:
    """Raises ArmError 501 for a value that asks for what is not emulated."""
    kind = body.choice("kind", KINDS, "StorageV2")
    if kind != "StorageV2":
        raise not_emulated(f"storage accounts of the kind {kind}")
    body.not_emulated(("identity", "extendedLocation", "zones"), "a storage account")
    properties = body.object("properties")
    properties.not_emulated(_NOT_EMULATED, "a storage account")
    for field, fixed in _NOT_EMULATED_IN.items():
        properties.object(field).not_emulated(fixed, "a storage account")


def _new_private() -> dict[str, Any]:
    return {"created": now(), "keys": {name: _new_key() for name in KEYS}}


def _new_key() -> dict[str, str]:
    return {"value": base64.b64encode(secrets.token_bytes(64)).decode(), "created": now()}


def _shown_keys(account: Resource) -> list[dict[str, str]]:
    return [
        {
            "keyName": name,
            "value": account.private["keys"][name]["value"],
            "permissions": "FULL",
            "creationTime": account.private["keys"][name]["created"],
        }
        for name in KEYS
    ]


def _invalid_name(name: str) -> str:
    return (
        f"{name} is not a valid storage account name. Storage account name must be between 3 and "
        "24 characters in length and use numbers and lower-case letters only."
    )
