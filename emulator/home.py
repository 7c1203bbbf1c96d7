"""The state folder of local Azure: one per checkout, never inside the repository."""

from __future__ import annotations

import hashlib
import os
import stat
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from emulator.state_file import StateError

CHECKOUT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Home:
    """Where each part of the state lives."""

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
    def portal(self) -> Path:
        """One-time links to the portal, its sessions, and its port."""
        return self.root / "portal"

    @property
    def proxy_password(self) -> Path:
        return self.root / "proxy-password"

    @property
    def process_file(self) -> Path:
        return self.root / "emulator.json"

    @property
    def port_file(self) -> Path:
        return self.root / "port"

    @property
    def lock(self) -> Path:
        """Held by the process that serves from this folder, as long as it lives."""
        return self.root / "emulator.lock"

    @property
    def start_lock(self) -> Path:
        """Held by whoever starts that process, or deletes the folder."""
        return self.root / "start.lock"

    @property
    def log(self) -> Path:
        return self.root / "emulator.log"

    @property
    def _folders(self) -> tuple[Path, ...]:
        return (self.blobs, self.deployments, self.environments, self.containers, self.tls)

    def create(self) -> None:
        """Make the folder, or take back from others what they may do in it: it holds secrets.

        Raises StateError where it is a folder of something else, OSError where it cannot be made.
        """
        self.root.mkdir(parents=True, exist_ok=True, mode=0o700)
        if _is_open(self.root) and not self.is_ours():
            raise StateError(
                f"{self.root} holds other files, and would be closed to all but you. "
                "Set AZURE_LOCAL_HOME to a folder of its own."
            )
        for folder in self._folders:
            folder.mkdir(exist_ok=True, mode=0o700)
        for path in (self.root, *self.root.iterdir()):
            with suppress(FileNotFoundError):  # another process's file that was there for a moment
                if not path.is_symlink() and _is_open(path):
                    path.chmod(path.stat().st_mode & ~0o077)

    def is_ours(self) -> bool:
        """Whether the folder, which is there, is local Azure's to close and to delete."""
        if self.lock.exists() or self.database.exists():
            return True
        return {*self.root.iterdir()} <= {*self._folders}


def _is_open(path: Path) -> bool:
    """Whether others than the owner may do something there."""
    return os.name != "nt" and bool(stat.S_IMODE(path.stat().st_mode) & 0o077)


def find_home() -> Home:
    """AZURE_LOCAL_HOME if set, else a folder of this checkout's own in the user's state.

    Raises StateError when this user has no home folder.
    """
    try:
        return _find_home()
    except RuntimeError as error:  # as pathlib says it
        raise StateError(
            f"The state folder of local Azure has no place: {error} Set AZURE_LOCAL_HOME to one."
        ) from None


def _find_home() -> Home:
    if chosen := os.environ.get("AZURE_LOCAL_HOME"):
        return Home(Path(chosen).expanduser().resolve())
    if os.name == "nt":
        base = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    else:
        base = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state")
    checkout = hashlib.sha256(str(CHECKOUT).encode()).hexdigest()[:12]
    return Home(base / "azure-local" / checkout)
