"""Where the sources and the logs of builds are: in a storage account of ACR Tasks itself."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from emulator.services.container_registry.build_log import LogStore
from emulator.store import Resource

# It is Azure's, not the learner's.
ACCOUNT = "acrtaskslocal"


class BuildStorage(LogStore, Protocol):
    """What builds need of blob storage; the composition root hands the service in."""

    def internal_account(self, name: str) -> None: ...
    def create_container(self, account: str, name: str) -> None: ...
    def container_sas(
        self, account: str, container: str, permissions: str, hours: float
    ) -> str: ...
    async def delete_container(self, account: str, name: str) -> None: ...
    def is_blob(self, account: str, container: str, path: str) -> bool: ...
    async def materialize(self, account: str, container: str, prefix: str, target: Path) -> int: ...


def container_of(registry: Resource) -> str:
    """The registry's own container: a link to one must not open another's sources."""
    return f"{registry.name.lower()}-{registry.private['key']}"


def log_path(run: Resource) -> str:
    return f"logs/{run.name}/rawtext.log"


def url_of(container: str, path: str) -> str:
    return f"https://{ACCOUNT}.blob.core.windows.net/{container}/{path}"
