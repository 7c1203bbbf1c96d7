"""What a workspace is asked to be, or to become: read once from a body.

https://learn.microsoft.com/rest/api/azureml/workspaces/create-or-update
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from emulator.arm.errors import ArmError, bad_request, not_emulated
from emulator.arm.fields import Fields
from emulator.arm.managed_identity import OWN_IDENTITY, ManagedIdentities, read_own_identity
from emulator.arm.tags import read_tags

SWITCH = ("Enabled", "Disabled")
ISOLATION_MODES = ("Disabled", "AllowInternetOutbound", "AllowOnlyApprovedOutbound")
SKUS = ("Basic", "Enterprise")
# Resources that belong to a workspace on Azure and that local Azure does not have.
DEPENDENCIES = ("keyVault", "applicationInsights", "containerRegistry")
# What local Azure has no place for, and what Azure has where nothing is said.
NOT_EMULATED = {
    "sharedPrivateLinkResources": None,
    "serviceManagedResourcesSettings": None,
    "serverlessComputeSettings": None,
    "primaryUserAssignedIdentity": None,
    "featureStoreSettings": None,
    "associatedWorkspaces": None,
    "hubResourceId": None,
    "workspaceHubConfig": None,
    "systemDatastoresAuthMode": "accesskey",
}
SWITCHED_OFF = ("allowPublicAccessWhenBehindVnet", "v1LegacyMode", "enableDataIsolation")


@dataclass(frozen=True)
class WorkspaceSpec:
    """None stands for what is not said: a default when it is made, no change later."""

    location: str | None = None
    friendly_name: str | None = None
    description: str | None = None
    storage_account: str | None = None
    image_build_compute: str | None = None
    high_business_impact: bool | None = None
    identity: ManagedIdentities = OWN_IDENTITY
    tags: Mapping[str, str] | None = None


def read_workspace(body: Fields) -> WorkspaceSpec:
    """Raises ArmError: 400 naming the field at fault, 501 for what is not emulated."""
    properties = body.object("properties")
    kind = body.text("kind") or "Default"
    if kind.lower() != "default":
        raise not_emulated(f"workspaces of the kind {kind}")
    if body.object("sku").choice("name", SKUS, SKUS[0]) != SKUS[0]:
        raise not_emulated("workspaces of the Enterprise edition")
    for field in DEPENDENCIES:
        if given := properties.text(field):
            raise no_such(field, given)
    _check_network(properties)
    if properties.object("encryption").choice("status", SWITCH) == "Enabled":
        raise not_emulated("encryption with keys of one's own")
    for field in SWITCHED_OFF:
        if properties.flag(field):
            raise not_emulated(f"'{properties.at(field)}' of workspaces")
    properties.not_emulated(NOT_EMULATED, "workspaces")
    return WorkspaceSpec(
        location=body.text("location"),
        friendly_name=properties.text("friendlyName") or None,
        description=properties.text("description"),
        storage_account=properties.text("storageAccount") or None,
        image_build_compute=properties.text("imageBuildCompute") or None,
        high_business_impact=properties.flag("hbiWorkspace"),
        identity=read_own_identity(body, OWN_IDENTITY, "workspaces"),
        tags=read_tags(body) if body.has("tags") else None,
    )


def _check_network(properties: Fields) -> None:
    # https://learn.microsoft.com/azure/machine-learning/how-to-configure-private-link
    if properties.choice("publicNetworkAccess", SWITCH) == "Disabled":
        raise not_emulated(
            "private endpoints, through which alone a workspace answers whose "
            f"'{properties.at('publicNetworkAccess')}' is Disabled"
        )
    network = properties.object("managedNetwork")
    if network.choice("isolationMode", ISOLATION_MODES, "Disabled") != "Disabled":
        raise not_emulated("managed networks")


def no_such(field: str, resource_id: str) -> ArmError:
    return bad_request(
        f"The {field} '{resource_id}' does not exist in local Azure. Leave it out.", target=field
    )
