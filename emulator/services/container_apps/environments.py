"""Managed environments.

https://learn.microsoft.com/rest/api/resource-manager/containerapps/managed-environments

    provisioningState   while                           followed by
    Waiting             a PUT is under way              Succeeded
    Succeeded           nothing is                      Waiting, ScheduledForDelete
    ScheduledForDelete  a DELETE is                     gone
"""

from __future__ import annotations

import asyncio
import hashlib
import re
import secrets
from collections.abc import Iterator
from typing import Any

from emulator.arm.errors import ArmError, bad_request, conflict, not_emulated, not_found
from emulator.arm.http import ArmRequest, ArmResponse
from emulator.arm.ids import subscription_of, system_data
from emulator.arm.locations import check_location
from emulator.arm.operations import Operations
from emulator.arm.resources import page
from emulator.services.container_apps.fields import (
    merge,
    section,
    shown,
    without_nulls,
)
from emulator.services.container_apps.logs import app_logs
from emulator.services.container_apps.operations import accepted
from emulator.services.container_apps.paths import (
    APP_SUFFIX,
    APP_TYPE,
    ENVIRONMENT,
    ENVIRONMENT_TYPE,
    ENVIRONMENTS,
    SUBSCRIPTION_ENVIRONMENTS,
)
from emulator.store import Resource, Store

_NAME = re.compile(r"[A-Za-z](?!.*--)[A-Za-z0-9-]{0,58}[A-Za-z0-9]")
# An environment's domain begins with two words, as on Azure: politehill-ab123456.
_FIRST = ("agreeable", "blue", "calm", "gentle", "happy", "kind", "lemon", "mango", "polite", "red")
_SECOND = ("bay", "beach", "cliff", "field", "forest", "hill", "meadow", "rock", "sea", "tree")
CONSUMPTION = {"workloadProfileType": "Consumption", "name": "Consumption"}
# Settings that would change what runs, so that leaving them out would be a pretence.
_NOT_EMULATED = (
    "appInsightsConfiguration",
    "customDomainConfiguration",
    "daprAIConnectionString",
    "daprAIInstrumentationKey",
    "ingressConfiguration",
    "openTelemetryConfiguration",
    "vnetConfiguration",
)


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

    def __init__(self, store: Store, operations: Operations) -> None:
        self.store = store
        self.operations = operations

    async def recover(self) -> None:
        """After a restart: end what was under way."""
        for operation in self.operations.interrupted():
            if operation.kind == "put-environment":
                await self._provision(operation.resource_id)
                self.operations.finish(operation.id)
            elif operation.kind == "delete-environment":
                self.store.delete(operation.resource_id)
                self.operations.finish(operation.id)

    async def create_or_update(self, request: ArmRequest) -> ArmResponse:
        body = request.json()
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
        location = check_location(body.get("location"), ENVIRONMENT_TYPE)
        if before:
            _check_idle(before)
            if before.body["location"] != location:
                raise conflict(
                    f"The environment '{name}' is in '{before.body['location']}' and cannot move "
                    f"to '{location}'.",
                    code="InvalidResourceLocation",
                    target="location",
                )
        environment = self._build(request, body, location, before)
        self.store.put(environment)
        operation = self.operations.start(
            "put-environment", environment.id, self._provision(environment.id)
        )
        return accepted(operation, request, environment, shown(environment), status=201)

    def _build(
        self, request: ArmRequest, body: dict[str, Any], location: str, before: Resource | None
    ) -> Resource:
        given = section(body, "properties")
        _check(given)
        kept = before.properties if before else _generated(location)
        return Resource(
            before.id if before else request.id,
            ENVIRONMENT_TYPE,
            {
                "location": location,
                "tags": body.get("tags") or {},
                "systemData": system_data(
                    request.claims, before.body.get("systemData") if before else None
                ),
                "properties": {
                    "provisioningState": "Waiting",
                    "daprAIInstrumentationKey": None,
                    "daprAIConnectionString": None,
                    "vnetConfiguration": None,
                    "defaultDomain": kept["defaultDomain"],
                    "staticIp": kept["staticIp"],
                    "appLogsConfiguration": app_logs(section(given, "appLogsConfiguration")),
                    "zoneRedundant": False,
                    "customDomainConfiguration": {
                        "customDomainVerificationId": verification_id(request.id),
                        "dnsSuffix": None,
                    },
                    "workloadProfiles": [CONSUMPTION],
                    "peerAuthentication": {"mtls": {"enabled": False}},
                    "publicNetworkAccess": "Enabled",
                },
            },
        )

    async def _provision(self, environment_id: str) -> None:
        await asyncio.sleep(0)
        environment = self.store.get(environment_id)
        if environment:
            environment.properties["provisioningState"] = "Succeeded"
            self.store.put(environment)

    async def delete(self, request: ArmRequest) -> ArmResponse:
        environment = self.store.get(request.id)
        if environment is None:
            return ArmResponse(None, 204)
        _check_idle(environment)
        apps = [app.name for app in self.apps_in(environment.id)]
        if apps:
            raise conflict(
                f"The environment '{environment.name}' cannot be deleted while container apps are "
                f"in it: {', '.join(apps)}. Delete them first.",
                code="ManagedEnvironmentHasContainerApps",
            )
        environment.properties["provisioningState"] = "ScheduledForDelete"
        self.store.put(environment)
        operation = self.operations.start(
            "delete-environment", environment.id, self._delete(environment.id)
        )
        return accepted(operation, request, environment, status=202)

    async def _delete(self, environment_id: str) -> None:
        await asyncio.sleep(0)
        self.store.delete(environment_id)

    async def get(self, request: ArmRequest) -> ArmResponse:
        return ArmResponse(shown(self._environment(request.id)))

    async def list(self, request: ArmRequest) -> ArmResponse:
        scope = request.id.partition("/providers/")[0]
        found = self.store.of_type(ENVIRONMENT_TYPE, scope)
        return page(request, [shown(environment) for environment in found])

    async def list_workload_profile_states(self, request: ArmRequest) -> ArmResponse:
        environment = self._environment(request.parent)
        state = {
            "id": f"{environment.id}/workloadProfileStates/Consumption",
            "name": "Consumption",
            "type": "workloadProfileStates",
            "properties": {"minimumCount": 0, "maximumCount": 0, "currentCount": 0},
        }
        return page(request, [state])

    async def update(self, request: ArmRequest) -> ArmResponse:
        environment = self._environment(request.id)
        _check_idle(environment)
        body = request.json()
        given = section(body, "properties")
        _check(given)
        properties = environment.properties
        if given.get("appLogsConfiguration") is not None:
            before = without_nulls(properties["appLogsConfiguration"])
            patched = merge(before, section(given, "appLogsConfiguration"))
            properties["appLogsConfiguration"] = app_logs(patched)
        if body.get("tags") is not None:
            environment.body["tags"] = body["tags"]
        properties["provisioningState"] = "Waiting"
        self.store.put(environment)
        operation = self.operations.start(
            "put-environment", environment.id, self._provision(environment.id)
        )
        return accepted(operation, request, environment, status=202)

    # For the apps in them

    def require(self, environment_id: object, location: str) -> Resource:
        """The environment of an app. Raises ArmError when an app cannot be put there."""
        if not isinstance(environment_id, str) or not environment_id:
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
        if environment.properties["provisioningState"] != "Succeeded":
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

    def apps_in(self, environment_id: str) -> Iterator[Resource]:
        for app in self.store.of_type(APP_TYPE):
            if app.properties["environmentId"].lower() == environment_id.lower():
                yield app

    def _environment(self, environment_id: str) -> Resource:
        environment = self.store.get(environment_id)
        if environment is None:
            raise not_found(environment_id)
        return environment


