"""A job as a PUT or a PATCH asks for it, and as it is kept and shown.

https://learn.microsoft.com/rest/api/resource-manager/containerapps/jobs/create-or-update
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from emulator.arm.fields import Fields
from emulator.arm.managed_identity import ManagedIdentities
from emulator.arm.tags import read_tags
from emulator.services.container_apps.app_spec import ENVELOPE, read_its_identity
from emulator.services.container_apps.errors import refuse_nul
from emulator.services.container_apps.jobs.errors import invalid_job
from emulator.services.container_apps.jobs.job_configuration import JobConfiguration
from emulator.services.container_apps.jobs.job_template import JobTemplate
from emulator.store import Resource

READ_ONLY = (
    "provisioningState",
    "runningState",
    "runningStatus",
    "outboundIpAddresses",
    "eventStreamEndpoint",
)


@dataclass(frozen=True)
class JobSpec:
    """`environment_id` and `profile`, its workload profile, are "" where none is named."""

    name: str
    tags: Mapping[str, str]
    environment_id: str
    profile: str
    configuration: JobConfiguration
    template: JobTemplate
    identity: ManagedIdentities

    @classmethod
    def read(cls, body: object, name: str, kept: Mapping[str, str] | None = None) -> JobSpec:
        """Read a request's body, or a stored one with the values of its secrets.

        Raises ArmError 400 naming the field, or 501.
        """
        fields = Fields(body, refuse=invalid_job)
        refuse_nul(fields.value, invalid_job)
        fields.only((*ENVELOPE, "identity", "extendedLocation"), "a job")
        identity = read_its_identity(fields)
        fields.not_emulated(("extendedLocation",), "a job")
        properties = fields.object("properties")
        properties.only(
            (*READ_ONLY, "environmentId", "workloadProfileName", "configuration", "template"),
            "a job",
        )
        stored = kept is not None
        configuration = JobConfiguration.read(
            properties.object("configuration"), kept or {}, stored=stored
        )
        # What is stored may refer to secrets that are gone: it is for its executions to say so.
        known = None if stored else configuration.secret_values
        return cls(
            name,
            read_tags(fields),
            properties.text("environmentId", ""),
            properties.text("workloadProfileName", ""),
            configuration,
            JobTemplate.read(properties.object("template"), known),
            identity,
        )

    @classmethod
    def stored(cls, job: Resource) -> JobSpec:
        """Read back what `put_into` has put there."""
        return cls.read(job.body, job.name, job.private["secrets"])

    def put_into(self, job: Resource) -> None:
        """Put it into a resource, but for its identity."""
        job.body["tags"] = dict(self.tags)
        job.properties["configuration"] = self.configuration.to_body()
        job.properties["template"] = self.template.to_body()
        job.private["secrets"] = self.configuration.secret_values

    def to_request(self, location: str) -> dict[str, Any]:
        """The body that asks for it, with the values of its secrets: what a PATCH changes."""
        return {
            "location": location,
            "tags": dict(self.tags),
            "identity": self.identity.to_request(),
            "properties": {
                "environmentId": self.environment_id,
                "workloadProfileName": self.profile,
                "configuration": self.configuration.to_body(reveal=True),
                "template": self.template.to_body(),
            },
        }
