"""A batch endpoint as it is asked for: read once from a body, and written as it is shown.

https://learn.microsoft.com/rest/api/azureml/batch-endpoints/create-or-update
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from emulator.arm.fields import Fields
from emulator.arm.managed_identity import OWN_IDENTITY, ManagedIdentities, read_identity
from emulator.arm.tags import read_tags
from emulator.services.machine_learning.errors import bad_argument

ENTRA = "AADToken"
AUTH_MODES = ("AMLToken", "Key", ENTRA)


@dataclass(frozen=True)
class BatchEndpointSpec:
    """One batch endpoint. `default` is the deployment that is invoked where none is named."""

    default: str | None = None
    identity: ManagedIdentities = OWN_IDENTITY
    description: str | None = None
    properties: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)

    def to_body(self) -> dict[str, Any]:
        """The body as Azure shows it, but for what the service adds; `read_batch_endpoint` reads
        it."""
        return {
            "tags": dict(self.tags),
            "kind": None,
            "properties": {
                "description": self.description,
                "properties": dict(self.properties),
                "authMode": ENTRA,
                # There from the start: notebooks set `endpoint.defaults.deployment_name`.
                "defaults": {"deploymentName": self.default},
            },
        }


def batch_endpoint_of(body: object) -> BatchEndpointSpec:
    """The endpoint that a stored body describes."""
    return read_batch_endpoint(Fields(body, refuse=bad_argument))


def read_batch_endpoint(body: Fields) -> BatchEndpointSpec:
    """Raises ArmError: 400 naming the field at fault, 501 for what is not emulated."""
    properties = body.object("properties", required=True)
    if properties.choice("authMode", AUTH_MODES, ENTRA) != ENTRA or properties.has("keys"):
        # https://learn.microsoft.com/azure/machine-learning/how-to-authenticate-batch-endpoint
        raise properties.error(
            "authMode",
            "Batch endpoints take tokens of Microsoft Entra ID alone: "
            f"'{properties.at('authMode')}' must be {ENTRA} (in the SDK: aad_token).",
        )
    return BatchEndpointSpec(
        default=properties.object("defaults").text("deploymentName") or None,
        identity=read_identity(body, OWN_IDENTITY),
        description=properties.text("description"),
        properties=properties.mapping("properties"),
        tags=read_tags(body),
    )
