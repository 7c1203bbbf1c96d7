"""A container app as a PUT or a PATCH asks for it, and as it is kept and shown.

https://learn.microsoft.com/rest/api/resource-manager/containerapps/container-apps/create-or-update
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from emulator.arm.fields import Fields
from emulator.arm.managed_identity import NO_IDENTITY, ManagedIdentities, read_identity
from emulator.arm.tags import read_tags
from emulator.services.container_apps.app_configuration import AppConfiguration
from emulator.services.container_apps.app_template import AppTemplate
from emulator.services.container_apps.errors import invalid_schema, refuse_nul
from emulator.services.container_apps.hosts import fqdn
from emulator.store import Resource

# Every resource shows these; what a client sends back of them counts for nothing.
ENVELOPE = ("id", "name", "type", "systemData", "location", "tags", "properties")
IDENTITY = ("type", "principalId", "tenantId", "userAssignedIdentities")
READ_ONLY = (
    "provisioningState",
    "runningStatus",
    "deploymentErrors",
    "latestRevisionName",
    "latestReadyRevisionName",
    "latestRevisionFqdn",
    "customDomainVerificationId",
    "outboundIpAddresses",
    "eventStreamEndpoint",
    "delegatedIdentities",
)


def read_its_identity(
    fields: Fields, before: ManagedIdentities = NO_IDENTITY, *, merge: bool = False
) -> ManagedIdentities:
    """The identity of an app or a job, as `read_identity`, of the fields that the API has alone."""
    fields.object("identity").only(IDENTITY, "identity")
    return read_identity(fields, before, merge=merge)


@dataclass(frozen=True)
class AppSpec:
    """`environment_id` and `profile`, the workload profile's name, are "" where none is named.
    `managed_by` is kept: Azure does nothing with it but leave the app alone in a deployment of mode
    Complete."""

    name: str
    tags: Mapping[str, str]
    managed_by: str | None
    environment_id: str
    profile: str
    configuration: AppConfiguration
    template: AppTemplate
    identity: ManagedIdentities

    @classmethod
    def read(cls, body: object, name: str, kept: Mapping[str, str] | None = None) -> AppSpec:
        """Read a request's body, or a stored one with the values of its secrets.

        Raises ArmError 400 naming the field, or 501.
        """
        fields = Fields(body, refuse=invalid_schema)
        refuse_nul(fields.value)
        fields.only((*ENVELOPE, "identity", "managedBy", "kind", "extendedLocation"), "an app")
        identity = read_its_identity(fields)
        fields.not_emulated(("kind", "extendedLocation"), "a container app")
        properties = fields.object("properties")
        properties.only(
            (
                *READ_ONLY,
                "environmentId",
                "managedEnvironmentId",
                "workloadProfileName",
                "configuration",
                "template",
                "networking",
                "patchingConfiguration",
            ),
            "an app",
        )
        properties.not_emulated(("networking", "patchingConfiguration"), "a container app")
        configuration = AppConfiguration.read(properties.object("configuration"), kept or {})
        # What is stored may refer to secrets that are gone: it is for its replicas to say so.
        known = None if kept is not None else configuration.secret_values
        return cls(
            name,
            read_tags(fields),
            fields.text("managedBy") or None,
            properties.text("environmentId") or properties.text("managedEnvironmentId") or "",
            properties.text("workloadProfileName", ""),
            configuration,
            AppTemplate.read(properties.object("template"), name, known),
            identity,
        )

    @classmethod
    def stored(cls, app: Resource) -> AppSpec:
        """Read back what `put_into` has put there."""
        return cls.read(app.body, app.name, app.private["secrets"])

    def put_into(self, app: Resource, domain: str) -> None:
        """Put it into a resource, but for its identity; `domain` is its environment's."""
        app.body["tags"] = dict(self.tags)
        if self.managed_by:
            app.body["managedBy"] = self.managed_by
        app.properties["configuration"] = self.configuration.to_body(self.fqdn(domain))
        app.properties["template"] = self.template.to_body()
        app.private["secrets"] = self.configuration.secret_values

    def to_request(self, location: str, environment_id: str) -> dict[str, Any]:
        """The body that asks for it, with the values of its secrets: what a PATCH changes."""
        return {
            "location": location,
            "tags": dict(self.tags),
            "managedBy": self.managed_by,
            "identity": self.identity.to_request(),
            "properties": {
                "environmentId": environment_id,
                "workloadProfileName": self.profile,
                "configuration": self.configuration.to_body("", reveal=True),
                "template": self.template.to_body(),
            },
        }

    def fqdn(self, domain: str, revision: str = "") -> str:
        """The host name of the app, or of one of its revisions; "" without an ingress."""
        ingress = self.configuration.ingress
        return fqdn(revision or self.name, domain, external=ingress.external) if ingress else ""
