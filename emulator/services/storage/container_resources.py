"""An account's blob service and its containers in Resource Manager.

https://learn.microsoft.com/rest/api/storagerp/blob-services
https://learn.microsoft.com/rest/api/storagerp/blob-containers

They are the containers that the Blob service itself has, so there is nothing more to keep of them.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

from emulator.arm.errors import ArmError, conflict
from emulator.arm.fields import Fields
from emulator.arm.http import ArmRequest, ArmResponse, expand
from emulator.arm.resources import page, require
from emulator.services.storage.accounts import ACCOUNT
from emulator.services.storage.catalogue import BlobContainer, Catalogue
from emulator.services.storage.errors import StorageError
from emulator.services.storage.files import Files
from emulator.services.storage.http import check_container_name
from emulator.store import Store

SERVICES = ACCOUNT + "/blobServices"
SERVICE = SERVICES + "/default"
CONTAINERS = SERVICE + "/containers"
CONTAINER = CONTAINERS + "/{containerName}"
SERVICE_TYPE = "Microsoft.Storage/storageAccounts/blobServices"
CONTAINER_TYPE = SERVICE_TYPE + "/containers"
MOST = 5000  # containers on a page, as on Azure
# What Azure has where a request says nothing; anything else is not here.
_NOT_EMULATED: dict[str, Any] = {
    "defaultEncryptionScope": "$account-encryption-key",
    "denyEncryptionScopeOverride": False,
    "enableNfsV3AllSquash": False,
    "enableNfsV3RootSquash": False,
    "immutableStorageWithVersioning": None,
}
_METADATA_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class BlobContainers:
    ROUTES = (
        ("GET", SERVICES, "list_services"),
        ("GET", SERVICE, "get_service"),
        ("GET", CONTAINERS, "list"),
        ("PUT", CONTAINER, "create"),
        ("PATCH", CONTAINER, "update"),
        ("GET", CONTAINER, "get"),
        ("DELETE", CONTAINER, "delete"),
    )

    def __init__(self, store: Store, catalogue: Catalogue, files: Files) -> None:
        self.store = store
        self.catalogue = catalogue
        self.files = files

    async def list_services(self, request: ArmRequest) -> ArmResponse:
        return ArmResponse({"value": [_service(request, self._account(request))]})

    async def get_service(self, request: ArmRequest) -> ArmResponse:
        return ArmResponse(_service(request, self._account(request)))

    async def list(self, request: ArmRequest) -> ArmResponse:
        account = self._account(request)
        found = self.catalogue.containers(account, request.query.get("$filter", ""), "", MOST)
        return page(request, [_shown(request, container) for container in found])

    async def create(self, request: ArmRequest) -> ArmResponse:
        account, name = self._account(request), request.params["containerName"]
        try:
            check_container_name(name)
        except StorageError as error:
            raise ArmError(error.status, error.code, error.message) from None
        metadata = _read(request)
        before = self.catalogue.container(account, name)
        if before and metadata is None:
            return ArmResponse(_shown(request, before))
        made = self.catalogue.put_container(account, name, metadata or {})
        return ArmResponse(_shown(request, made), 200 if before else 201)

    async def update(self, request: ArmRequest) -> ArmResponse:
        found = self._container(request)
        if (metadata := _read(request)) is not None:
            found = self.catalogue.put_container(found.account, found.name, metadata)
        return ArmResponse(_shown(request, found))

    async def get(self, request: ArmRequest) -> ArmResponse:
        return ArmResponse(_shown(request, self._container(request)))

    async def delete(self, request: ArmRequest) -> ArmResponse:
        account, name = self._account(request), request.params["containerName"]
        if self.catalogue.container(account, name) is None:
            return ArmResponse(None, 204)
        await self.files.remove(self.catalogue.delete_container(account, name))
        return ArmResponse()

    def _account(self, request: ArmRequest) -> str:
        return require(self.store, expand(ACCOUNT, request.params)).name

    def _container(self, request: ArmRequest) -> BlobContainer:
        account = self._account(request)
        found = self.catalogue.container(account, request.params["containerName"])
        if found is None:
            raise ArmError(404, "ContainerNotFound", "The specified container does not exist.")
        return found


def _read(request: ArmRequest) -> dict[str, str] | None:
    """The metadata that are asked for, None where nothing is said of them. Raises ArmError."""
    properties = Fields(request.body).object("properties")
    properties.not_emulated(_NOT_EMULATED, "a blob container")
    if properties.choice("publicAccess", ("None", "Blob", "Container"), "None") != "None":
        # The accounts of here do not allow it.
        raise conflict(
            "Public access is not permitted on this storage account.",
            code="PublicAccessNotPermitted",
        )
    if not properties.has("metadata"):
        return None
    metadata = properties.mapping("metadata")
    for name in metadata:
        if not _METADATA_NAME.fullmatch(name):
            raise properties.error("metadata", f"'{name[:80]}' is no name of a C# identifier.")
    return metadata


def _service(request: ArmRequest, account: str) -> dict[str, Any]:
    service = expand(SERVICE, {**request.params, "accountName": account})
    return {
        "id": service,
        "name": "default",
        "type": SERVICE_TYPE,
        "sku": {"name": "Standard_LRS", "tier": "Standard"},
        "properties": {
            "cors": {"corsRules": []},
            "deleteRetentionPolicy": {"allowPermanentDelete": False, "enabled": False},
        },
    }


def _shown(request: ArmRequest, container: BlobContainer) -> dict[str, Any]:
    where = {
        **request.params,
        "accountName": container.account,
        "containerName": container.name,
    }
    return {
        "id": expand(CONTAINER, where),
        "name": container.name,
        "type": CONTAINER_TYPE,
        "etag": container.etag,
        "properties": {
            **_NOT_EMULATED,
            "deleted": False,
            "remainingRetentionDays": 0,
            "publicAccess": "None",
            "leaseStatus": "Unlocked",
            "leaseState": "Available",
            "hasImmutabilityPolicy": False,
            "hasLegalHold": False,
            "lastModifiedTime": datetime.fromtimestamp(container.modified, UTC).isoformat(),
            **({"metadata": container.metadata} if container.metadata else {}),
        },
    }
