"""An online endpoint as it is asked for: read once from a body, and written as it is shown.

https://learn.microsoft.com/rest/api/azureml/online-endpoints/create-or-update
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from emulator.arm.errors import not_emulated
from emulator.arm.fields import Fields
from emulator.arm.managed_identity import OWN_IDENTITY, ManagedIdentities, read_identity
from emulator.arm.tags import read_tags
from emulator.services.machine_learning.errors import bad_argument

AUTH_MODES = ("Key", "AMLToken", "AADToken")
KINDS = ("Managed", "K8S")
SWITCH = ("Enabled", "Disabled")
KEYS = ("primaryKey", "secondaryKey")


@dataclass(frozen=True)
class EndpointSpec:
    """One managed online endpoint.

    `traffic` and `mirror_traffic` are per cent by deployment, not yet checked against those that
    there are. `keys` are what the endpoint is to have from the start, by KEYS.
    """

    auth_mode: str
    traffic: Mapping[str, int] = field(default_factory=dict)
    mirror_traffic: Mapping[str, int] = field(default_factory=dict)
    identity: ManagedIdentities = OWN_IDENTITY
    description: str | None = None
    properties: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    keys: Mapping[str, str] = field(default_factory=dict)

    def to_body(self) -> dict[str, Any]:
        """The body as Azure shows it, but for what the service adds; `read_endpoint` reads it."""
        return {
            "tags": dict(self.tags),
            "kind": "Managed",
            "properties": {
                "description": self.description,
                "properties": dict(self.properties),
                "authMode": self.auth_mode,
                "traffic": dict(self.traffic),
                "mirrorTraffic": dict(self.mirror_traffic),
                "publicNetworkAccess": "Enabled",
                "compute": None,
            },
        }


def endpoint_of(body: object) -> EndpointSpec:
    """The endpoint that a stored body describes."""
    return read_endpoint(Fields(body, refuse=bad_argument))


def read_endpoint(body: Fields) -> EndpointSpec:
    """Raises ArmError: 400 naming the field at fault, 501 for what is not emulated."""
    properties = body.object("properties", required=True)
    if body.choice("kind", KINDS, "Managed") != "Managed" or properties.text("compute"):
        raise not_emulated("online endpoints on Kubernetes, only managed ones")
    # https://learn.microsoft.com/azure/machine-learning/concept-secure-online-endpoint
    if properties.choice("publicNetworkAccess", SWITCH) == "Disabled":
        raise not_emulated(
            "private endpoints, through which alone an online endpoint answers whose "
            f"'{properties.at('publicNetworkAccess')}' is Disabled"
        )
    keys = properties.object("keys")
    return EndpointSpec(
        auth_mode=_read_auth_mode(properties),
        traffic=_read_shares(properties.object("traffic")),
        mirror_traffic=_read_shares(properties.object("mirrorTraffic")),
        identity=read_identity(body, OWN_IDENTITY),
        description=properties.text("description"),
        properties=properties.mapping("properties"),
        tags=read_tags(body),
        keys={name: key for name in KEYS if (key := keys.text(name))},
    )


def _read_auth_mode(properties: Fields) -> str:
    spelled = {mode.lower(): mode for mode in AUTH_MODES}
    mode = spelled.get(str(properties.raw("authMode")).lower())
    if mode is None:
        raise properties.wrong(
            "authMode",
            f"one of {', '.join(AUTH_MODES)} (in the SDK: key, aml_token, aad_token)",
        )
    return mode


def _read_shares(shares: Fields) -> dict[str, int]:
    return {name: shares.whole(name, 0, least=0, most=100) for name in shares.value}
