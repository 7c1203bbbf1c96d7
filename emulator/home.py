"""The state folder of local Azure: one per checkout, never inside the repository."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Home:
    """Where each part of the state lives. Nothing here touches the disk but `create`."""

    root: Path

    @property
    def database(self) -> Path:
        return self.root / "state.db"

    @property
    def blobs(self) -> Path:
        return self.root / "blobs"

    @property
    def deployments(self) -> Path:
        return self.root / "deployments"

    @property
    def environments(self) -> Path:
        return self.root / "environments"

    @property
    def containers(self) -> Path:
        return self.root / "containers"

    @property
    def tls(self) -> Path:
        return self.root / "tls"

    @property
    def ca_certificate(self) -> Path:
        return self.tls / "ca.pem"

    @property
    def identity(self) -> Path:
        return self.root / "identity.json"

    @property
    def azure_config(self) -> Path:
        """AZURE_CONFIG_DIR for the az CLI, so that a real sign-in is never touched."""
        return self.root / "azure-cli"

    @property
    def process_file(self) -> Path:
        return self.root / "emulator.json"

    @property
    def port_file(self) -> Path:
        return self.root / "port"

    @property
    def lock(self) -> Path:
        return self.root / "emulator.lock"

    @property
    def log(self) -> Path:
        return self.root / "emulator.log"

    def create(self) -> None:
        """Make the folder, readable by its owner alone: it holds keys and secrets."""
        self.root.mkdir(parents=True, exist_ok=True, mode=0o700)
        folders = (self.blobs, self.deployments, self.environments, self.containers, self.tls)
        for folder in folders:
            folder.mkdir(exist_ok=True, mode=0o700)


def find_home() -> Home:
    """AZURE_LOCAL_HOME if set, else a folder of this checkout's own in the user's state."""
    if chosen := os.environ.get("AZURE_LOCAL_HOME"):
        return Home(Path(chosen).expanduser().resolve())
    if os.name == "nt":
        base = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    else:
        base = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state")
    checkout = hashlib.sha256(str(CHECKOUT).encode()).hexdigest()[:12]
    return Home(base / "azure-local" / checkout)
