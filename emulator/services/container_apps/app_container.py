"""One container of a template: its image, program, variables, resources, probes and mounts.

https://learn.microsoft.com/azure/container-apps/containers
"""

from __future__ import annotations

import re
from collections.abc import Container
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from emulator.arm.errors import bad_request, not_emulated
from emulator.arm.fields import Fields
from emulator.services.container_apps.app_probe import AppProbe
from emulator.services.container_apps.app_volume import NAME, AppVolumeMount
from emulator.services.container_apps.errors import invalid, unknown_secret

LONGEST_NAME = 46
_VARIABLE = re.compile(r"[-._a-zA-Z][-._a-zA-Z0-9]*")
_MEMORY = re.compile(r"(\d{1,6}(?:\.\d{1,6})?)(Gi|Mi)", re.ASCII)
_STORAGE = ((0.25, 1), (0.5, 2), (1, 4), (4, 8))  # cores up to -> Gi


@dataclass(frozen=True)
class AppVariable:
    """One variable: its value, or (`secret`) the name of the secret that has it."""

    name: str
    value: str = ""
    secret: str = ""

    @classmethod
    def read(cls, fields: Fields, container: Fields, secrets: Container[str] | None) -> AppVariable:
        fields.only(("name", "value", "secretRef"), "a variable")
        name = fields.text("name", "")
        if not _VARIABLE.fullmatch(name):
            raise invalid(
                f"{container.path}.env.name", f'Invalid value: "{name}": not the name of a variable'
            )
        value, reference = fields.text("value", ""), fields.text("secretRef", "")
        if not reference:
            return cls(name, value)
        if secrets is not None and reference not in secrets:
            where = f"container '{container.text('name', '')}'"
            raise unknown_secret(reference, where, f"{container.path}.env.{name}")
        return cls(name, secret=reference)

    def to_body(self) -> dict[str, Any]:
        if self.secret:
            return {"name": self.name, "secretRef": self.secret}
        return {"name": self.name, "value": self.value}


@dataclass(frozen=True)
class AppResources:
    """Cores, and memory as it was sent, such as "0.5Gi"."""

    cpu: float = 0.5
    memory: str = "1Gi"

    @classmethod
    def read(cls, fields: Fields) -> AppResources:
        fields.only(("cpu", "memory", "ephemeralStorage", "gpu"), "resources")
        fields.not_emulated({"gpu": 0}, "a container")
        if not fields.has("cpu") and not fields.has("memory"):
            return cls()
        cpu = fields.number("cpu", 0.0, least=-1e9)
        if not 0 < cpu <= 4:
            given = cpu if fields.has("cpu") else None
            raise invalid(fields.at("cpu"), f"Invalid value: {given}: must be above 0, up to 4")
        memory = fields.text("memory")
        found = _MEMORY.fullmatch(memory or "")
        if memory is None or not found or not Decimal(found[1]):
            raise invalid(
                fields.at("memory"), f'Invalid value: "{memory}": must be such as "0.5Gi"'
            )
        return cls(cpu, memory)

    @property
    def memory_gb(self) -> float:
        return float(self.memory_size)

    @property
    def memory_size(self) -> Decimal:
        """In Gi."""
        number = Decimal(self.memory[:-2])
        return number / 1024 if self.memory.endswith("Mi") else number

    def to_body(self) -> dict[str, Any]:
        storage = next(size for most, size in _STORAGE if self.cpu <= most)
        return {"cpu": self.cpu, "memory": self.memory, "ephemeralStorage": f"{storage}Gi"}


@dataclass(frozen=True)
class AppContainer:
    """`command` and `args` are empty where the image's own are to be run."""

    name: str
    image: str
    command: tuple[str, ...]
    args: tuple[str, ...]
    variables: tuple[AppVariable, ...]
    resources: AppResources
    probes: tuple[AppProbe, ...]
    mounts: tuple[AppVolumeMount, ...]

    @classmethod
    def read(
        cls, given: Fields, volumes: Container[str], secrets: Container[str] | None, *, init: bool
    ) -> AppContainer:
        """`volumes` are the template's, `secrets` the app's (None: any).

        Raises ArmError 400 naming the field, or 501.
        """
        given.only(
            (
                "name",
                "image",
                "imageType",
                "command",
                "args",
                "env",
                "resources",
                "probes",
                "volumeMounts",
            ),
            "a container",
        )
        list_path = f"properties.template.{'initContainers' if init else 'containers'}"
        name = given.text("name", "")
        if not NAME.fullmatch(name) or len(name) > LONGEST_NAME:
            raise invalid(
                f"{list_path}.name",
                f'Invalid value: "{name}": a container name must consist of lower case '
                "alphanumeric characters or '-', start and end with an alphanumeric character, and "
                f"be at most {LONGEST_NAME} characters",
            )
        # Azure names a container's fields by its name, not its number.
        fields = Fields(given.value, f"{list_path}.{name}", given.refuse)
        image = fields.text("image", "").strip()
        if not image:
            raise bad_request(
                f"Container with name '{name}' must have an 'Image' property specified.",
                code="ContainerAppImageRequired",
                target=fields.at("image"),
            )
        if fields.choice("imageType", ("ContainerImage", "CloudBuild")) == "CloudBuild":
            raise not_emulated("containers whose imageType is CloudBuild")
        probes = [AppProbe.read(item, fields.path) for item in fields.objects("probes")]
        kinds = [probe.type for probe in probes]
        if len(kinds) != len(set(kinds)):
            raise invalid(
                fields.at("probes"), "Invalid value: only one probe of each type is allowed"
            )
        if init and probes:
            raise invalid(fields.at("probes"), "Invalid value: init containers have no probes")
        return cls(
            name,
            image,
            tuple(fields.texts("command")),
            tuple(fields.texts("args")),
            tuple(AppVariable.read(item, fields, secrets) for item in fields.objects("env")),
            AppResources.read(fields.object("resources")),
            tuple(probes),
            tuple(
                AppVolumeMount.read(item, fields.path, volumes)
                for item in fields.objects("volumeMounts")
            ),
        )

    def to_body(self) -> dict[str, Any]:
        some = {
            "command": list(self.command),
            "args": list(self.args),
            "env": [variable.to_body() for variable in self.variables],
            "probes": [probe.to_body() for probe in self.probes],
            "volumeMounts": [mount.to_body() for mount in self.mounts],
        }
        return {
            "image": self.image,
            "name": self.name,
            "resources": self.resources.to_body(),
            **{key: value for key, value in some.items() if value},
        }
