"""Files of a datastore, found in its blob container with the secret that the datastore has.

https://learn.microsoft.com/rest/api/azureml/datastores
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from azure.core.credentials import AzureSasCredential
from azure.core.exceptions import AzureError

from portal.azure import Azure, RefusedError
from portal.pages import segment

MOST = 1000  # files shown
# https://learn.microsoft.com/azure/machine-learning/how-to-access-data-interactive
URI = re.compile(r"azureml://.*?datastores/(?P<datastore>[^/]+)/paths/(?P<path>.*)")
HOURS = 1


@dataclass(frozen=True)
class BlobFile:
    """`name` is relative to the folder that was listed; `size` in bytes."""

    name: str
    size: int

    @property
    def shown_size(self) -> str:
        """As 12 bytes, 3.4 kB, 5.6 MB."""
        size, unit = float(self.size), "bytes"
        for larger in ("kB", "MB", "GB"):
            if size < 1000:
                break
            size, unit = size / 1000, larger
        return f"{size:.1f} {unit}" if unit != "bytes" else f"{self.size} bytes"


async def list_files(azure: Azure, workspace: str, uri: str) -> list[BlobFile]:
    """Return the files at azureml://…/datastores/{name}/paths/{path}. Raises RefusedError."""
    match = URI.fullmatch(uri)
    if match is None:
        raise RefusedError(0, "", f"The files are at {uri}, which is not in a datastore.")
    path = f"{workspace}/datastores/{segment(match['datastore'])}"
    datastore = (await azure.get(path))["properties"]
    from azure.storage.blob.aio import ContainerClient  # a quarter of a second, and few need it

    suffix = datastore.get("endpoint") or "core.windows.net"
    prefix = match["path"].rstrip("/")
    try:
        async with ContainerClient(
            f"https://{datastore['accountName']}.blob.{suffix}",
            datastore["containerName"],
            credential=await _credential(azure, path, datastore),
            retry_total=1,
        ) as container:
            found = []
            async for blob in container.list_blobs(name_starts_with=prefix):
                # A prefix "model" finds "model-2/x" as well.
                if blob.name == prefix or blob.name.startswith(f"{prefix}/"):
                    name = blob.name.removeprefix(prefix).lstrip("/")
                    found.append(BlobFile(name or prefix.rpartition("/")[2], blob.size))
                if len(found) == MOST:
                    break
            return found
    except AzureError as error:
        raise RefusedError(0, "", str(error).partition("\n")[0]) from None


async def _credential(azure: Azure, path: str, datastore: dict[str, Any]) -> Any:
    kind = (datastore.get("credentials") or {}).get("credentialsType")
    if kind not in ("AccountKey", "Sas"):
        return azure.credential  # who signs in to the datastore's account is the user
    asked = {"expirableSecret": True, "expireAfterHours": HOURS}
    secret = (await azure.send("POST", f"{path}/listSecrets", body=asked)).json()
    if secret.get("sasToken"):
        return AzureSasCredential(secret["sasToken"].lstrip("?"))
    return secret.get("key")
