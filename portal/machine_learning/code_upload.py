"""A scoring script's way to Azure: a place for it, its files, and the code asset that names them.

https://learn.microsoft.com/rest/api/azureml/code-versions
https://learn.microsoft.com/rest/api/storageservices/put-blob
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from urllib.parse import urlsplit

from starlette.datastructures import UploadFile

from portal.azure import Azure, RefusedError
from portal.pages import segment

FOLDER = "code"
BLOB = {
    "x-ms-version": "2023-11-03",
    "x-ms-blob-type": "BlockBlob",
    "content-type": "application/octet-stream",
}


async def upload_code(azure: Azure, workspace_id: str, files: Sequence[UploadFile]) -> str:
    """Return the id of a new code asset with these files. Raises RefusedError."""
    asset = f"{workspace_id}/codes/{uuid.uuid4()}/versions/1"
    answer = await azure.send(
        "POST",
        f"{asset}/startPendingUpload",
        body={"pendingUploadType": "TemporaryBlobReference"},
    )
    place = answer.json()["blobReferenceForConsumption"]
    signature = urlsplit(place["credential"]["sasUri"]).query
    folder = f"{place['blobUri'].rstrip('/')}/{FOLDER}"
    for file in files:
        url = f"{folder}/{segment(file.filename or '')}?{signature}"
        stored = await azure.request("PUT", url, BLOB, await file.read())
        if stored.status_code != 201:
            code = stored.headers.get("x-ms-error-code", "")
            raise RefusedError(stored.status_code, code, f"{file.filename} could not be stored.")
    await azure.send("PUT", asset, body={"properties": {"codeUri": folder, "isAnonymous": True}})
    return asset
