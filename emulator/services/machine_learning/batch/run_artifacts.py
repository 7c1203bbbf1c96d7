"""The files of a run in the workspace's artifact store: its logs.

https://learn.microsoft.com/azure/machine-learning/how-to-log-view-metrics#view-and-download-log-files-for-a-run
"""

from __future__ import annotations

import asyncio
import mimetypes
from pathlib import Path
from urllib.parse import quote

from emulator.services.machine_learning.blobs import BlobLocation, BlobStorage
from emulator.services.machine_learning.datastores import ARTIFACTS, find_datastore
from emulator.store import Resource, Store

LINK_HOURS = 24.0


def data_container(run: str) -> str:
    """The folder of a run in the artifact store. MLClient looks there for a run's logs."""
    return f"ExperimentRun/dcid.{run}"


class RunArtifacts:
    def __init__(self, store: Store, blobs: BlobStorage) -> None:
        self.store = store
        self.blobs = blobs

    async def write(self, workspace: Resource, run: str, path: str, content: str) -> None:
        """Create or replace one file. Raises LookupError when the storage account is gone."""
        place = self._place(workspace, run)
        await self._write(place, path, content.encode())

    async def upload(self, workspace: Resource, run: str, folder: Path) -> None:
        """Create or replace a file for each one below the folder."""
        await self.put(self._place(workspace, run), folder)

    async def put(self, place: BlobLocation, folder: Path) -> None:
        """Create or replace a blob below `place` for each file below the folder."""
        for file in sorted(path for path in folder.rglob("*") if path.is_file()):
            content = await asyncio.to_thread(file.read_bytes)
            await self._write(place, file.relative_to(folder).as_posix(), content)

    def links(self, workspace: Resource, run: str) -> dict[str, str]:
        """Each file of the run, and a URL that reads it for LINK_HOURS."""
        place = self._place(workspace, run)
        try:
            sas = self.blobs.container_sas(place.account, place.container, "r", LINK_HOURS)
        except LookupError:
            return {}
        names = self.blobs.names(place.account, place.container, f"{place.path}/")
        root = BlobLocation(place.account, place.container, "").url
        return {name.removeprefix(f"{place.path}/"): f"{root}{quote(name)}?{sas}" for name in names}

    async def _write(self, place: BlobLocation, path: str, content: bytes) -> None:
        self.blobs.create_container(place.account, place.container)
        await self.blobs.write(
            place.account,
            place.container,
            f"{place.path}/{path}",
            content,
            content_type=mimetypes.guess_type(path)[0] or "application/octet-stream",
            metadata={},
        )

    def _place(self, workspace: Resource, run: str) -> BlobLocation:
        properties = find_datastore(self.store, workspace, ARTIFACTS).properties
        return BlobLocation(
            properties["accountName"], properties["containerName"], data_container(run)
        )