def _check(given: dict[str, Any]) -> None:
    """Raises ArmError 501 for what is not emulated."""
    for field in _NOT_EMULATED:
        if any(_leaves(given.get(field))):
            raise not_emulated(f"{field} of a managed environment")
    if given.get("zoneRedundant"):
        raise not_emulated("zoneRedundant environments")
    for profile in given.get("workloadProfiles") or []:
        values = {str(key).lower(): value for key, value in profile.items()}
        if str(values.get("workloadprofiletype")).lower() != "consumption":
            raise not_emulated(f"the workload profile {values.get('workloadprofiletype')}")


def _leaves(value: Any) -> list[Any]:
    """What is set in a value of any shape."""
    if isinstance(value, dict):
        return [leaf for item in value.values() for leaf in _leaves(item)]
    return [value] if value else []


def _check_idle(environment: Resource) -> None:
    if environment.properties["provisioningState"] in ("Waiting", "ScheduledForDelete"):
        raise conflict(
            f"Cannot modify Container Apps environment {environment.name} because another "
            "operation is in progress.",
            code="ManagedEnvironmentOperationInProgress",
        )


def _generated(location: str) -> dict[str, str]:
    words = secrets.choice(_FIRST) + secrets.choice(_SECOND)
    return {
        "defaultDomain": f"{words}-{secrets.token_hex(4)}.{location}{APP_SUFFIX}",
        # From a range for documentation, which nobody has (RFC 5737).
        "staticIp": f"198.51.100.{secrets.randbelow(254) + 1}",
    }


def verification_id(resource_id: str) -> str:
    """Azure's customDomainVerificationId, the same for a whole subscription."""
    return hashlib.sha256(subscription_of(resource_id).lower().encode()).hexdigest().upper()
