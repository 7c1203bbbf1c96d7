"""The images of the process runtime: folders that a build left, with a digest and tags.

`folder` holds `{digest}/rootfs` (the files that were copied, where the image has them),
`{digest}/config.json`, and `tags.json`. An image is complete or not there, whatever happens.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import stat
import tempfile
import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from emulator.containers.references import with_tag
from emulator.containers.runtime import Image

CONFIG, ROOT, TAGS = "config.json", "rootfs", "tags.json"
UNFINISHED = ".build-"


@dataclass
class ImageConfig:
    """What a Dockerfile says of how an image is run.

    `entrypoint` and `cmd` are the exec form; `*_shell` the shell form, empty if it is not used.
    `python` is the interpreter that has `requirements`. `notes` are what has no effect here.

    `stand_in` says what a stand-in for an image does, "" for an image that was built. That one may
    listen on the port `listens`, or on the one that its user's variable `port_variable` has;
    nothing can be mounted in its folders `unread`.
    """

    base: str = ""
    python: str = ""
    requirements: list[str] = field(default_factory=list)
    variables: dict[str, str] = field(default_factory=dict)
    workdir: str = "/"
    user: str = ""
    ports: list[int] = field(default_factory=list)
    labels: dict[str, str] = field(default_factory=dict)
    healthcheck: str = ""
    entrypoint: list[str] = field(default_factory=list)
    entrypoint_shell: str = ""
    cmd: list[str] = field(default_factory=list)
    cmd_shell: str = ""
    notes: list[str] = field(default_factory=list)
    stand_in: str = ""
    listens: int = 0
    port_variable: str = ""
    unread: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Stored:
    """An image on disk."""

    digest: str
    size: int
    created: datetime
    root: Path
    config: ImageConfig

    def named(self, reference: str) -> Image:
        ports = tuple(self.config.ports)
        return Image(reference, self.digest, self.size, self.created, ports, self.config.stand_in)


class ProcessImages:
    """The images of one local Azure."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.folder = folder
        self.changing = threading.Lock()  # builds finish in threads
        try:
            self.tags: dict[str, str] = json.loads((folder / TAGS).read_text())
        except FileNotFoundError:
            self.tags = {}
        used = set(self.tags.values())
        for entry in folder.iterdir():  # a build that was cut short, an image that lost its tag
            if entry.is_dir() and entry.name not in used:
                shutil.rmtree(entry, ignore_errors=True)

    def begin(self) -> Path:
        """A new folder for a build, with an empty root."""
        folder = Path(tempfile.mkdtemp(prefix=UNFINISHED, dir=self.folder))
        (folder / ROOT).mkdir()
        return folder

    def finish(self, folder: Path, config: ImageConfig, tags: list[str]) -> Stored:
        """Make an image of what was built there. The same content is the same image."""
        with self.changing:
            return self._finish(folder, config, tags)

    def _finish(self, folder: Path, config: ImageConfig, tags: list[str]) -> Stored:
        root = folder / ROOT
        digest, size = _digest(root, asdict(config))
        body = {
            "size": size,
            "created": datetime.now(UTC).isoformat(),
            "config": asdict(config),
        }
        (folder / CONFIG).write_text(json.dumps(body, indent=1))
        if (self.folder / digest).exists():
            shutil.rmtree(folder)
        else:
            folder.replace(self.folder / digest)
        before = {self.tags.get(tag, digest) for tag in tags}
        self._save(self.tags | dict.fromkeys(tags, digest))
        self._forget(before)
        return self._load(digest)

    def find(self, reference: str) -> Stored | None:
        digest = self.tags.get(with_tag(reference))
        return self._load(digest) if digest else None

    def of_registry(self, registry: str) -> list[Image]:
        return [
            self._load(digest).named(tag)
            for tag, digest in sorted(self.tags.items())
            if tag.startswith(f"{registry}/")
        ]

    def tag(self, image: Image, reference: str) -> None:
        with self.changing:
            digest = self.tags[with_tag(image.reference)]
            before = {self.tags.get(with_tag(reference), digest)}
            self._save(self.tags | {with_tag(reference): digest})
            self._forget(before)

    def remove(self, reference: str) -> None:
        with self.changing:
            digest = self.tags.get(with_tag(reference))
            if digest:
                tag = with_tag(reference)
                self._save({name: each for name, each in self.tags.items() if name != tag})
                self._forget({digest})

    def _load(self, digest: str) -> Stored:
        folder = self.folder / digest
        body = json.loads((folder / CONFIG).read_text())
        return Stored(
            f"sha256:{digest}",
            body["size"],
            datetime.fromisoformat(body["created"]),
            folder / ROOT,
            ImageConfig(**body["config"]),
        )

    def _save(self, tags: dict[str, str]) -> None:
        temporary = self.folder / f"{TAGS}.new"
        with temporary.open("w") as file:
            json.dump(tags, file, indent=1, sort_keys=True)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(self.folder / TAGS)
        self.tags = tags

    def _forget(self, digests: set[str]) -> None:
        """Containers have copies of their own, so an image without a tag is of no use."""
        for digest in digests - set(self.tags.values()):
            shutil.rmtree(self.folder / digest, ignore_errors=True)


def _digest(root: Path, config: Mapping[str, Any]) -> tuple[str, int]:
    """SHA-256 in hex over the files and the settings, and the files' size in bytes."""
    total = hashlib.sha256(json.dumps(config, sort_keys=True).encode())
    size = 0
    for folder, folders, files in os.walk(root):
        folders.sort()
        for name in sorted([*folders, *files]):
            path = Path(folder, name)
            mode = path.lstat().st_mode
            content = ""
            if path.is_symlink():
                content = os.readlink(path)
            elif path.is_file():
                with path.open("rb") as file:
                    content = hashlib.file_digest(file, "sha256").hexdigest()
                size += path.stat().st_size
            entry = [path.relative_to(root).as_posix(), stat.filemode(mode), content]
            total.update(json.dumps(entry).encode())
    return total.hexdigest(), size
