"""`properties.template`: containers, volumes and scaling. Changing it makes a new revision.

https://learn.microsoft.com/azure/container-apps/azure-resource-manager-api-spec
"""

from __future__ import annotations

import re
from collections.abc import Container
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from emulator.arm.errors import bad_request
from emulator.arm.fields import Fields
from emulator.services.container_apps.app_container import AppContainer
from emulator.services.container_apps.app_scale import AppScale
from emulator.services.container_apps.app_volume import AppVolume
from emulator.services.container_apps.errors import invalid, invalid_schema, whole

DEFAULT_GRACE = 30  # seconds
LONGEST_NAME = 54  # a revision's, the app's name and two dashes included
# Consumption: cores in quarters up to 4, and 2 Gi for each core.
SIZES = {Decimal(n) / 4: Decimal(n) / 2 for n in range(1, 17)}
_SUFFIX = re.compile(r"[a-z](?!.*--)([a-z0-9-]*[a-z0-9])?")


@dataclass(frozen=True)
class AppTemplate:
    """`suffix` is the end of the revision's name, "" for one that Azure makes up; `grace` is how
    long (seconds) containers have to end, None where nothing is said."""

    suffix: str
    grace: int | None
    containers: tuple[AppContainer, ...]
    init_containers: tuple[AppContainer, ...]
    scale: AppScale
    volumes: tuple[AppVolume, ...]

    @classmethod
    def read(cls, fields: Fields, app: str, secrets: Container[str] | None) -> AppTemplate:
        """`app` is the app's name, `secrets` are its secrets (None: any).

        Raises ArmError 400 naming the field, or 501.
        """
        fields.only(
            (
                "revisionSuffix",
                "terminationGracePeriodSeconds",
                "initContainers",
                "containers",
                "scale",
                "volumes",
                "serviceBinds",
            ),
            "a template",
        )
        fields.not_emulated(("serviceBinds",), "a container app")
        volumes = read_volumes(fields, secrets)
        containers, inits = read_containers(fields, volumes, secrets)
        suffix = fields.text("revisionSuffix", "")
        _check_suffix(suffix, app, fields.at("revisionSuffix"))
        return cls(
            suffix,
            _grace(fields),
            containers,
            inits,
            AppScale.read(fields.object("scale"), secrets),
            volumes,
        )

    @classmethod
    def stored(cls, body: dict[str, Any], app: str) -> AppTemplate:
        """Read back what `to_body` made."""
        return cls.read(Fields(body, "properties.template", invalid_schema), app, None)

    def to_body(self) -> dict[str, Any]:
        return {
            "revisionSuffix": self.suffix,
            "terminationGracePeriodSeconds": self.grace,
            "containers": [container.to_body() for container in self.containers],
            "initContainers": [one.to_body() for one in self.init_containers] or None,
            "scale": self.scale.to_body(),
            "volumes": [volume.to_body() for volume in self.volumes] or None,
            "serviceBinds": None,
        }

    def makes_revision(self, before: AppTemplate) -> bool:
        """Whether it runs something else than the one before it, or is to have a new name."""
        renamed = bool(self.suffix) and self.suffix != before.suffix
        return renamed or replace(self, suffix="") != replace(before, suffix="")

    @property
    def images(self) -> tuple[tuple[str, str], ...]:
        """The names of all containers, and their images."""
        return tuple((one.name, one.image) for one in self.containers + self.init_containers)


def _grace(fields: Fields) -> int | None:
    seconds = whole(fields, "terminationGracePeriodSeconds", 0, 600, DEFAULT_GRACE)
    return seconds if fields.has("terminationGracePeriodSeconds") else None


def read_volumes(fields: Fields, secrets: Container[str] | None) -> tuple[AppVolume, ...]:
    """The volumes of a template. Raises ArmError 400 or 501."""
    volumes = tuple(AppVolume.read(item, secrets) for item in fields.objects("volumes"))
    if len({volume.name for volume in volumes}) != len(volumes):
        raise invalid(fields.at("volumes"), "Invalid value: each volume needs its own name")
    return volumes


def read_containers(
    fields: Fields, volumes: tuple[AppVolume, ...], secrets: Container[str] | None
) -> tuple[tuple[AppContainer, ...], tuple[AppContainer, ...]]:
    """The containers of a template, and its init containers. Raises ArmError 400 or 501."""
    known = {volume.name for volume in volumes}
    containers = tuple(
        AppContainer.read(item, known, secrets, init=False) for item in fields.objects("containers")
    )
    if not containers:
        raise bad_request(
            "A container app must have at least one container in its template.",
            code="ContainerAppContainersRequired",
            target=fields.at("containers"),
        )
    inits = tuple(
        AppContainer.read(item, known, secrets, init=True)
        for item in fields.objects("initContainers")
    )
    names = [container.name for container in containers + inits]
    if twice := {name for name in names if names.count(name) > 1}:
        raise invalid(fields.at("containers"), f'Invalid value: "{min(twice)}": must be unique')
    _check_total(containers, fields.at("containers.resources"))
    return containers, inits


def _check_suffix(suffix: str, app: str, path: str) -> None:
    if suffix and (not _SUFFIX.fullmatch(suffix) or len(f"{app}--{suffix}") > LONGEST_NAME):
        raise bad_request(
            f"Revision name has an invalid value '{suffix}'. A revision name must consist of lower "
            "case alphanumeric characters or '-', start with an alphabetic character, and end with "
            "an alphanumeric character. The length of the revision name must not be more than a "
            f"combined {LONGEST_NAME} characters with the container app name.",
            code="ContainerAppInvalidRevisionName",
            target=path,
        )


def _check_total(containers: tuple[AppContainer, ...], path: str) -> None:
    cpu = sum(Decimal(str(one.resources.cpu)) for one in containers)
    memory = sum(one.resources.memory_size for one in containers)
    if SIZES.get(Decimal(cpu)) != memory:
        allowed = "; ".join(
            f"[cpu: {cores.normalize():f}, memory: {size:.1f}Gi]" for cores, size in SIZES.items()
        )
        raise bad_request(
            "The total requested CPU and memory resources for this application (CPU: "
            f"{cpu}, memory: {memory}) is invalid. Total CPU and memory for all containers defined "
            "in a Container App must add up to one of the following CPU - Memory combinations: "
            f"{allowed}",
            code="ContainerAppInvalidResourceTotal",
            target=path,
        )
