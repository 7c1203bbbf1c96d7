"""`properties.template` of a job: what each execution runs, unless it is started with another.

https://learn.microsoft.com/rest/api/resource-manager/containerapps/jobs/start
"""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass, replace
from typing import Any

from emulator.arm.fields import Fields
from emulator.services.container_apps.app_container import AppContainer
from emulator.services.container_apps.app_template import read_containers, read_volumes
from emulator.services.container_apps.app_volume import AppVolume
from emulator.services.container_apps.jobs.errors import invalid_job

# What an execution's template has of a container. Its probes and mounts are those of the job's
# container of the same name, if there is one.
_OVERRIDDEN = ("name", "image", "imageType", "command", "args", "env", "resources")


@dataclass(frozen=True)
class JobTemplate:
    containers: tuple[AppContainer, ...]
    init_containers: tuple[AppContainer, ...]
    volumes: tuple[AppVolume, ...]

    @classmethod
    def read(cls, fields: Fields, secrets: Container[str] | None) -> JobTemplate:
        """`secrets` are the job's; None: any. Raises ArmError 400 naming the field, or 501."""
        fields.only(("containers", "initContainers", "volumes"), "a job's template")
        volumes = read_volumes(fields, secrets)
        return cls(*read_containers(fields, volumes, secrets), volumes)

    @classmethod
    def stored(cls, body: dict[str, Any]) -> JobTemplate:
        """Read back what `to_body` made."""
        return cls.read(Fields(body, "properties.template", invalid_job), None)

    def overridden(self, body: object, secrets: Container[str]) -> JobTemplate:
        """What an execution runs that is started with a template of its own, which takes the place
        of this one. Raises ArmError 400 naming the field, or 501."""
        fields = Fields(body, "template", invalid_job)
        fields.only(("containers", "initContainers"), "an execution's template")
        for container in fields.objects("containers") + fields.objects("initContainers"):
            container.only(_OVERRIDDEN, "a container of an execution")
        containers, inits = read_containers(fields, (), secrets)
        known = {one.name: one for one in self.containers + self.init_containers}

        def as_before(container: AppContainer) -> AppContainer:
            before = known.get(container.name)
            if before is None:
                return container
            return replace(container, probes=before.probes, mounts=before.mounts)

        return JobTemplate(
            tuple(map(as_before, containers)), tuple(map(as_before, inits)), self.volumes
        )

    def to_body(self) -> dict[str, Any]:
        return {
            "containers": [container.to_body() for container in self.containers],
            "initContainers": [one.to_body() for one in self.init_containers] or None,
            "volumes": [volume.to_body() for volume in self.volumes] or None,
        }

    def shown_by_execution(self) -> dict[str, Any]:
        """As an execution shows it, without what its own template could not name."""
        return {
            "containers": [_shown(container) for container in self.containers],
            "initContainers": [_shown(container) for container in self.init_containers],
        }

    @property
    def images(self) -> tuple[tuple[str, str], ...]:
        """The names of all containers, and their images."""
        return tuple((one.name, one.image) for one in self.containers + self.init_containers)


def _shown(container: AppContainer) -> dict[str, Any]:
    return {key: value for key, value in container.to_body().items() if key in _OVERRIDDEN}
