"""Online deployments.

https://learn.microsoft.com/rest/api/azureml/online-deployments

`MOVES` are the states and what leads from one to the other. A deployment whose first version never
came up is shown as Failed, and Azure takes no second PUT for it. One whose update failed is Failed
as well, goes on serving the version before (`good` in what is private), and takes another update.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

from emulator.arm.change import Change
from emulator.arm.changes import Changes
from emulator.arm.errors import ArmError, bad_request, conflict
from emulator.arm.fields import Fields
from emulator.arm.http import ArmRequest, ArmResponse, expand
from emulator.arm.ids import parent_of, system_data
from emulator.arm.lifecycle import ABSENT, GONE, Finish, Lifecycle, Move
from emulator.arm.locations import check_place
from emulator.arm.operations import Operations
from emulator.arm.resources import page, require, shown
from emulator.arm.tags import read_tags
from emulator.services.machine_learning.deployer import Deployer
from emulator.services.machine_learning.deployment_assets import DeploymentAssets
from emulator.services.machine_learning.deployment_rules import check_quota, check_room
from emulator.services.machine_learning.deployment_spec import (
    INT32,
    MOST_INSTANCES,
    DeploymentSpec,
    deployment_of,
    read_deployment,
    read_sku,
)
from emulator.services.machine_learning.errors import bad_argument, refused_by_serving
from emulator.services.machine_learning.names import check_name
from emulator.services.machine_learning.paths import (
    ONLINE_DEPLOYMENT,
    ONLINE_DEPLOYMENT_TYPE,
    ONLINE_DEPLOYMENTS,
    ONLINE_ENDPOINT,
    require_workspace,
)
from emulator.services.machine_learning.scoring_routes import ScoringRoutes, good_of
from emulator.store import Resource, Store

SUCCEEDED, FAILED = "Succeeded", "Failed"
# Failed at its first provisioning: it can only be deleted.
NEVER_CAME_UP = "NeverCameUp"
LOG_CONTAINERS = ("InferenceServer", "StorageInitializer")
DEFAULT_TAIL = 100  # lines


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
        self,
        store: Store,
        operations: Operations,
        changes: Changes,
        assets: DeploymentAssets,
        deployer: Deployer,
        routes: ScoringRoutes,
    ) -> None:
        self.store = store
        self.operations = operations
        self.changes = changes
        self.assets = assets
        self.deployer = deployer
        self.routes = routes
        settled = (SUCCEEDED, FAILED)
        changes.register(
            Lifecycle(
                ONLINE_DEPLOYMENT_TYPE,
                moves=(
                    # FAILED without a good version: the emulator's end has interrupted the first.
                    Move(
                        "create",
                        (ABSENT, FAILED),
                        "Creating",
                        SUCCEEDED,
                        failed=NEVER_CAME_UP,
                        interrupted=FAILED,
                        work=self._deploy,
                    ),
                    Move("update", settled, "Updating", SUCCEEDED, work=self._deploy),
                    Move("scale", settled, "Scaling", SUCCEEDED, work=self._scale),
                    Move("delete", (*settled, NEVER_CAME_UP), "Deleting", GONE),
                ),
                show=_show,
                refuse=_refuse,
                withdraw=self._withdraw,
                remove=self._remove,
                revive=self._revive,
            )
        )

    async def list(self, request: ArmRequest) -> ArmResponse:
        endpoint = self._endpoint(request)
        deployments = self.store.of_type(ONLINE_DEPLOYMENT_TYPE, endpoint.id)
        return page(request, [shown(deployment) for deployment in deployments])

    async def delete(self, request: ArmRequest) -> ArmResponse:
        endpoint = self._endpoint(request)
        deployment = self.store.get(request.id)
        if deployment is None:
            return ArmResponse(None, 204)
        for field in ("traffic", "mirrorTraffic"):
            if share := endpoint.properties[field].get(deployment.name):
                raise bad_request(
                    f"The deployment '{deployment.name}' receives {share} per cent of the "
                    f"endpoint's {'mirrored ' if field == 'mirrorTraffic' else ''}traffic. Set it "
                    "to 0 before you delete the deployment.",
                    target=field,
                )
        operation = self.changes.begin("delete", deployment, deployment)
        return self.operations.accepted(operation, request, endpoint.body["location"], status=202)

    async def get(self, request: ArmRequest) -> ArmResponse:
        return ArmResponse(shown(self._deployment(request)))

    async def update(self, request: ArmRequest) -> ArmResponse:
        """PATCH: tags and the instance count."""
        deployment = self._deployment(request)
        body = Fields(request.body, refuse=bad_argument)
        spec = deployment_of(deployment.body)
        if body.is_named("tags"):
            spec = replace(spec, tags=read_tags(body))
        count = body.object("sku").whole("capacity", least=1, most=MOST_INSTANCES)
        if count is not None:
            spec = replace(spec, instance_count=count)
        spec = replace(spec, sku={**(spec.sku or {}), **read_sku(body.object("sku"))})
        return self._put(request, deployment, spec)

    async def create_or_update(self, request: ArmRequest) -> ArmResponse:
        endpoint = self._endpoint(request)
        check_name(request.params["deploymentName"], "deployment")
        before = self.store.get(request.id)
        if before and before.state == NEVER_CAME_UP:
            raise _refuse(before, "update")
        body = Fields(request.body, refuse=bad_argument)
        check_place(body.raw("location"), endpoint, required=False)
        spec = read_deployment(body)
        check_room(self.store, endpoint, request.id)
        return self._put(request, before, spec)

    def _put(
        self, request: ArmRequest, before: Resource | None, spec: DeploymentSpec
    ) -> ArmResponse:
        deployment_id = before.id if before else request.id
        endpoint = require(self.store, parent_of(deployment_id))
        spec = self.assets.resolved(parent_of(endpoint.id), spec, request.claims)
        check_quota(self.store, deployment_id, spec)
        good = good_of(before) if before else None
        deployment = Resource(
            deployment_id,
            ONLINE_DEPLOYMENT_TYPE,
            {
                "location": endpoint.body["location"],
                **spec.to_body(),
                "systemData": system_data(
                    request.claims, before.body["systemData"] if before else None
                ),
            },
            {"good": good.to_body()} if good else {},
        )
        move = "create" if good is None else "scale" if good.runs_as(spec) else "update"
        operation = self.changes.begin(move, deployment, before)
        return self.operations.accepted(
            operation,
            request,
            endpoint.body["location"],
            status=200 if before else 201,
            body=shown(deployment),
        )

    async def get_logs(self, request: ArmRequest) -> ArmResponse:
        deployment = require(self.store, request.parent)
        body = Fields({} if request.body is None else request.body, refuse=bad_argument)
        container = body.choice("containerType", LOG_CONTAINERS, LOG_CONTAINERS[0])
        tail = body.whole("tail", DEFAULT_TAIL, least=0, most=INT32)
        content = await asyncio.to_thread(self.deployer.logs, deployment.id, container, tail)
        return ArmResponse({"content": content})

    async def list_skus(self, request: ArmRequest) -> ArmResponse:
        require(self.store, request.parent)
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

    # For autoscale

    def instance_count(self, deployment: Resource) -> int | None:
        """How many instances it runs; None while it is being changed, has not come up, or has
        failed to become what it was last asked to be."""
        good = good_of(deployment)
        if good is None or deployment.state not in (SUCCEEDED, FAILED):
            return None
        return good.instance_count if good.runs_as(deployment_of(deployment.body)) else None

    def begin_scale(self, deployment: Resource, count: int) -> str:
        """Begin to have so many instances, and return the operation's id. Raises ArmError."""
        if not 1 <= count <= MOST_INSTANCES:
            raise bad_argument(
                "sku.capacity",
                f"'sku.capacity' must be a whole number from 1 to {MOST_INSTANCES}, not {count}.",
            )
        spec = replace(deployment_of(deployment.body), instance_count=count)
        check_quota(self.store, deployment.id, spec)
        deployment.body["sku"]["capacity"] = count
        return self.changes.begin("scale", deployment, deployment)

    # The work of the moves

    async def _deploy(self, change: Change) -> Finish:
        spec = deployment_of(change.resource().body)
        await self.deployer.deploy(change.resource_id, spec)
        return self._came_up(spec)

    async def _scale(self, change: Change) -> Finish:
        spec = deployment_of(change.resource().body)
        await self.deployer.scale(change.resource_id, spec)
        return self._came_up(spec)

    def _came_up(self, spec: DeploymentSpec) -> Callable[[Resource], None]:
        def finish(deployment: Resource) -> None:
            deployment.private["good"] = spec.to_body()
            self.routes.serve(deployment, spec)

        return finish

    async def _revive(self, deployment: Resource) -> None:
        if good := good_of(deployment):
            await self.deployer.deploy(deployment.id, good)

    def _withdraw(self, deployment: Resource) -> None:
        self.routes.close(deployment.id)

    async def _remove(self, deployment: Resource) -> None:
        await self.deployer.remove(deployment.id)

    # Rules

    def _endpoint(self, request: ArmRequest) -> Resource:
        require_workspace(self.store, request)
        return require(self.store, expand(ONLINE_ENDPOINT, request.params))

    def _deployment(self, request: ArmRequest) -> Resource:
        self._endpoint(request)
        return require(self.store, request.id)


def _show(deployment: Resource) -> None:
    state = FAILED if deployment.state == NEVER_CAME_UP else deployment.state
    deployment.properties["provisioningState"] = state


def _refuse(deployment: Resource | None, move: str) -> ArmError:
    name, state = (deployment.name, deployment.state) if deployment else ("", "absent")
    if state == NEVER_CAME_UP and move != "delete":
        reason = (
            f"Specified deployment [{name}] failed during initial provisioning and is in an "
            "unrecoverable state. Delete and re-create."
        )
        return refused_by_serving(reason)
    return conflict(
        f"The deployment '{name}' is {state}. Wait until that has ended.",
        code="OperationInProgress",
    )
