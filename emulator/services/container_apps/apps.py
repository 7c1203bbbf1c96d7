"""Container apps. Their states are in states.py, what makes them run in controller.py.

https://learn.microsoft.com/rest/api/resource-manager/containerapps/container-apps
"""

from __future__ import annotations

import re
from typing import Any

from emulator.arm.changes import Changes
from emulator.arm.errors import bad_request, conflict, not_emulated
from emulator.arm.fields import Fields
from emulator.arm.http import ArmRequest, ArmResponse
from emulator.arm.ids import name_of, resource_group_of, system_data
from emulator.arm.locations import check_location
from emulator.arm.managed_identity import shown_identity
from emulator.arm.merge_patch import merge
from emulator.arm.resources import page, require, shown
from emulator.services.container_apps.app_spec import AppSpec, read_its_identity
from emulator.services.container_apps.controller import Controller
from emulator.services.container_apps.environments import (
    ManagedEnvironments,
    apps_and_jobs_in,
    profile_of,
    verification_id,
)
from emulator.services.container_apps.errors import invalid_schema
from emulator.services.container_apps.hosts import fqdn
from emulator.services.container_apps.operations import accepted
from emulator.services.container_apps.paths import (
    APP,
    APP_TYPE,
    APPS,
    SUBSCRIPTION_APPS,
    stream_url,
)
from emulator.services.container_apps.runners import template_of
from emulator.services.container_apps.states import ACTIVE, IDLE_APP, STOPPED, refuse_app
from emulator.services.container_apps.stream_token import IssueToken, stream_token
from emulator.store import Resource

NAME = re.compile(r"(?=.{2,32}$)[a-z](?!.*--)[a-z0-9-]*[a-z0-9]")


