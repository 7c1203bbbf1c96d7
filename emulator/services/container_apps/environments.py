"""Managed environments.

https://learn.microsoft.com/rest/api/resource-manager/containerapps/managed-environments

    provisioningState   while                           followed by
    Waiting             a PUT or a PATCH is under way   Succeeded
    Succeeded, Failed   nothing is                      Waiting, ScheduledForDelete
    ScheduledForDelete  a DELETE is                     gone, Failed
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Iterable, Iterator
from typing import Any

from emulator.arm.change import Change
from emulator.arm.changes import Changes
from emulator.arm.errors import ArmError, bad_request, conflict, not_emulated
from emulator.arm.fields import Fields
from emulator.arm.http import ArmRequest, ArmResponse
from emulator.arm.ids import subscription_of, system_data
from emulator.arm.lifecycle import Lifecycle
from emulator.arm.locations import check_place
from emulator.arm.merge_patch import merge
from emulator.arm.resources import page, require, shown
from emulator.services.container_apps.environment_spec import (
    EnvironmentLogs,
    EnvironmentSpec,
    invalid_environment,
    stored_logs,
)
from emulator.services.container_apps.operations import accepted
from emulator.services.container_apps.paths import (
    APP_SUFFIX,
    APP_TYPE,
    ENVIRONMENT,
    ENVIRONMENT_TYPE,
    ENVIRONMENTS,
    JOB_TYPE,
    SUBSCRIPTION_ENVIRONMENTS,
    stream_url,
)
from emulator.services.container_apps.states import (
    IDLE_ENVIRONMENT,
    environment_moves,
    refuse_environment,
)
from emulator.store import Resource, Store

_NAME = re.compile(r"[A-Za-z](?!.*--)[A-Za-z0-9-]{0,58}[A-Za-z0-9]")
# What runs on Azure by the beginning of 2026; nothing of the two runs here.
# https://github.com/Azure/azure-cli/blob/dev/src/azure-cli/azure/cli/command_modules/containerapp/tests/latest/recordings/test_containerapp_env_update_workload_profile_on_consumption_only_env.yaml
KEDA_VERSION, DAPR_VERSION = "2.17.2", "1.13.6-msft.6"
# An environment's domain begins with two words, as on Azure: politehill-ab123456.
_FIRST = ("agreeable", "blue", "calm", "gentle", "happy", "kind", "lemon", "mango", "polite", "red")
_SECOND = ("bay", "beach", "cliff", "field", "forest", "hill", "meadow", "rock", "sea", "tree")


class ManagedEnvironments:
    ROUTES = (
        ("PUT", ENVIRONMENT, "create_or_update"),
        ("DELETE", ENVIRONMENT, "delete"),
        ("GET", ENVIRONMENT, "get"),
        ("GET", ENVIRONMENTS, "list"),
        ("GET", SUBSCRIPTION_ENVIRONMENTS, "list"),
        ("GET", ENVIRONMENT + "/workloadProfileStates", "list_workload_profile_states"),
        ("PATCH", ENVIRONMENT, "update"),
    )

    def __init__(self, changes: Changes) -> None:
        self.changes = changes
        self.store = changes.store
        changes.register(
            Lifecycle(
                ENVIRONMENT_TYPE,
                environment_moves(self._provision),
                refuse=refuse_environment,
                remove=self._remove,
            )
        )

    async def create_or_update(self, request: ArmRequest) -> ArmResponse:
        name = request.params["environmentName"]
        if not _NAME.fullmatch(name):
            raise bad_request(
                f"Invalid ManagedEnvironment name '{name}'. A name must consist of alphanumeric "
                "characters or '-', start with a letter, end with an alphanumeric character, "
                "cannot have '--', and must be 2 to 60 characters.",
                code="ManagedEnvironmentInvalidName",
                target="environmentName",
            )
        before = self.store.get(request.id)
        _check_idle(before)
        fields = Fields(request.body, refuse=invalid_environment)
        location = check_place(fields.raw("location"), before, ENVIRONMENT_TYPE)
        environment = self._build(request, EnvironmentSpec.read(request.body), location, before)
        operation = self.changes.begin("put", environment, before)
        return accepted(operation, request, environment, shown(environment), status=201)

    def _build(
        self, request: ArmRequest, spec: EnvironmentSpec, location: str, before: Resource | None
    ) -> Resource:
        kept = before.properties if before else _generated(location)
        environment_id = before.id if before else request.id
        environment = Resource(
            environment_id,
            ENVIRONMENT_TYPE,
            {
                "location": location,
                "tags": {},
                "systemData": system_data(
                    request.claims, before.body.get("systemData") if before else None
                ),
                "properties": {
                    "daprAIInstrumentationKey": None,
                    "daprAIConnectionString": None,
                    "vnetConfiguration": None,
                    "defaultDomain": kept["defaultDomain"],
                    "staticIp": kept["staticIp"],
                    "appLogsConfiguration": EnvironmentLogs().to_body(),
                    "openTelemetryConfiguration": None,
                    "zoneRedundant": False,
                    "kedaConfiguration": {"version": KEDA_VERSION},
                    "daprConfiguration": {"version": DAPR_VERSION},
                    "ingressConfiguration": None,
                    "eventStreamEndpoint": stream_url(
                        environment_id, location, "managedEnvironments"
                    )
                    + "/eventstream",
                    "customDomainConfiguration": {
                        "customDomainVerificationId": verification_id(request.id),
                        "dnsSuffix": None,
                        "certificateKeyVaultProperties": None,
                        "certificateValue": None,
                        "certificatePassword": None,
                        "thumbprint": None,
                        "subjectName": None,
                        "expirationDate": None,
                    },
                    "workloadProfiles": kept.get("workloadProfiles"),
                    "appInsightsConfiguration": None,
                    "infrastructureResourceGroup": kept.get("infrastructureResourceGroup"),
                    "peerAuthentication": {"mtls": {"enabled": False}},
                    "peerTrafficConfiguration": {"encryption": {"enabled": False}},
                    "publicNetworkAccess": "Enabled",
                },
            },
        )
        spec.put_into(environment)
        return environment

    async def _provision(self, change: Change) -> None:
        """There is nothing to be made ready: an environment is a name for what its apps share."""

    async def delete(self, request: ArmRequest) -> ArmResponse:
        environment = self.store.get(request.id)
        if environment is None:
            return ArmResponse(None, 204)
        if environment.state != "ScheduledForDelete":
            _refuse_while_in_it(environment, apps_and_jobs_in(self.store, environment.id))
        operation = self.changes.begin("delete", environment, environment)
        return accepted(operation, request, environment, status=202)

    async def _remove(self, environment: Resource) -> None:
        """Its resource group may go with what is in it, but not leave what is in another group."""
        found = apps_and_jobs_in(self.store, environment.id)
        staying = (one for one in found if not self._is_going(one))
        _refuse_while_in_it(environment, staying)

    def _is_going(self, found: Resource) -> bool:
        try:
            self.changes.check_scope(found.id)
        except ArmError:
            return True
        return False

    async def get(self, request: ArmRequest) -> ArmResponse:
        return ArmResponse(shown(require(self.store, request.id)))

    async def list(self, request: ArmRequest) -> ArmResponse:
        scope = request.id.partition("/providers/")[0]
        found = self.store.of_type(ENVIRONMENT_TYPE, scope)
        return page(request, [shown(environment) for environment in found])

    async def list_workload_profile_states(self, request: ArmRequest) -> ArmResponse:
        environment = require(self.store, request.parent)
        states = [
            {
                "id": f"{environment.id}/workloadProfileStates/{name}",
                "name": name,
                "type": "workloadProfileStates",
                "properties": {"minimumCount": 0, "maximumCount": 0, "currentCount": 0},
            }
            for name in profile_names(environment)
        ]
        return page(request, states)

    async def update(self, request: ArmRequest) -> ArmResponse:
        environment = require(self.store, request.id)
        _check_idle(environment)
        before = {"properties": {"appLogsConfiguration": stored_logs(environment)}}
        EnvironmentSpec.read(merge(before, request.body)).put_into(environment)
        operation = self.changes.begin("put", environment, environment)
        return accepted(operation, request, environment, status=202)

    # For the apps in them

    def require(self, environment_id: str, location: str) -> Resource:
        """The environment of an app. Raises ArmError when an app cannot be put there."""
        if not environment_id:
            raise bad_request(
                "Invalid ManagedEnvironmentId value ''. Name the environment that the app goes in.",
                code="InvalidManagedEnvironmentId",
                target="properties.environmentId",
            )
        environment = self.store.get(environment_id)
        if environment is None or environment.type != ENVIRONMENT_TYPE:
            raise ArmError(
                404,
                "ManagedEnvironmentNotFound",
                f"The environment '{environment_id}' does not exist.",
                target="properties.environmentId",
            )
        if environment.state != "Succeeded":
            raise conflict(
                f"The environment '{environment_id}' has not been provisioned successfully.",
                code="ManagedEnvironmentNotProvisioned",
                target="properties.environmentId",
            )
        if environment.body["location"] != location:
            raise bad_request(
                f"A container app is in the region of its environment: "
                f"'{environment.body['location']}', not '{location}'.",
                code="InvalidContainerAppLocation",
                target="location",
            )
        return environment


def _check_idle(environment: Resource | None) -> None:
    if environment and environment.state not in IDLE_ENVIRONMENT:
        raise refuse_environment(environment, "put")


def _refuse_while_in_it(environment: Resource, found: Iterable[Resource]) -> None:
    """Raises ArmError 409 when there are apps or jobs."""
    if names := ", ".join(one.name for one in found):
        raise conflict(
            f"The environment '{environment.name}' cannot be deleted while container apps or jobs "
            f"are in it: {names}. Delete them first.",
            code="ManagedEnvironmentHasContainerApps",
        )


def apps_and_jobs_in(store: Store, environment_id: str) -> Iterator[Resource]:
    for found in (*store.of_type(APP_TYPE), *store.of_type(JOB_TYPE)):
        if found.properties["environmentId"].lower() == environment_id.lower():
            yield found


def profile_names(environment: Resource) -> list[str]:
    """Of its workload profiles; none in an environment of the type Consumption only."""
    return [profile["name"] for profile in environment.properties["workloadProfiles"] or ()]


def profile_of(wanted: str, environment: Resource) -> str | None:
    """The workload profile that an app or a job runs on, "" for any; None where the environment has
    none.

    Raises ArmError 501 for one that it does not have: there are no others than Consumption.
    """
    names = profile_names(environment)
    known = {name.lower(): name for name in (*names, "Consumption")}
    if wanted and wanted.lower() not in known:
        raise not_emulated(f"the workload profile {wanted}")
    if not names:
        return None
    return known[wanted.lower()] if wanted else names[0]


def _generated(location: str) -> dict[str, Any]:
    words = secrets.choice(_FIRST) + secrets.choice(_SECOND)
    return {
        "defaultDomain": f"{words}-{secrets.token_hex(4)}.{location}{APP_SUFFIX}",
        # From a range for documentation, which nobody has (RFC 5737).
        "staticIp": f"198.51.100.{secrets.randbelow(254) + 1}",
    }


def verification_id(resource_id: str) -> str:
    """Azure's customDomainVerificationId, the same for a whole subscription."""
    return hashlib.sha256(subscription_of(resource_id).lower().encode()).hexdigest().upper()
