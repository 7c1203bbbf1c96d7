"""Batch endpoints.

https://learn.microsoft.com/rest/api/azureml/batch-endpoints
"""

from __future__ import annotations

from dataclasses import replace

from emulator.arm.change import Change
from emulator.arm.changes import Changes
from emulator.arm.errors import bad_request
from emulator.arm.fields import Fields
from emulator.arm.http import ArmRequest, ArmResponse
from emulator.arm.ids import name_of, system_data
from emulator.arm.lifecycle import ABSENT, GONE, Finish, Lifecycle, Move
from emulator.arm.locations import check_location, check_place
from emulator.arm.managed_identity import read_identity, shown_identity
from emulator.arm.operations import Operations
from emulator.arm.resources import page, require, shown
from emulator.arm.tags import read_tags
from emulator.services.machine_learning.batch.endpoint_spec import (
    BatchEndpointSpec,
    batch_endpoint_of,
    read_batch_endpoint,
)
from emulator.services.machine_learning.errors import bad_argument
from emulator.services.machine_learning.names import check_name, check_unique
from emulator.services.machine_learning.paths import (
    BATCH_ENDPOINT,
    BATCH_ENDPOINT_TYPE,
    BATCH_ENDPOINTS,
    require_workspace,
)
from emulator.services.machine_learning.scoring_routes import host_of, scoring_host
from emulator.store import Resource, Store


class BatchEndpoints:
    ROUTES = (
        ("GET", BATCH_ENDPOINTS, "list"),
        ("DELETE", BATCH_ENDPOINT, "delete"),
        ("GET", BATCH_ENDPOINT, "get"),
        ("PATCH", BATCH_ENDPOINT, "update"),
        ("PUT", BATCH_ENDPOINT, "create_or_update"),
        ("POST", BATCH_ENDPOINT + "/listkeys", "list_keys"),
    )

    def __init__(self, store: Store, operations: Operations, changes: Changes) -> None:
        self.store = store
        self.operations = operations
        self.changes = changes
        self._by_host: dict[str, str] = {}  # host -> endpoint id
        settled = ("Succeeded", "Failed")
        changes.register(
            Lifecycle(
                BATCH_ENDPOINT_TYPE,
                moves=(
                    Move(
                        "create",
                        (ABSENT,),
                        "Creating",
                        "Succeeded",
                        work=self._publish,
                        resumes=True,
                    ),
                    Move("update", settled, "Updating", "Succeeded", resumes=True),
                    # The jobs stay, as on Azure.
                    Move("delete", ("Creating", "Updating", *settled), "Deleting", GONE),
                ),
                withdraw=lambda endpoint: self._forget(host_of(endpoint)),
            )
        )
        changes.at_start(self._publish_all)

    def at(self, host: str) -> Resource | None:
        """The endpoint that answers at a host name, None where there is no batch endpoint."""
        found = self._by_host.get(host)
        return self.store.get(found) if found else None

    async def list(self, request: ArmRequest) -> ArmResponse:
        workspace = require_workspace(self.store, request)
        endpoints = self.store.of_type(BATCH_ENDPOINT_TYPE, workspace.id)
        return page(request, [shown(endpoint) for endpoint in endpoints])

    async def delete(self, request: ArmRequest) -> ArmResponse:
        require_workspace(self.store, request)
        endpoint = self.store.get(request.id)
        if endpoint is None:
            return ArmResponse(None, 204)
        operation = self.changes.begin("delete", endpoint, endpoint)
        return self.operations.accepted(operation, request, endpoint.body["location"], status=202)

    async def get(self, request: ArmRequest) -> ArmResponse:
        return ArmResponse(shown(self._endpoint(request)))

    async def update(self, request: ArmRequest) -> ArmResponse:
        """PATCH: tags and identity; the SDK changes everything else by PUT."""
        endpoint = self._endpoint(request)
        body = Fields(request.body, refuse=bad_argument)
        spec = batch_endpoint_of(endpoint.body)
        tags = read_tags(body) if body.is_named("tags") else spec.tags
        spec = replace(spec, tags=tags, identity=read_identity(body, spec.identity, merge=True))
        return self._put(request, endpoint, spec, endpoint.body["location"])

    async def create_or_update(self, request: ArmRequest) -> ArmResponse:
        workspace = require_workspace(self.store, request)
        check_name(request.params["endpointName"], "endpoint")
        body = Fields(request.body, refuse=bad_argument)
        spec = read_batch_endpoint(body)
        before = self.store.get(request.id)
        if before:
            location = check_place(body.raw("location"), before, required=False)
            if not body.has("identity"):
                spec = replace(spec, identity=batch_endpoint_of(before.body).identity)
        else:
            location = check_location(body.text("location") or workspace.body["location"])
            check_unique(self.store, request.id, location)
        return self._put(request, before, spec, location)

    def _put(
        self,
        request: ArmRequest,
        before: Resource | None,
        spec: BatchEndpointSpec,
        location: str,
    ) -> ArmResponse:
        endpoint_id = before.id if before else request.id
        if spec.default:
            deployment = self.store.get(f"{endpoint_id}/deployments/{spec.default}")
            if deployment is None:
                raise bad_request(
                    f"The default deployment '{spec.default}' does not exist. Make the deployment "
                    "first, and then the default of its endpoint.",
                    target="defaults.deploymentName",
                )
            spec = replace(spec, default=deployment.name)
        endpoint = Resource(
            endpoint_id,
            BATCH_ENDPOINT_TYPE,
            {
                "location": location,
                **spec.to_body(),
                "identity": shown_identity(
                    spec.identity, self.store, endpoint_id, before.body if before else None
                ),
                "systemData": system_data(
                    request.claims, before.body["systemData"] if before else None
                ),
            },
        )
        endpoint.properties.update(
            scoringUri=f"https://{scoring_host(name_of(endpoint_id), location)}/jobs",
            swaggerUri=None,
        )
        operation = self.changes.begin("update" if before else "create", endpoint, before)
        return self.operations.accepted(
            operation, request, location, status=200 if before else 201, body=shown(endpoint)
        )

    async def list_keys(self, request: ArmRequest) -> ArmResponse:
        endpoint = require(self.store, request.parent)
        raise bad_request(
            f"The endpoint '{endpoint.name}' has the authentication mode AADToken; this operation "
            "is for Key.",
            target="authMode",
        )

    # Hosts

    async def _publish(self, change: Change) -> Finish:
        return self._remember

    def _remember(self, endpoint: Resource) -> None:
        self._by_host[host_of(endpoint)] = endpoint.id

    def _forget(self, host: str) -> None:
        self._by_host.pop(host, None)

    def _publish_all(self) -> None:
        """At a start: those that are not on their way to be there, or to be gone."""
        for endpoint in self.store.of_type(BATCH_ENDPOINT_TYPE):
            if endpoint.state != "Creating" and not self.changes.is_being_deleted(endpoint.id):
                self._remember(endpoint)

    def _endpoint(self, request: ArmRequest) -> Resource:
        require_workspace(self.store, request)
        return require(self.store, request.id)
