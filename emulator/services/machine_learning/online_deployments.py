"""Online deployments.

https://learn.microsoft.com/rest/api/azureml/online-deployments

    provisioningState   while                               followed by
    Creating            the first PUT is under way          Succeeded, Failed
    Updating            a PUT that changes what runs is     Succeeded, Failed
    Scaling             a PUT or PATCH of the count is      Succeeded, Failed
    Deleting            a DELETE is                         gone
    Succeeded, Failed   nothing is                          Updating, Scaling, Deleting
    Failed, at first    nothing is                          Deleting

`_good` in the stored body is the last version that came up. It keeps serving when an update
fails, and comes back when the emulator is started again. `_unrecoverable` is there when the first
PUT failed: Azure takes no second one.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from emulator.arm.errors import ArmError, bad_request, conflict, not_found
from emulator.arm.http import ArmRequest, ArmResponse, expand
from emulator.arm.ids import parent_of, system_data
from emulator.arm.operations import Operations
from emulator.arm.resources import page
from emulator.services.machine_learning.answers import shown
from emulator.services.machine_learning.assets import resolve
from emulator.services.machine_learning.deployer import Deployer
from emulator.services.machine_learning.deployment_rules import (
    MOST_INSTANCES,
    check_properties,
    check_quota,
    check_room,
)
from emulator.services.machine_learning.names import check_name
from emulator.services.machine_learning.paths import (
    ONLINE_DEPLOYMENT,
    ONLINE_DEPLOYMENT_TYPE,
    ONLINE_DEPLOYMENTS,
    ONLINE_ENDPOINT,
    require_workspace,
)
from emulator.services.machine_learning.scoring_routes import ScoringRoutes
from emulator.store import Resource, Store

BUSY = {"Creating", "Updating", "Scaling", "Deleting"}
LOG_CONTAINERS = ("InferenceServer", "StorageInitializer")
DEFAULT_TAIL = 100  # lines
_log = logging.getLogger(__name__)


class OnlineDeployments:
    ROUTES = (
        ("GET", ONLINE_DEPLOYMENTS, "list"),
        ("DELETE", ONLINE_DEPLOYMENT, "delete"),
        ("GET", ONLINE_DEPLOYMENT, "get"),
        ("PATCH", ONLINE_DEPLOYMENT, "update"),
        ("PUT", ONLINE_DEPLOYMENT, "create_or_update"),
        ("POST", ONLINE_DEPLOYMENT + "/getLogs", "get_logs"),
        ("GET", ONLINE_DEPLOYMENT + "/skus", "list_skus"),
    )

    def __init__(
        self, store: Store, operations: Operations, deployer: Deployer, routes: ScoringRoutes
    ) -> None:
        self.store = store
        self.operations = operations
        self.deployer = deployer
        self.routes = routes
        self.restarts: set[asyncio.Task[None]] = set()

    async def recover(self) -> None:
        """After a restart: end what was under way, and bring back what was running."""
        for operation in self.operations.interrupted():
            deployment = self.store.get(operation.resource_id)
            if operation.kind == "delete-deployment":
                self.store.delete(operation.resource_id)
                self.operations.finish(operation.id)
            elif operation.kind == "put-deployment":
                self.operations.abandon(operation.id)
                if deployment:
                    deployment.properties["provisioningState"] = "Failed"
                    self.store.put(deployment)
        for deployment in self.store.of_type(ONLINE_DEPLOYMENT_TYPE):
            if "_good" in deployment.body:
                task = asyncio.create_task(self._bring_back(deployment))
                self.restarts.add(task)
                task.add_done_callback(self.restarts.discard)

    async def close(self) -> None:
        for task in list(self.restarts):
            task.cancel()
        await asyncio.gather(*self.restarts, return_exceptions=True)

    async def _bring_back(self, deployment: Resource) -> None:
        try:
            await self.deployer.deploy(deployment.id, deployment.body["_good"])
        except ArmError as error:
            _log.warning("%s did not come back: %s", deployment.id, error)
            self._set_state(deployment.id, "Failed")

    async def list(self, request: ArmRequest) -> ArmResponse:
        endpoint = self._endpoint(request)
        deployments = self.store.of_type(ONLINE_DEPLOYMENT_TYPE, endpoint.id)
        return page(request, [shown(deployment) for deployment in deployments])

    async def delete(self, request: ArmRequest) -> ArmResponse:
        endpoint = self._endpoint(request)
        deployment = self.store.get(request.id)
        if deployment is None:
            return ArmResponse(None, 204)
        self._check_idle(deployment)
        for field in ("traffic", "mirrorTraffic"):
            if share := endpoint.properties[field].get(deployment.name):
                raise bad_request(
                    f"The deployment '{deployment.name}' receives {share} per cent of the "
                    f"endpoint's {'mirrored ' if field == 'mirrorTraffic' else ''}traffic. Set it "
                    "to 0 before you delete the deployment.",
                    target=field,
                )
        self._set_state(deployment.id, "Deleting")
        operation = self.operations.start(
            "delete-deployment", deployment.id, self._delete(deployment)
        )
        return self.operations.accepted(operation, request, endpoint.body["location"], status=202)

    async def _delete(self, deployment: Resource) -> None:
        await self.deployer.stop(deployment.id)
        self.store.delete(deployment.id)
        self.routes.forget(deployment.id)
        self.routes.publish(parent_of(deployment.id))

    async def get(self, request: ArmRequest) -> ArmResponse:
        return ArmResponse(shown(self._deployment(request)))

    async def update(self, request: ArmRequest) -> ArmResponse:
        """PATCH: tags and the instance count."""
        deployment = self._deployment(request)
        body = request.json()
        merged = {
            **deployment.body,
            "tags": body.get("tags", deployment.body["tags"]),
            "sku": {**deployment.body["sku"], **(body.get("sku") or {})},
        }
        return self._put(request, deployment, merged)

    async def create_or_update(self, request: ArmRequest) -> ArmResponse:
        endpoint = self._endpoint(request)
        check_name(request.params["deploymentName"], "deployment")
        body = request.json()
        if not isinstance(body.get("properties"), dict):
            raise bad_request("The deployment's properties are missing.", target="properties")
        check_room(self.store, endpoint, request.id)
        return self._put(request, self.store.get(request.id), body)

    def _put(
        self, request: ArmRequest, before: Resource | None, body: dict[str, Any]
    ) -> ArmResponse:
        if before:
            self._check_idle(before)
            self._check_recoverable(before)
        deployment_id = before.id if before else request.id
        endpoint = self.store.get(parent_of(deployment_id))
        assert endpoint is not None
        given = body["properties"]
        sku = {"name": "Default", **(body.get("sku") or {})}
        sku["capacity"] = sku.get("capacity") or 1
        check_properties(given, sku["capacity"])
        for kind, field in (("models", "model"), ("environments", "environmentId")):
            if given.get(field):
                resolve(self.store, parent_of(endpoint.id), kind, given[field])
        resolve(self.store, parent_of(endpoint.id), "codes", given["codeConfiguration"]["codeId"])
        check_quota(self.store, deployment_id, given["instanceType"], sku["capacity"])
        good = before.body.get("_good") if before else None
        properties = _with_defaults(given)
        only_count = good is not None and _runs(good["properties"]) == _runs(properties)
        state = "Creating" if good is None else "Scaling" if only_count else "Updating"
        deployment = Resource(
            deployment_id,
            ONLINE_DEPLOYMENT_TYPE,
            {
                "location": endpoint.body["location"],
                "tags": body.get("tags") or {},
                "kind": "Managed",
                "sku": sku,
                "properties": properties | {"provisioningState": state},
                "systemData": system_data(
                    request.claims, before.body.get("systemData") if before else None
                ),
                **({"_good": good} if good else {}),
            },
        )
        self.store.put(deployment)
        operation = self.operations.start(
            "put-deployment", deployment_id, self._bring_up(deployment, only_count)
        )
        return self.operations.accepted(
            operation,
            request,
            endpoint.body["location"],
            status=200 if before else 201,
            body=shown(deployment),
        )

    async def _bring_up(self, deployment: Resource, only_count: bool) -> None:
        spec = {"properties": deployment.properties, "sku": deployment.body["sku"]}
        try:
            await (self.deployer.scale if only_count else self.deployer.deploy)(deployment.id, spec)
        except BaseException as error:
            # A cancelled one is the emulator stopping: the next start says so.
            if not isinstance(error, asyncio.CancelledError):
                self._fail(deployment.id)
            raise
        deployment.properties["provisioningState"] = "Succeeded"
        deployment.body["_good"] = spec
        self.store.put(deployment)
        self.routes.publish(parent_of(deployment.id))

    async def get_logs(self, request: ArmRequest) -> ArmResponse:
        deployment = self.store.get(request.parent)
        if deployment is None:
            raise not_found(request.parent)
        body = request.body or {}
        container = body.get("containerType") or LOG_CONTAINERS[0]
        if container not in LOG_CONTAINERS:
            raise bad_request(
                f"containerType must be one of {', '.join(LOG_CONTAINERS)}, not '{container}'.",
                target="containerType",
            )
        tail = body.get("tail")
        if tail is not None and (not isinstance(tail, int) or tail < 1):
            raise bad_request(f"tail must be at least 1, not {tail!r}.", target="tail")
        content = await asyncio.to_thread(
            self.deployer.logs, deployment.id, container, tail or DEFAULT_TAIL
        )
        return ArmResponse({"content": content})

    async def list_skus(self, request: ArmRequest) -> ArmResponse:
        deployment = self.store.get(request.parent)
        if deployment is None:
            raise not_found(request.parent)
        return page(
            request,
            [
                {
                    "resourceType": ONLINE_DEPLOYMENT_TYPE,
                    "sku": {"name": "Default"},
                    "capacity": {
                        "minimum": 1,
                        "maximum": MOST_INSTANCES,
                        "default": 1,
                        "scaleType": "Manual",
                    },
                }
            ],
        )

    # Rules

    def _endpoint(self, request: ArmRequest) -> Resource:
        require_workspace(self.store, request)
        endpoint_id = expand(ONLINE_ENDPOINT, request.params)
        endpoint = self.store.get(endpoint_id)
        if endpoint is None:
            raise not_found(endpoint_id)
        return endpoint

    def _deployment(self, request: ArmRequest) -> Resource:
        self._endpoint(request)
        deployment = self.store.get(request.id)
        if deployment is None:
            raise not_found(request.id)
        return deployment

    def _check_idle(self, deployment: Resource) -> None:
        state = deployment.properties["provisioningState"]
        if state in BUSY:
            raise conflict(
                f"The deployment '{deployment.name}' is {state}. Wait until that has ended.",
                code="OperationInProgress",
            )

    def _check_recoverable(self, deployment: Resource) -> None:
        if deployment.body.get("_unrecoverable"):
            reason = (
                f"Specified deployment [{deployment.name}] failed during initial provisioning and "
                "is in an unrecoverable state. Delete and re-create."
            )
            raise ArmError(
                400,
                "BadRequest",
                "The request is invalid.",
                details=[{"code": "InferencingClientCallFailed", "message": reason}],
            )

    def _fail(self, deployment_id: str) -> None:
        deployment = self.store.get(deployment_id)
        if deployment:
            deployment.properties["provisioningState"] = "Failed"
            if "_good" not in deployment.body:
                deployment.body["_unrecoverable"] = True
            self.store.put(deployment)

    def _set_state(self, deployment_id: str, state: str) -> None:
        deployment = self.store.get(deployment_id)
        if deployment:
            deployment.properties["provisioningState"] = state
            self.store.put(deployment)


def _runs(properties: dict[str, Any]) -> dict[str, Any]:
    """What an instance depends on: if none of it changes, a PUT merely scales."""
    fields = (
        "model",
        "codeConfiguration",
        "environmentId",
        "environmentVariables",
        "instanceType",
        "livenessProbe",
        "readinessProbe",
    )
    return {field: properties.get(field) for field in fields}


def _with_defaults(given: dict[str, Any]) -> dict[str, Any]:
    """The properties as Azure shows them: its defaults stand where nothing was given.

    https://learn.microsoft.com/rest/api/azureml/online-deployments/create-or-update
    """
    probe = {
        "failureThreshold": 30,
        "initialDelay": "PT10S",
        "period": "PT10S",
        "successThreshold": 1,
        "timeout": "PT2S",
    }
    requests = {
        "maxConcurrentRequestsPerInstance": 1,
        "maxQueueWait": "PT0.5S",
        "requestTimeout": "PT5S",
    }
    return {
        "description": None,
        "appInsightsEnabled": False,
        "egressPublicNetworkAccess": "Enabled",
        "scaleSettings": {"scaleType": "Default"},
        "modelMountPath": None,
        **given,
        "properties": given.get("properties") or {},
        "environmentVariables": given.get("environmentVariables") or {},
        "requestSettings": requests | _without_nulls(given.get("requestSettings")),
        "livenessProbe": probe | _without_nulls(given.get("livenessProbe")),
        "readinessProbe": probe | _without_nulls(given.get("readinessProbe")),
    }


def _without_nulls(settings: dict[str, Any] | None) -> dict[str, Any]:
    return {key: value for key, value in (settings or {}).items() if value is not None}
