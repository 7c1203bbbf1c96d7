"""Volumes of a group, and where its containers mount them.

https://learn.microsoft.com/azure/container-instances/container-instances-volume-secret
https://learn.microsoft.com/azure/container-instances/container-instances-volume-emptydir
"""

from __future__ import annotations

import base64
import re
from typing import Any

from emulator.arm.errors import ArmError, bad_request, not_emulated

_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_KEY = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")


def check_volumes(volumes: list[dict[str, Any]]) -> None:
    """Raises ArmError: 501 for shares and repositories, 400 for what is wrong."""
    seen: set[str] = set()
    for number, volume in enumerate(volumes):
        where = f"volumes[{number}]"
        name = volume.get("name")
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise _invalid(
                f"The volume name {name!r} is invalid. It must match the regex "
                "'[a-z0-9]([-a-z0-9]*[a-z0-9])?'.",
                f"{where}.name",
            )
        if name in seen:
            raise _invalid(f"The volume name '{name}' is used more than once.", f"{where}.name")
        seen.add(name)
        for kind in ("azureFile", "gitRepo"):
            if volume.get(kind) is not None:
                raise not_emulated(f"{kind} volumes of a container group")
        # An empty emptyDir is {}; that it is there is what says so.
        kinds = [kind for kind in ("emptyDir", "secret") if volume.get(kind) is not None]
        if len(kinds) != 1:
            raise _invalid(
                f"The volume '{name}' must be one of emptyDir, secret, azureFile and gitRepo.",
                where,
            )
        if kinds == ["secret"]:
            _check_secret(volume["secret"], f"{where}.secret")


def _check_secret(secret: dict[str, Any], where: str) -> None:
    for key, value in secret.items():
        if not _KEY.fullmatch(key):
            raise _invalid(f"'{key}' cannot be the name of a secret's file.", where)
        try:
            base64.b64decode(value, validate=True)
        except (ValueError, TypeError):
            raise _invalid(f"The secret '{key}' is not in base64.", f"{where}.{key}") from None


def check_mounts(container: dict[str, Any], where: str, volumes: list[dict[str, Any]]) -> None:
    """Every mount names a volume of the group and an absolute path of its own."""
    known = {volume["name"]: volume for volume in volumes}
    seen: set[str] = set()
    for number, mount in enumerate(container["properties"].get("volumeMounts") or []):
        here = f"{where}.properties.volumeMounts[{number}]"
        if mount.get("name") not in known:
            raise bad_request(
                f"The volume '{mount.get('name')}' that the container '{container['name']}' "
                "mounts is not among the group's volumes.",
                code="VolumeNotFound",
                target=f"{here}.name",
            )
        if mount.get("readOnly") and "emptyDir" in known[mount["name"]]:
            raise not_emulated("emptyDir volumes that are mounted read-only")
        path = mount.get("mountPath")
        if not isinstance(path, str) or not re.fullmatch(r"(/[^/:]+)+/?", path) or ".." in path:
            raise _invalid(
                f"The mount path {path!r} must be absolute, have no colon and no '..'.",
                f"{here}.mountPath",
            )
        if path.rstrip("/") in seen:
            raise _invalid(f"The mount path '{path}' is used more than once.", f"{here}.mountPath")
        seen.add(path.rstrip("/"))


def _invalid(message: str, target: str) -> ArmError:
    return bad_request(message, code="InvalidRequestContent", target=target)
