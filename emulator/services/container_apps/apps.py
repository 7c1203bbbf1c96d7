"""Container apps.

https://learn.microsoft.com/rest/api/resource-manager/containerapps/container-apps

    provisioningState   while                         followed by
    InProgress          a PUT or a PATCH is           Succeeded, Failed
    Deleting            a DELETE is                   gone
    Succeeded, Failed   nothing is                    InProgress, Deleting

    runningStatus       when                          followed by
    Running             its active revisions run      Stopped (stop)
    Stopped             nothing of it runs            Running (start)
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from emulator.arm.errors import ArmError, bad_request, conflict, not_emulated, not_found
from emulator.arm.http import ArmRequest, ArmResponse
from emulator.arm.ids import system_data
from emulator.arm.locations import check_location
from emulator.arm.operations import Interrupted, Operations
from emulator.arm.resources import page
from emulator.services.container_apps.configuration import (
    check_revisions,
    normal_configuration,
    secret_values,
)
from emulator.services.container_apps.controller import Controller
from emulator.services.container_apps.environments import ManagedEnvironments, verification_id
from emulator.services.container_apps.fields import (
    invalid,
    merge,
    section,
    without_nulls,
)
from emulator.services.container_apps.operations import accepted
from emulator.services.container_apps.paths import (
    APP,
    APP_TYPE,
    APPS,
    SUBSCRIPTION_APPS,
    stream_url,
)
from emulator.services.container_apps.routes import fqdn
from emulator.services.container_apps.template import changed, normal_template
from emulator.store import Resource, Store

BUSY = {"InProgress", "Deleting"}
TOKEN_LIFETIME = 3600  # seconds
_NAME = re.compile(r"(?=.{2,32}$)[a-z](?!.*--)[a-z0-9-]*[a-z0-9]")
_log = logging.getLogger(__name__)


# Signs a token for an audience that is good for some seconds.
IssueToken = Callable[[str, int], str]


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
        store: Store,
        operations: Operations,
        environments: ManagedEnvironments,
        controller: Controller,
        issue_token: IssueToken,
    ) -> None:
        self.store = store
        self.operations = operations
        self.environments = environments
        self.controller = controller
        self.issue_token = issue_token

    async def recover(self) -> None:
        """After a restart: bring back what was running, and end what was under way."""
        interrupted = self.operations.interrupted()
        for operation in interrupted:
            if operation.kind == "delete-app":
                await self._delete(operation.resource_id)
                self.operations.finish(operation.id)
        for app in self.store.of_type(APP_TYPE):
            if app.properties["runningStatus"] != "Stopped":
                self.controller.start(app)
        for operation in interrupted:
            if operation.kind in ("put-app", "start-app", "stop-app"):
                self.controller.spawn(self._resume(operation))

    async def _resume(self, operation: Interrupted) -> None:
        try:
            if operation.kind == "put-app":
                await self._deploy(operation.resource_id, new_port=False)
            else:
                await self._run(operation.resource_id, running=operation.kind == "start-app")
            self.operations.finish(operation.id)
        except ArmError as error:
            _log.warning("%s did not come back: %s", operation.resource_id, error)
            self.operations.abandon(operation.id)

    async def create_or_update(self, request: ArmRequest) -> ArmResponse:
        name = request.params["containerAppName"]
        if not _NAME.fullmatch(name):
            raise bad_request(
                f"Invalid ContainerApp name '{name}'. A name must consist of lower case "
                "alphanumeric characters or '-', start with a letter, end with an alphanumeric "
                "character, cannot have '--', and must be 2 to 32 characters.",
                code="ContainerAppInvalidName",
                target="containerAppName",
            )
        return self._put(request, self.store.get(request.id), request.json())

    async def update(self, request: ArmRequest) -> ArmResponse:
        """PATCH: what is given takes the place of what was; null takes it away."""
        app = self._app(request.id)
        before = {
            "location": app.body["location"],
            "tags": app.body["tags"],
            "properties": app.properties,
        }
        return self._put(request, app, merge(before, request.json()))

    def _put(
        self, request: ArmRequest, before: Resource | None, body: dict[str, Any]
    ) -> ArmResponse:
        if before:
            _check_idle(before)
        location = check_location(body.get("location"), APP_TYPE)
        if section(body, "identity").get("type") not in (None, "", "None"):
            raise not_emulated("managed identities of a container app")
        given = without_nulls(section(body, "properties"))
        wanted = given.get("environmentId") or given.get("managedEnvironmentId")
        if before and wanted is None:
            wanted = before.properties["environmentId"]
        environment = self.environments.require(wanted, location)
        if before and before.properties["environmentId"].lower() != environment.id.lower():
            raise bad_request(
                "A container app cannot move to another environment.",
                code="ContainerAppEnvironmentCannotChange",
                target="properties.environmentId",
            )
        app = self._build(request, body, given, environment, before)
        new_port = before is not None and _port(before) != _port(app)
        self.store.put(app)
        operation = self.operations.start(
            "put-app", app.id, self._deploy(app.id, new_port=new_port)
        )
        status = 202 if request.method == "PATCH" else 201
        return accepted(operation, request, app, self.shown(app), status=status)

    def _build(
        self,
        request: ArmRequest,
        body: dict[str, Any],
        given: dict[str, Any],
        environment: Resource,
        before: Resource | None,
    ) -> Resource:
        name = before.name if before else request.params["containerAppName"]
        app_id = before.id if before else request.id
        domain = environment.properties["defaultDomain"]
        profile = given.get("workloadProfileName") or "Consumption"
        if profile.lower() != "consumption":
            raise not_emulated(f"the workload profile {profile}")
        configuration = normal_configuration(
            section(given, "configuration"), f"{name}{{}}.{domain}"
        )
        template = normal_template(
            section(given, "template"), name, set(secret_values(configuration))
        )
        old = before.properties if before else {}
        self._check_revisions(app_id, name, template, configuration, before)
        return Resource(
            app_id,
            APP_TYPE,
            {
                "location": environment.body["location"],
                "tags": body.get("tags") or {},
                "identity": {"type": "None"},
                "systemData": system_data(
                    request.claims, before.body.get("systemData") if before else None
                ),
                "properties": {
                    "provisioningState": "InProgress",
                    "runningStatus": old.get("runningStatus", "Running"),
                    "managedEnvironmentId": environment.id,
                    "environmentId": environment.id,
                    "workloadProfileName": "Consumption",
                    "outboundIpAddresses": [environment.properties["staticIp"]],
                    "latestRevisionName": old.get("latestRevisionName"),
                    "latestReadyRevisionName": old.get("latestReadyRevisionName"),
                    "customDomainVerificationId": verification_id(app_id),
                    "configuration": configuration,
                    "template": template,
                    "eventStreamEndpoint": stream_url(app_id, environment.body["location"])
                    + "/eventstream",
                },
            },
        )

    def _check_revisions(
        self,
        app_id: str,
        name: str,
        template: dict[str, Any],
        configuration: dict[str, Any],
        before: Resource | None,
    ) -> None:
        """Raises ArmError 400 for a suffix that was used, or traffic to a revision not there."""
        revisions = {
            revision.name: bool(revision.properties["active"])
            for revision in self.controller.revisions(app_id)
        }
        latest = self.controller.latest(before) if before else None
        suffix = template["revisionSuffix"]
        if latest is None or changed(latest.properties["template"], template):
            if f"{name}--{suffix}" in revisions:
                raise invalid(
                    "template.revisionsuffix",
                    f'Invalid value: "{suffix}": revision with suffix {suffix} already exists.',
                )
            if suffix:
                revisions[f"{name}--{suffix}"] = True
        check_revisions(configuration, revisions)

    async def _deploy(self, app_id: str, *, new_port: bool) -> None:
        try:
            await self.controller.deploy(app_id, new_port=new_port)
        except ArmError:
            self._set(app_id, "provisioningState", "Failed")
            raise
        self._set(app_id, "provisioningState", "Succeeded")

    async def delete(self, request: ArmRequest) -> ArmResponse:
        app = self.store.get(request.id)
        if app is None:
            return ArmResponse(None, 204)
        _check_idle(app)
        self._set(app.id, "provisioningState", "Deleting")
        operation = self.operations.start("delete-app", app.id, self._delete(app.id))
        return accepted(operation, request, app, status=202)

    async def _delete(self, app_id: str) -> None:
        await self.controller.delete_below(app_id)
        self.store.delete(app_id)

    async def get(self, request: ArmRequest) -> ArmResponse:
        return ArmResponse(self.shown(self._app(request.id)))

    async def list(self, request: ArmRequest) -> ArmResponse:
        scope = request.id.partition("/providers/")[0]
        return page(request, [self.shown(app) for app in self.store.of_type(APP_TYPE, scope)])

    async def get_auth_token(self, request: ArmRequest) -> ArmResponse:
        """A token for the log streams of this app."""
        app = self._app(request.parent)
        expires = datetime.now(UTC) + timedelta(seconds=TOKEN_LIFETIME)
        return ArmResponse(
            {
                "id": app.id,
                "name": app.name,
                "type": f"{APP_TYPE}/accesstoken",
                "location": app.body["location"],
                "properties": {
                    "token": self.issue_token(app.id.lower(), TOKEN_LIFETIME),
                    "expires": expires.isoformat().replace("+00:00", "Z"),
                },
            }
        )

    async def list_custom_host_name_analysis(self, request: ArmRequest) -> ArmResponse:
        raise not_emulated("custom domains of a container app")

    async def list_secrets(self, request: ArmRequest) -> ArmResponse:
        app = self._app(request.parent)
        values = secret_values(app.properties["configuration"])
        return ArmResponse({"value": [{"name": key, "value": values[key]} for key in values]})

    async def start(self, request: ArmRequest) -> ArmResponse:
        return self._switch(request, "start-app", running=True)

    async def stop(self, request: ArmRequest) -> ArmResponse:
        return self._switch(request, "stop-app", running=False)

    def _switch(self, request: ArmRequest, kind: str, *, running: bool) -> ArmResponse:
        app = self._app(request.parent)
        _check_idle(app)
        operation = self.operations.start(kind, app.id, self._run(app.id, running=running))
        return accepted(operation, request, app, status=202)

    async def _run(self, app_id: str, *, running: bool) -> None:
        self._set(app_id, "runningStatus", "Running" if running else "Stopped")
        app = self._app(app_id)
        if not running:
            await self.controller.stop(app_id)
            return
        self.controller.start(app)
        if latest := self.controller.latest(app):
            await self.controller.until_settled(latest.id)

    # Rules and views

    def _app(self, app_id: str) -> Resource:
        app = self.store.get(app_id)
        if app is None:
            raise not_found(app_id)
        return app

    def _set(self, app_id: str, field: str, value: str) -> None:
        app = self.store.get(app_id)
        if app:
            app.properties[field] = value
            self.store.put(app)

    def shown(self, app: Resource) -> dict[str, Any]:
        properties = app.properties
        ingress, latest = properties["configuration"]["ingress"], properties["latestRevisionName"]
        host = (
            fqdn(latest, self.controller.domain(app), external=ingress["external"])
            if ingress and latest
            else ""
        )
        return {
            "id": app.id,
            "name": app.name,
            "type": APP_TYPE,
            **app.body,
            "properties": {**properties, "latestRevisionFqdn": host},
        }


def _port(app: Resource) -> tuple[bool, int | None]:
    """What of the ingress is part of a replica: whether there is one, and its port."""
    ingress = app.properties["configuration"]["ingress"]
    return bool(ingress), ingress["targetPort"] if ingress else None


def _check_idle(app: Resource) -> None:
    if app.properties["provisioningState"] in BUSY:
        raise conflict(
            f"Cannot modify a container app '{app.name}' because there is another operation in "
            "progress. Wait until that has ended.",
            code="ContainerAppOperationInProgress",
        )
