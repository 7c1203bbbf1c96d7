"""Code: scoring scripts in blob storage, uploaded to a place of their own each.

https://learn.microsoft.com/rest/api/azureml/code-versions
"""

from __future__ import annotations

import base64
import secrets
from typing import Any

from emulator.arm.errors import ArmError
from emulator.arm.fields import Fields
from emulator.arm.http import ArmRequest, ArmResponse
from emulator.arm.ids import name_of, new_guid
from emulator.arm.resources import page, shown
from emulator.services.machine_learning.asset_service import Assets, asset_routes
from emulator.services.machine_learning.blobs import BlobLocation, BlobStorage, account_must_exist
from emulator.services.machine_learning.datastores import resolve_uri
from emulator.services.machine_learning.errors import bad_asset, user_error
from emulator.services.machine_learning.paths import CODES, require_workspace, version_of
from emulator.store import Resource, Store

UPLOAD_HOURS = 24
# Where the files go is the same for both.
UPLOAD_TYPES = ("TemporaryBlobReference", "None")


class Codes(Assets):
    ROUTES = (
        *asset_routes(CODES),
        ("POST", version_of(CODES) + "/startPendingUpload", "start_pending_upload"),
    )
    collection = "codes"
    noun = "code asset"
    fixed = ("codeUri",)

    def __init__(self, store: Store, blobs: BlobStorage) -> None:
        super().__init__(store)
        self.blobs = blobs

    async def list_versions(self, request: ArmRequest) -> ArmResponse:
        """By hash, the code of any name in the workspace: the client asks before it uploads."""
        content_hash = request.query.get("hash")
        if content_hash is None:
            return await super().list_versions(request)
        workspace = require_workspace(self.store, request)
        wanted = {
            "hash_sha256": content_hash,
            "hash_version": request.query.get("hashVersion", ""),
        }
        found = [
            shown(version)
            for version in self.store.of_type(self.version_type, workspace.id)
            if wanted.items() <= version.properties["properties"].items()
        ]
        return page(request, found)

    async def start_pending_upload(self, request: ArmRequest) -> ArmResponse:
        """A new container for each upload: in an older one the client would find older files."""
        workspace = require_workspace(self.store, request)
        body = Fields({} if request.body is None else request.body, refuse=bad_asset)
        upload_type = body.choice("pendingUploadType", UPLOAD_TYPES, UPLOAD_TYPES[0])
        account_id = str(workspace.properties["storageAccount"])
        account = name_of(account_id)
        ending = base64.b32encode(secrets.token_bytes(16)).decode().rstrip("=").lower()
        container = f"{workspace.properties['workspaceId']}-{ending}"
        with account_must_exist(account):
            sas = self.blobs.container_sas(account, container, "racwl", UPLOAD_HOURS)
        self.blobs.create_container(account, container)
        uri = BlobLocation(account, container, "").url.rstrip("/")
        return ArmResponse(
            {
                "pendingUploadId": body.text("pendingUploadId") or new_guid(),
                "pendingUploadType": upload_type,
                "blobReferenceForConsumption": {
                    "blobUri": uri,
                    "storageAccountArmId": account_id,
                    "credential": {"credentialType": "SAS", "sasUri": f"{uri}?{sas}"},
                },
            }
        )

    def content(
        self, workspace: Resource, given: Fields, *, new: bool
    ) -> tuple[dict[str, Any], BlobLocation | None]:
        uri, location = resolve_uri(self.store, workspace, given.text("codeUri"))
        if new and not self.blobs.exists(location.account, location.container, location.path):
            raise user_error(400, f"There are no files at {uri}. Upload the code first.")
        return {"codeUri": uri}, location

    def missing(self, name: str, version: str = "") -> ArmError:
        which = f"name: {name}, version: {version}" if version else f"name: {name}"
        return user_error(404, f"Code asset with {which} not found.")

    def changed(self, name: str, version: str) -> ArmError:
        return user_error(
            400,
            "Asset paths cannot be updated.",
            detail=("CodeVersionExists", f"{name}, version {version}"),
        )
