"""A managed environment as a PUT or a PATCH asks for it.

https://learn.microsoft.com/rest/api/resource-manager/containerapps/managed-environments/create-or-update
https://learn.microsoft.com/azure/container-apps/log-options
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from emulator.arm.errors import ArmError, bad_request, not_emulated
from emulator.arm.fields import Fields
from emulator.arm.tags import read_tags
from emulator.services.container_apps.app_spec import ENVELOPE, IDENTITY
from emulator.services.container_apps.errors import refuse_nul
from emulator.store import Resource

LOG_ANALYTICS = "log-analytics"
CONSUMPTION = {"workloadProfileType": "Consumption", "name": "Consumption"}
READ_ONLY = (
    "provisioningState",
    "deploymentErrors",
    "defaultDomain",
    "staticIp",
    "eventStreamEndpoint",
    "kedaConfiguration",  # these two show the versions of what Azure runs
    "daprConfiguration",
    "privateEndpointConnections",
    "privateLinkDefaultDomain",
)
# What would change how apps run or are reached, and what Azure has where nothing is said.
_NOT_EMULATED = {
    "appInsightsConfiguration": None,
    "availabilityZones": None,
    "daprAIConnectionString": None,
    "daprAIInstrumentationKey": None,
    "diskEncryptionConfiguration": None,
    "environmentMode": None,
    "infrastructureResourceGroup": None,
    "ingressConfiguration": None,
    "openTelemetryConfiguration": None,
    "peerAuthentication": None,
    "peerTrafficConfiguration": None,
    "publicNetworkAccess": "Enabled",
    "vnetConfiguration": None,
    "zoneRedundant": False,
}
_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


def invalid_environment(path: str, message: str) -> ArmError:
    """400 for a body that does not fit the schema of a managed environment."""
    return bad_request(
        f"Invalid request body for managed environment. Path: {f'$.{path}' if path else '$'}. "
        f"{message} Does not conform to Managed Environment schema.",
        code="ManagedEnvironmentInvalidSchema",
        target=path or None,
    )


@dataclass(frozen=True)
class EnvironmentLogs:
    """`properties.appLogsConfiguration`: where logs go beside the log stream.

    A Log Analytics workspace may be named (`customer_id`, "" for none). Nothing arrives in it
    here, and it answers no queries. `columns` is how Azure would write what is JSON there.
    """

    customer_id: str = ""
    shared_key: str = ""
    columns: bool | None = None

    @classmethod
    def read(cls, fields: Fields) -> EnvironmentLogs:
        """Raises ArmError 400 naming the field, or 501."""
        fields.only(("destination", "logAnalyticsConfiguration"), "appLogsConfiguration")
        destination = fields.text("destination")
        if destination in (None, "", "none"):
            return cls()
        if destination != LOG_ANALYTICS:
            raise not_emulated(
                f"the log destination '{destination}', only {LOG_ANALYTICS} or none (az "
                "containerapp env create --logs-destination)"
            )
        workspace = fields.object("logAnalyticsConfiguration")
        known = ("customerId", "sharedKey", "dynamicJsonColumns")
        workspace.only(known, "logAnalyticsConfiguration")
        customer, key = workspace.text("customerId"), workspace.text("sharedKey")
        if not customer or not key:
            raise _invalid(
                "LogAnalyticsConfiguration is invalid. Must provide a valid "
                "LogAnalyticsConfiguration: the customerId of a workspace and its sharedKey."
            )
        if not _GUID.fullmatch(customer):
            raise _invalid(
                "LogAnalyticsConfiguration.CustomerId is invalid. CustomerId must be a GUID "
                "without additional whiteSpace.",
                ".customerId",
            )
        return cls(customer, key, workspace.flag("dynamicJsonColumns"))

    def to_body(self) -> dict[str, Any]:
        """As it is shown, without the shared key."""
        if not self.customer_id:
            return {"destination": None, "logAnalyticsConfiguration": None}
        return {
            "destination": LOG_ANALYTICS,
            "logAnalyticsConfiguration": {
                "customerId": self.customer_id,
                "sharedKey": None,
                **({} if self.columns is None else {"dynamicJsonColumns": self.columns}),
            },
        }


@dataclass(frozen=True)
class EnvironmentSpec:
    """`tags` and `logs` are None where a body does not name them: a PATCH leaves those alone."""

    tags: Mapping[str, str] | None
    logs: EnvironmentLogs | None

    @classmethod
    def read(cls, body: object) -> EnvironmentSpec:
        """Raises ArmError 400 naming the field, or 501."""
        fields = Fields(body, refuse=invalid_environment)
        refuse_nul(fields.value)
        fields.only((*ENVELOPE, "kind", "identity", "sku"), "an environment")
        identity = fields.object("identity")
        identity.only(IDENTITY, "identity")
        if identity.text("type", "None").lower() not in ("", "none"):
            raise not_emulated("managed identities of a managed environment")
        identity.not_emulated(("userAssignedIdentities",), "a managed environment")
        fields.not_emulated(("kind",), "a managed environment")
        fields.object("sku").not_emulated({"name": "Consumption"}, "a managed environment")
        properties = fields.object("properties")
        properties.only(
            (
                *READ_ONLY,
                *_NOT_EMULATED,
                "appLogsConfiguration",
                "customDomainConfiguration",
                "workloadProfiles",
            ),
            "an environment",
        )
        properties.not_emulated(_NOT_EMULATED, "a managed environment")
        domain = properties.object("customDomainConfiguration")
        own = ("dnsSuffix", "certificateKeyVaultProperties", "certificateValue")
        shown = ("customDomainVerificationId", "expirationDate", "thumbprint", "subjectName")
        domain.only((*own, *shown, "certificatePassword"), "customDomainConfiguration")
        domain.not_emulated((*own, "certificatePassword"), "a managed environment")
        for profile in properties.objects("workloadProfiles"):
            sizes = ("minimumCount", "maximumCount", "enableFips")
            profile.only(("name", "workloadProfileType", *sizes), "a workload profile")
            kind = profile.text("workloadProfileType", "")
            if kind.lower() != "consumption":
                raise not_emulated(f"the workload profile {kind}")
            profile.not_emulated(dict.fromkeys(sizes, 0), "a workload profile")
        logs = properties.object("appLogsConfiguration")
        return cls(
            read_tags(fields) if fields.has("tags") else None,
            EnvironmentLogs.read(logs) if properties.has("appLogsConfiguration") else None,
        )

    def put_into(self, environment: Resource) -> None:
        """Put what is named into a resource; what is not stays as it is there."""
        if self.tags is not None:
            environment.body["tags"] = dict(self.tags)
        if self.logs is not None:
            environment.properties["appLogsConfiguration"] = self.logs.to_body()
            environment.private["sharedKey"] = self.logs.shared_key


def stored_logs(environment: Resource) -> dict[str, Any]:
    """What a PATCH of the logs changes: they as a request asks for them, with the shared key."""
    logs: dict[str, Any] = environment.properties["appLogsConfiguration"]
    workspace = logs["logAnalyticsConfiguration"]
    if not workspace:
        return logs
    revealed = {**workspace, "sharedKey": environment.private["sharedKey"]}
    return {**logs, "logAnalyticsConfiguration": revealed}


def _invalid(message: str, field: str = "") -> ArmError:
    return bad_request(
        message,
        code="InvalidRequestParameterWithDetails",
        target=f"properties.appLogsConfiguration.logAnalyticsConfiguration{field}",
    )
