"""Volumes of a template, and where containers have them.

https://learn.microsoft.com/azure/container-apps/storage-mounts
"""

from __future__ import annotations

import re
from collections.abc import Container
from dataclasses import dataclass
from typing import Any

from emulator.arm.errors import not_emulated
from emulator.arm.fields import Fields
from emulator.services.container_apps.errors import invalid, unknown_secret

TYPES = ("AzureFile", "EmptyDir", "NfsAzureFile", "Secret", "Smb")
NAME = re.compile(r"[a-z0-9](?!.*--)([a-z0-9-]*[a-z0-9])?")


@dataclass(frozen=True)
class AppVolume:
    """`secrets` has pairs of a secret's name and its file's name; empty means all secrets.

    `storage_name` and `mount_options` are for files on Azure: an EmptyDir and a Secret need none,
    and keep what they are given.
    """

    name: str
    type: str
    secrets: tuple[tuple[str, str], ...] = ()
    storage_name: str | None = None
    mount_options: str | None = None

    @classmethod
    def read(cls, fields: Fields, secrets: Container[str] | None) -> AppVolume:
        """`secrets` are the app's; None: any. Raises ArmError 400 or 501."""
        fields.only(("name", "storageType", "storageName", "secrets", "mountOptions"), "a volume")
        name = fields.text("name", "")
        if not NAME.fullmatch(name):
            raise invalid("properties.template.volumes.name", f'Invalid value: "{name}"')
        kind = fields.choice("storageType", TYPES, "EmptyDir")
        if kind not in ("EmptyDir", "Secret"):
            raise not_emulated(f"volumes of storage type {kind}")
        items = []
        for item in fields.objects("secrets"):
            item.only(("secretRef", "path"), "a secret of a volume")
            reference, path = item.text("secretRef", ""), item.text("path", "")
            if secrets is not None and reference not in secrets:
                where = f"properties.template.volumes.{name}"
                raise unknown_secret(reference, f"volume '{name}'", where)
            # https://kubernetes.io/docs/reference/kubernetes-api/config-and-storage-resources/volume/
            if path.startswith("/") or ".." in path.split("/"):
                raise invalid(
                    item.at("path"),
                    f'Invalid value: "{path}": must be a relative path without ".."',
                )
            items.append((reference, path))
        if items and kind != "Secret":
            raise invalid(fields.at("secrets"), f"Invalid value: a volume of type {kind} has none")
        return cls(
            name, kind, tuple(items), fields.text("storageName"), fields.text("mountOptions")
        )

    def to_body(self) -> dict[str, Any]:
        items = [
            {"secretRef": reference, **({"path": path} if path else {})}
            for reference, path in self.secrets
        ]
        return {
            "name": self.name,
            "storageType": self.type,
            **({"storageName": self.storage_name} if self.storage_name else {}),
            **({"secrets": items} if items else {}),
            **({"mountOptions": self.mount_options} if self.mount_options else {}),
        }

    def files(self, secrets: dict[str, str]) -> dict[str, bytes]:
        """File name -> content: the secrets that it names, or all of the app's."""
        chosen = {path or reference: secrets[reference] for reference, path in self.secrets}
        return {name: value.encode() for name, value in (chosen or secrets).items()}


@dataclass(frozen=True)
class AppVolumeMount:
    """`path` is absolute, within the container."""

    volume: str
    path: str

    @classmethod
    def read(cls, fields: Fields, container: str, volumes: Container[str]) -> AppVolumeMount:
        """Read one of the container at this path. Raises ArmError 400 or 501."""
        fields.only(("volumeName", "mountPath", "subPath"), "a volume mount")
        volume, path = fields.text("volumeName", ""), fields.text("mountPath", "")
        if volume not in volumes:
            raise invalid(
                f"{container}.volumeMounts.volumeName",
                f'Invalid value: "{volume}": no volume of the template has this name',
            )
        if not path.startswith("/") or ".." in path.split("/") or ":" in path:
            raise invalid(
                f"{container}.volumeMounts.mountPath",
                f'Invalid value: "{path}": must be an absolute path without ".." and ":"',
            )
        fields.not_emulated(("subPath",), "a volume mount")
        return cls(volume, path)

    def to_body(self) -> dict[str, Any]:
        return {"volumeName": self.volume, "mountPath": self.path}
