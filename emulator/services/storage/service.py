"""The service as the rest of local Azure sees it: its two applications and what others may ask."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import AsyncIterator, Iterable
from pathlib import Path

from emulator.arm.changes import Changes
from emulator.defaults import STORAGE_ACCOUNT
from emulator.services.storage import sas
from emulator.services.storage.accounts import Accounts
from emulator.services.storage.authorization import Authorizer, Verify
from emulator.services.storage.blobs import Blobs
from emulator.services.storage.blocks import Blocks
from emulator.services.storage.catalogue import Blob, Catalogue, new_etag
from emulator.services.storage.container_resources import BlobContainers
from emulator.services.storage.containers import Containers
from emulator.services.storage.files import Files, link_or_copy
from emulator.services.storage.http import BlobApplication, check_container_name, operations
from emulator.store import Store

BLOB_SUFFIX = ".blob.core.windows.net"
DEFAULT_CONTAINER = "azureml-blobstore"
# Metadata of an empty blob that stands for a folder, as some tools make them.
FOLDER_MARK = "hdi_isfolder"
_log = logging.getLogger(__name__)


class Storage:
    """`accounts` and `containers` are the routes in Resource Manager, `application` the blob hosts.

    `verify` turns an Entra ID token and the audiences it may be for into claims, or raises
    jwt.PyJWTError.
    """

    def __init__(self, store: Store, changes: Changes, folder: Path, *, verify: Verify) -> None:
        self.catalogue = Catalogue(store)
        self.files = Files(folder)
        self.accounts = Accounts(store, changes, BLOB_SUFFIX, self.empty)
        self.containers = BlobContainers(store, self.catalogue, self.files)
        authorizer = Authorizer(verify, self.accounts.keys, BLOB_SUFFIX)
        rooms = (
            Containers(self.catalogue, self.files, BLOB_SUFFIX),
            Blobs(self.catalogue, self.files, authorizer.signed, BLOB_SUFFIX),
            Blocks(self.catalogue, self.files),
        )
        self.application = BlobApplication(
            BLOB_SUFFIX,
            operations(*rooms),
            known=lambda account: self.accounts.find(account) is not None,
            authorize=authorizer.authorize,
        )
        changes.at_start(self.seed)

    def seed(self) -> None:
        """Put the files in order after a crash; the course's account and container are there."""
        self.catalogue.forget_old_blocks()
        lost = self.files.sweep(self.catalogue.lengths())
        for name in self.catalogue.forget(lost):
            _log.error("the content of the blob %s is lost: its file is missing or cut off", name)
        self.accounts.seed(STORAGE_ACCOUNT)
        self.create_container(STORAGE_ACCOUNT, DEFAULT_CONTAINER)

    # For the other services

    def account_key(self, account: str) -> str:
        """The account's first key, base64. Raises LookupError when there is no such account."""
        return self.accounts.keys(account)[0]

    def create_container(self, account: str, name: str) -> None:
        """Create the container unless it is there. Raises StorageError for an invalid name."""
        check_container_name(name)
        if self.catalogue.container(account, name) is None:
            self.catalogue.put_container(account, name, {})

    async def delete_container(self, account: str, name: str) -> None:
        """Delete the container and its blobs. One that is not there is fine."""
        await self.files.remove(self.catalogue.delete_container(account, name))

    def container_sas(self, account: str, container: str, permissions: str, hours: float) -> str:
        """A query string without '?' that allows `permissions` ("rwl") in one container."""
        return sas.container_sas(account, self.account_key(account), container, permissions, hours)

    def exists(self, account: str, container: str, path: str) -> bool:
        """Whether there is a blob of that name, or any below it as a folder."""
        path = path.strip("/")
        if path and self.catalogue.blob(account, container, path):
            return True
        below = f"{path}/" if path else ""
        return next(self.catalogue.blobs(account, container, below), None) is not None

    def is_blob(self, account: str, container: str, path: str) -> bool:
        """Whether there is a blob of exactly that name: a file, not a folder of files."""
        return self.catalogue.blob(account, container, path.strip("/")) is not None

    def read(self, account: str, container: str, path: str, most: int) -> bytes | None:
        """The first `most` bytes of a blob; None when there is no such blob. For small ones."""
        blob = self.catalogue.blob(account, container, path.strip("/"))
        if blob is None:
            return None
        with self.files.path(blob.file).open("rb") as file:
            return file.read(most)

    def names(self, account: str, container: str, prefix: str) -> Iterable[str]:
        """The names of the blobs that begin with the prefix, in order."""
        return (blob.name for blob in self.catalogue.blobs(account, container, prefix))

    def internal_account(self, name: str) -> None:
        """An account of Azure's own, as its services have: in no subscription, so in no list."""
        self.accounts.seed(name, "/internal")

    async def write(
        self,
        account: str,
        container: str,
        name: str,
        content: bytes,
        *,
        content_type: str,
        metadata: dict[str, str],
    ) -> None:
        """Create or replace a blob, as a service of Azure does that writes to its own account."""

        async def stream() -> AsyncIterator[bytes]:
            yield content

        moment = int(time.time())
        async with self.files.receive(stream()) as saved:
            blob = Blob(
                account,
                container,
                name,
                saved.file,
                saved.length,
                new_etag(),
                moment,
                moment,
                {"content-type": content_type},
                metadata,
                [],
            )
            replaced = self.catalogue.put_blob(blob)
        await self.files.remove(replaced)

    async def materialize(self, account: str, container: str, prefix: str, target: Path) -> int:
        """Copy one blob, or a folder of blobs, to a folder of this machine.

        A blob that is named `prefix` becomes `target/<its last segment>`; else each blob below
        `prefix/` becomes `target/<the rest of its name>`. Files are hard links where that is
        possible, and read-only: they are the blob's own. Returns the number of files.

        Raises OSError: FileNotFoundError when there is none, and when a blob's name cannot be the
        name of a file below `target`.
        """
        prefix = prefix.strip("/")
        one = self.catalogue.blob(account, container, prefix) if prefix else None
        below = f"{prefix}/" if prefix else ""
        found = [one] if one else list(self.catalogue.blobs(account, container, below))
        skip = prefix.rfind("/") + 1 if one else len(below)
        wanted = [(blob, blob.name[skip:]) for blob in found if not _is_folder(blob)]
        if not wanted:
            raise FileNotFoundError(
                f"There is no blob '{prefix}' and none below '{prefix}/' in the container "
                f"'{container}' of the storage account '{account}'"
            )
        await asyncio.to_thread(self._place, wanted, target)
        return len(wanted)

    async def empty(self, account: str) -> None:
        """Delete every container of the account."""
        await self.files.remove(self.catalogue.delete_account(account))

    def _place(self, wanted: Iterable[tuple[Blob, str]], target: Path) -> None:
        for blob, relative in wanted:
            segments = relative.split("/")
            if any(
                segment in ("", ".", "..") or (os.name == "nt" and set(segment) & set('\\:*?"<>|'))
                for segment in segments
            ):
                raise OSError(f"The blob '{blob.name}' has a name that cannot be a file's")
            path = target.joinpath(*segments)
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.unlink(missing_ok=True)
                link_or_copy(self.files.path(blob.file), path)
            except OSError as error:
                raise OSError(
                    f"The blob '{blob.name}' cannot be a file here: {error.strerror}"
                ) from None


def _is_folder(blob: Blob) -> bool:
    return blob.length == 0 and (FOLDER_MARK in blob.metadata or blob.name.endswith("/"))
