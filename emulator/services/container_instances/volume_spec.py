"""Volumes of a group, and where its containers mount them.

https://learn.microsoft.com/azure/container-instances/container-instances-volume-secret
https://learn.microsoft.com/azure/container-instances/container-instances-volume-emptydir
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from typing import Any

from emulator.arm.errors import bad_request, not_emulated
from emulator.arm.fields import Fields

_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_KEY = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")
_PATH = r"(/[^/:\0]+)+/?"


@dataclass(frozen=True)
class GroupVolume:
    """An empty directory, or one with a file for each secret.

    `secret` holds the files' names and contents (in base64, as they are given); None for an empty
    directory.
    """

    name: str
    secret: tuple[tuple[str, str], ...] | None

    @property
    def files(self) -> dict[str, bytes]:
        return {key: base64.b64decode(value) for key, value in self.secret or ()}

    @classmethod
    def read(cls, fields: Fields) -> GroupVolume:
        """Raises ArmError: 501 for shares and repositories, 400 for what is wrong."""
        name = fields.text("name") or ""
        if not _NAME.fullmatch(name):
            raise fields.error(
                "name",
                f"The volume name {name!r} is invalid. It must match the regex "
                "'[a-z0-9]([-a-z0-9]*[a-z0-9])?'.",
            )
        for kind in ("azureFile", "gitRepo"):
            if fields.has(kind):
                raise not_emulated(f"{kind} volumes of a container group")
        # An empty emptyDir is {}; that it is there is what says so.
        kinds = [kind for kind in ("emptyDir", "secret") if fields.has(kind)]
        if len(kinds) != 1:
            raise fields.error(
                "",
                f"The volume '{name}' must be one of emptyDir, secret, azureFile and gitRepo.",
            )
        if kinds == ["secret"]:
            return cls(name, _secret(fields))
        fields.object("emptyDir")  # which must be an object
        return cls(name, None)

    def to_body(self, *, secrets: bool) -> dict[str, Any]:
        if self.secret is None:
            return {"name": self.name, "emptyDir": {}}
        return {"name": self.name, "secret": dict(self.secret) if secrets else {}}


@dataclass(frozen=True)
class MountedVolume:
    """Where a container has a volume of its group. `path` is absolute."""

    name: str
    path: str
    read_only: bool | None

    @property
    def folder(self) -> str:
        return self.path.rstrip("/")

    @classmethod
    def read(
        cls, fields: Fields, container: str, volumes: tuple[GroupVolume, ...]
    ) -> MountedVolume:
        """Raises ArmError naming the field when it mounts what the group does not have."""
        name = fields.text("name")
        volume = next((one for one in volumes if one.name == name), None)
        if volume is None:
            raise bad_request(
                f"The volume '{name}' that the container '{container}' mounts is not among the "
                "group's volumes.",
                code="VolumeNotFound",
                target=fields.at("name"),
            )
        read_only = fields.flag("readOnly")
        if read_only and volume.secret is None:
            raise not_emulated("emptyDir volumes that are mounted read-only")
        path = fields.text("mountPath") or ""
        if not re.fullmatch(_PATH, path) or ".." in path:
            raise fields.error(
                "mountPath",
                f"The mount path {path!r} must be absolute, have no colon and no '..'.",
            )
        return cls(volume.name, path, read_only)

    def to_body(self) -> dict[str, Any]:
        body: dict[str, Any] = {"name": self.name, "mountPath": self.path}
        return body if self.read_only is None else {**body, "readOnly": self.read_only}


def read_volumes(properties: Fields) -> tuple[GroupVolume, ...]:
    """The volumes of a group. Raises ArmError, also for a name that two of them have."""
    found: dict[str, GroupVolume] = {}
    for fields in properties.objects("volumes"):
        volume = GroupVolume.read(fields)
        if volume.name in found:
            raise fields.error("name", f"The volume name '{volume.name}' is used more than once.")
        found[volume.name] = volume
    return tuple(found.values())


def _secret(fields: Fields) -> tuple[tuple[str, str], ...]:
    given = fields.object("secret")
    files = fields.mapping("secret")
    for key, value in files.items():
        if not _KEY.fullmatch(key):
            raise given.error("", f"'{key}' cannot be the name of a secret's file.")
        try:
            base64.b64decode(value, validate=True)
        except ValueError:
            raise given.error(key, f"The secret '{key}' is not in base64.") from None
    return tuple(files.items())
