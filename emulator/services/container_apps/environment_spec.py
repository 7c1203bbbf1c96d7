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
CONSUMPTION_ONLY, WORKLOAD_PROFILES = "ConsumptionOnly", "WorkloadProfiles"
MODES = (CONSUMPTION_ONLY, WORKLOAD_PROFILES, "Express", "Archived")
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
    "ingressConfiguration": None,
    "openTelemetryConfiguration": None,
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
        destination = fields.text("destination", "").lower()
        if destination in ("", "none"):
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
class EnvironmentProfile:
    """One of `properties.workloadProfiles`: always of the type Consumption here."""

    name: str = "Consumption"

    @classmethod
    def read(cls, fields: Fields) -> EnvironmentProfile:
        """Raises ArmError 400 naming the field, or 501."""
        sizes = ("minimumCount", "maximumCount", "enableFips")
        fields.only(("name", "workloadProfileType", *sizes), "a workload profile")
        kind = fields.text("workloadProfileType", "")
        if kind.lower() != "consumption":
            raise not_emulated(f"the workload profile {kind}")
        fields.not_emulated(dict.fromkeys(sizes, 0), "a workload profile")
        return cls(fields.text("name") or "Consumption")

    def to_body(self) -> dict[str, Any]:
        return {"workloadProfileType": "Consumption", "name": self.name}


@dataclass(frozen=True)
class EnvironmentSpec:
    """What a body does not name is None: a PATCH leaves it alone.

    An environment without `profiles` is one of the type Consumption only. `infrastructure_group`
    is kept: nobody sees what Azure puts into that group. `mtls` and `encryption` are, too: apps
    cannot tell how their calls to one another travel.
    """

    tags: Mapping[str, str] | None
    logs: EnvironmentLogs | None
    profiles: tuple[EnvironmentProfile, ...] | None
    mtls: bool | None
    encryption: bool | None
    infrastructure_group: str | None

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
                "environmentMode",
                "infrastructureResourceGroup",
                "peerAuthentication",
                "peerTrafficConfiguration",
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
        authentication = properties.object("peerAuthentication")
        authentication.only(("mtls",), "peerAuthentication")
        traffic = properties.object("peerTrafficConfiguration")
        traffic.only(("encryption",), "peerTrafficConfiguration")
        logs = properties.object("appLogsConfiguration")
        return cls(
            read_tags(fields) if fields.has("tags") else None,
            EnvironmentLogs.read(logs) if properties.has("appLogsConfiguration") else None,
            _profiles(properties),
            _enabled(authentication, "mtls"),
            _enabled(traffic, "encryption"),
            properties.text("infrastructureResourceGroup") or None,
        )

    def put_into(self, environment: Resource) -> None:
        """Put what is named into a resource; what is not stays as it is there."""
        if self.tags is not None:
            environment.body["tags"] = dict(self.tags)
        if self.logs is not None:
            environment.properties["appLogsConfiguration"] = self.logs.to_body()
            environment.private["sharedKey"] = self.logs.shared_key
        if self.profiles is not None:
            profiles = [profile.to_body() for profile in self.profiles]
            environment.properties["workloadProfiles"] = profiles or None
        if self.mtls is not None:
            environment.properties["peerAuthentication"] = {"mtls": {"enabled": self.mtls}}
        if self.encryption is not None:
            shown = {"encryption": {"enabled": self.encryption}}
            environment.properties["peerTrafficConfiguration"] = shown
        if self.infrastructure_group is not None:
            environment.properties["infrastructureResourceGroup"] = self.infrastructure_group


def _profiles(properties: Fields) -> tuple[EnvironmentProfile, ...] | None:
    found = tuple(EnvironmentProfile.read(one) for one in properties.objects("workloadProfiles"))
    mode = properties.choice("environmentMode", MODES)
    if mode not in (None, CONSUMPTION_ONLY, WORKLOAD_PROFILES):
        raise not_emulated(f"the environment mode {mode}")
    if mode == CONSUMPTION_ONLY and found:
        raise properties.error(
            "workloadProfiles", f"An environment of the mode {CONSUMPTION_ONLY} has none."
        )
    if mode == WORKLOAD_PROFILES and not found:
        return (EnvironmentProfile(),)
    return found if mode or properties.has("workloadProfiles") else None


def _enabled(settings: Fields, name: str) -> bool | None:
    one = settings.object(name)
    one.only(("enabled",), name)
    return one.flag("enabled")


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