class ContainerApps:
    ROUTES = (
        ("PUT", APP, "create_or_update"),
        ("DELETE", APP, "delete"),
        ("GET", APP, "get"),
        ("POST", APP + "/getAuthToken", "get_auth_token"),
        ("GET", APPS, "list"),
        ("GET", SUBSCRIPTION_APPS, "list"),
        ("POST", APP + "/listCustomHostNameAnalysis", "list_custom_host_name_analysis"),
        ("POST", APP + "/listSecrets", "list_secrets"),
        ("POST", APP + "/start", "start"),
        ("POST", APP + "/stop", "stop"),
        ("PATCH", APP, "update"),
    )

    def __init__(
        self,
        changes: Changes,
        environments: ManagedEnvironments,
        controller: Controller,
        issue_token: IssueToken,
    ) -> None:
        self.changes = changes
        self.store = changes.store
        self.environments = environments
        self.controller = controller
        self.issue_token = issue_token

    async def create_or_update(self, request: ArmRequest) -> ArmResponse:
        name = request.params["containerAppName"]
        if not NAME.fullmatch(name):
            raise bad_request(
                invalid_name(name),
                code="ContainerAppInvalidName",
                target="containerAppName",
            )
        return self._put(request, self.store.get(request.id), request.body)

    async def update(self, request: ArmRequest) -> ArmResponse:
        """PATCH: what is given takes the place of what was; null takes it away."""
        app = require(self.store, request.id)
        spec = AppSpec.stored(app)
        before = spec.to_request(app.body["location"], app.properties["environmentId"])
        patch = Fields(request.body, refuse=invalid_schema)
        identity = read_its_identity(patch, spec.identity, merge=True).to_request()
        return self._put(request, app, {**merge(before, patch.value), "identity": identity})

    def _put(self, request: ArmRequest, before: Resource | None, body: object) -> ArmResponse:
        if before and before.state not in IDLE_APP:
            raise refuse_app(before, "put")
        fields = Fields(body, refuse=invalid_schema)
        location = check_location(fields.raw("location"), APP_TYPE)
        spec = AppSpec.read(body, before.name if before else request.params["containerAppName"])
        wanted = spec.environment_id or (before.properties["environmentId"] if before else "")
        environment = self.environments.require(wanted, location)
        if before and before.properties["environmentId"].lower() != environment.id.lower():
            # https://github.com/Azure/azure-cli/pull/29336
            raise bad_request(
                f"Container App '{before.name}' already exists in a different environment. To "
                f"create it in the environment '{environment.id}' delete it from the environment "
                f"'{before.properties['environmentId']}' first.",
                code="ContainerAppEnvironmentMismatch",
                target="properties.environmentId",
            )
        self._check_name(environment, before.id if before else request.id)
        app = self._build(request, spec, environment, before)
        self._check_revisions(app, spec, before)
        move = "put-stopped" if before and before.state in STOPPED else "put"
        operation = self.changes.begin(move, app, before)
        status = 202 if request.method == "PATCH" else 201
        return accepted(operation, request, app, self.shown(app), status=status)

    def _check_name(self, environment: Resource, app_id: str) -> None:
        """Raises ArmError 409 where an app of another resource group has the host name."""
        for one in apps_and_jobs_in(self.store, environment.id):
            is_same = one.type == APP_TYPE and one.name.lower() == name_of(app_id).lower()
            if is_same and one.id.lower() != app_id.lower():
                raise conflict(
                    f"The environment '{environment.name}' has an app '{one.name}' already, in the "
                    f"resource group '{resource_group_of(one.id)}'.",
                    target="containerAppName",
                )

    def _build(
        self, request: ArmRequest, spec: AppSpec, environment: Resource, before: Resource | None
    ) -> Resource:
        app_id = before.id if before else request.id
        old = before.properties if before else {}
        app = Resource(
            app_id,
            APP_TYPE,
            {
                "location": environment.body["location"],
                "systemData": system_data(
                    request.claims, before.body.get("systemData") if before else None
                ),
                "properties": {
                    "runningStatus": old.get("runningStatus", "Running"),
                    "managedEnvironmentId": environment.id,
                    "environmentId": environment.id,
                    "workloadProfileName": profile_of(spec.profile, environment),
                    "outboundIpAddresses": [environment.properties["staticIp"]],
                    "latestRevisionName": old.get("latestRevisionName", ""),
                    "latestReadyRevisionName": old.get("latestReadyRevisionName", ""),
                    "customDomainVerificationId": verification_id(app_id),
                    "eventStreamEndpoint": stream_url(app_id, environment.body["location"])
                    + "/eventstream",
                    "delegatedIdentities": [],
                },
            },
        )
        spec.put_into(app, environment.properties["defaultDomain"])
        app.body["identity"] = shown_identity(
            spec.identity, self.store, app_id, before.body if before else None
        )
        return app

    def _check_revisions(self, app: Resource, spec: AppSpec, before: Resource | None) -> None:
        """Raises ArmError 400 for traffic to a revision that is not there, and will not be."""
        active = {one.name: one.state in ACTIVE for one in self.controller.revisions(app.id)}
        latest = self.controller.latest(before) if before else None
        suffix = spec.template.suffix
        if suffix and (latest is None or spec.template.makes_revision(template_of(latest))):
            active[f"{app.name}--{suffix}"] = True
        if spec.configuration.ingress:
            spec.configuration.ingress.check_revisions(active)

    async def delete(self, request: ArmRequest) -> ArmResponse:
        app = self.store.get(request.id)
        if app is None:
            return ArmResponse(None, 204)
        operation = self.changes.begin("delete", app, app)
        return accepted(operation, request, app, status=202)

    async def get(self, request: ArmRequest) -> ArmResponse:
        return ArmResponse(self.shown(require(self.store, request.id)))

    async def list(self, request: ArmRequest) -> ArmResponse:
        scope = request.id.partition("/providers/")[0]
        return page(request, [self.shown(app) for app in self.store.of_type(APP_TYPE, scope)])

    async def get_auth_token(self, request: ArmRequest) -> ArmResponse:
        """A token for the log streams of this app."""
        return stream_token(require(self.store, request.parent), self.issue_token)

    async def list_custom_host_name_analysis(self, request: ArmRequest) -> ArmResponse:
        raise not_emulated("custom domains of a container app")

    async def list_secrets(self, request: ArmRequest) -> ArmResponse:
        app = require(self.store, request.parent)
        values: dict[str, str] = app.private["secrets"]
        return ArmResponse({"value": [{"name": key, "value": values[key]} for key in values]})

    async def start(self, request: ArmRequest) -> ArmResponse:
        return self._switch(request, "start")

    async def stop(self, request: ArmRequest) -> ArmResponse:
        return self._switch(request, "stop")

    def _switch(self, request: ArmRequest, move: str) -> ArmResponse:
        app = require(self.store, request.parent)
        operation = self.changes.begin(move, app, app)
        return accepted(operation, request, app, status=202)

    def shown(self, app: Resource) -> dict[str, Any]:
        properties = app.properties
        ingress, latest = properties["configuration"]["ingress"], properties["latestRevisionName"]
        domain = self.controller.runners.domain(app)
        host = fqdn(latest, domain, external=ingress["external"]) if ingress and latest else ""
        return {**shown(app), "properties": {**properties, "latestRevisionFqdn": host}}


def invalid_name(name: str) -> str:
    return (
        f"Invalid ContainerApp name '{name}'. A name must consist of lower case alphanumeric "
        "characters or '-', start with a letter, end with an alphanumeric character, cannot have "
        "'--', and must be 2 to 32 characters."
    )
