"""Operations on the account and on containers.

https://learn.microsoft.com/rest/api/storageservices/operations-on-the-account--blob-service-
https://learn.microsoft.com/rest/api/storageservices/operations-on-containers
"""

from __future__ import annotations

from typing import ClassVar

from emulator.services.storage.catalogue import BlobContainer, Catalogue
from emulator.services.storage.conditions import check_write
from emulator.services.storage.errors import StorageError, not_emulated
from emulator.services.storage.files import Files
from emulator.services.storage.http import BlobRequest, BlobResponse, Rows, http_date
from emulator.services.storage.listing import Page, blobs_xml, containers_xml


class Containers:
    OPERATIONS: ClassVar[Rows] = (
        ("GET", "service", "", "list", "l", "list_containers"),
        ("GET", "service", "account", "properties", "r", "account_information"),
        ("PUT", "container", "container", "", "cw", "create"),
        ("GET", "container", "container", "", "r", "get_properties"),
        ("HEAD", "container", "container", "", "r", "get_properties"),
        ("GET", "container", "container", "metadata", "r", "get_properties"),
        ("HEAD", "container", "container", "metadata", "r", "get_properties"),
        ("PUT", "container", "container", "metadata", "w", "set_metadata"),
        ("DELETE", "container", "container", "", "d", "delete"),
        ("GET", "container", "container", "list", "l", "list_blobs"),
    )

    def __init__(self, catalogue: Catalogue, files: Files, suffix: str) -> None:
        self.catalogue = catalogue
        self.files = files
        self.suffix = suffix

    # The account

    async def list_containers(self, request: BlobRequest) -> BlobResponse:
        page = Page.of(request.query)
        found = self.catalogue.containers(
            request.account, page.prefix, page.start, limit=page.size + 1
        )
        return _xml(containers_xml(self._endpoint(request), page, found))

    async def account_information(self, _: BlobRequest) -> BlobResponse:
        headers = {
            "x-ms-sku-name": "Standard_LRS",
            "x-ms-account-kind": "StorageV2",
            "x-ms-is-hns-enabled": "false",
        }
        return BlobResponse(200, headers)

    # Containers

    async def create(self, request: BlobRequest) -> BlobResponse:
        if "x-ms-blob-public-access" in request.headers:
            raise StorageError("PublicAccessNotPermitted")
        metadata = request.metadata
        if self.catalogue.container(request.account, request.container):
            raise StorageError("ContainerAlreadyExists")
        created = self.catalogue.put_container(request.account, request.container, metadata)
        return BlobResponse(201, _version(created))

    async def get_properties(self, request: BlobRequest) -> BlobResponse:
        container = self._container(request)
        headers = {
            **_version(container),
            "x-ms-lease-status": "unlocked",
            "x-ms-lease-state": "available",
            "x-ms-has-immutability-policy": "false",
            "x-ms-has-legal-hold": "false",
            "x-ms-default-encryption-scope": "$account-encryption-key",
            "x-ms-deny-encryption-scope-override": "false",
            **{f"x-ms-meta-{name}": value for name, value in container.metadata.items()},
        }
        return BlobResponse(200, headers)

    async def set_metadata(self, request: BlobRequest) -> BlobResponse:
        before = self._container(request)
        check_write(request.headers, before.etag, before.modified)
        after = self.catalogue.put_container(before.account, before.name, request.metadata)
        return BlobResponse(200, _version(after))

    async def delete(self, request: BlobRequest) -> BlobResponse:
        container = self._container(request)
        check_write(request.headers, container.etag, container.modified)
        await self.files.remove(self.catalogue.delete_container(container.account, container.name))
        return BlobResponse(202)

    async def list_blobs(self, request: BlobRequest) -> BlobResponse:
        container = self._container(request)
        page = Page.of(request.query)
        if "uncommittedblobs" in page.include:
            raise not_emulated("include=uncommittedblobs of List Blobs")
        found = self.catalogue.blobs(container.account, container.name, page.prefix, page.start)
        return _xml(blobs_xml(self._endpoint(request), container.name, page, found))

    def _container(self, request: BlobRequest) -> BlobContainer:
        container = self.catalogue.container(request.account, request.container)
        if container is None:
            raise StorageError("ContainerNotFound")
        return container

    def _endpoint(self, request: BlobRequest) -> str:
        return f"https://{request.account}{self.suffix}/"


def _version(container: BlobContainer) -> dict[str, str]:
    return {"etag": container.etag, "last-modified": http_date(container.modified)}


def _xml(body: bytes) -> BlobResponse:
    return BlobResponse(200, {"content-type": "application/xml"}, body)
