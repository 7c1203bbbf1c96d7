"""Batch deployments.

https://learn.microsoft.com/rest/api/azureml/batch-deployments

A deployment is a description of jobs: nothing of it runs before its endpoint is invoked.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Protocol

from emulator.arm.changes import Changes
from emulator.arm.errors import ArmError, bad_request
from emulator.arm.fields import Fields
from emulator.arm.http import ArmRequest, ArmResponse, expand
from emulator.arm.ids import name_of, parent_of, system_data
from emulator.arm.lifecycle import ABSENT, GONE, Lifecycle, Move
from emulator.arm.locations import check_place
from emulator.arm.operations import Operations
from emulator.arm.resources import page, require, shown
from emulator.arm.tags import read_tags
from emulator.services.machine_learning.assets import resolve
from emulator.services.machine_learning.batch.deployment_spec import (
    BatchDeploymentSpec,
    batch_deployment_of,
    read_batch_deployment,
)
from emulator.services.machine_learning.batch.endpoint_spec import batch_endpoint_of
from emulator.services.machine_learning.deployment_rules import MOST_DEPLOYMENTS, check_environment
from emulator.services.machine_learning.errors import bad_argument
from emulator.services.machine_learning.names import check_name
from emulator.services.machine_learning.paths import (
    BATCH_DEPLOYMENT,
    BATCH_DEPLOYMENT_TYPE,
    BATCH_DEPLOYMENTS,
    BATCH_ENDPOINT,
    COMPUTE_TYPE,
    require_workspace,
)
from emulator.store import Resource, Store


class ModelAssets(Protocol):
    """What is made for models without a script (deployment_assets.py); the composition root hands
    it in."""

    def without_code(self, model: Resource | None, environment: Resource | None) -> Resource:
        """The model, which is one of MLflow's. Raises ArmError."""
        ...

    def mlflow_model(self, model: Resource) -> object:
        """What the model's folder says. Raises ArmError 400 when MLflow can't run it."""
        ...

    def environment_of(self, model: Resource, claims: dict[str, Any]) -> Resource:
        """The environment in which the model runs. Raises ArmError 400."""
        ...


class BatchDeployments:
    ROUTES = (
        ("GET", BATCH_DEPLOYMENTS, "list"),
        ("DELETE", BATCH_DEPLOYMENT, "delete"),
        ("GET", BATCH_DEPLOYMENT, "get"),
        ("PATCH", BATCH_DEPLOYMENT, "update"),
        ("PUT", BATCH_DEPLOYMENT, "create_or_update"),
    )

    def __init__(
        self, store: Store, operations: Operations, changes: Changes, assets: ModelAssets
    ) -> None:
        self.store = store
        self.operations = operations
        self.changes = changes
        self.assets = assets
        settled = ("Succeeded", "Failed")
        changes.register(
            Lifecycle(
                BATCH_DEPLOYMENT_TYPE,
                moves=(
                    Move("create", (ABSENT, "Failed"), "Creating", "Succeeded", resumes=True),
                    Move("update", ("Succeeded",), "Updating", "Succeeded", resumes=True),
                    Move("delete", ("Creating", "Updating", *settled), "Deleting", GONE),
                ),
            )
        )

    async def list(self, request: ArmRequest) -> ArmResponse:
        endpoint = self._endpoint(request)
        deployments = self.store.of_type(BATCH_DEPLOYMENT_TYPE, endpoint.id)
        return page(request, [shown(deployment) for deployment in deployments])

    async def delete(self, request: ArmRequest) -> ArmResponse:
        endpoint = self._endpoint(request)
        deployment = self.store.get(request.id)
        if deployment is None:
            return ArmResponse(None, 204)
        if deployment.name == batch_endpoint_of(endpoint.body).default:
            # It has all of the endpoint's traffic, and what has traffic is not deleted.
            raise bad_request(
                f"The deployment '{deployment.name}' is the default of the endpoint "
                f"'{endpoint.name}'. Make another one the default before you delete it.",
                target="defaults.deploymentName",
            )
        operation = self.changes.begin("delete", deployment, deployment)
        return self.operations.accepted(operation, request, endpoint.body["location"], status=202)

    async def get(self, request: ArmRequest) -> ArmResponse:
        return ArmResponse(shown(self._deployment(request)))

    async def update(self, request: ArmRequest) -> ArmResponse:
        """PATCH: tags and the description."""
        deployment = self._deployment(request)
        body = Fields(request.body, refuse=bad_argument)
        spec = batch_deployment_of(deployment.body)
        if body.is_named("tags"):
            spec = replace(spec, tags=read_tags(body))
        properties = body.object("properties")
        if properties.is_named("description"):
            spec = replace(spec, description=properties.text("description"))
        return self._put(request, deployment, spec)

    async def create_or_update(self, request: ArmRequest) -> ArmResponse:
        endpoint = self._endpoint(request)
        check_name(request.params["deploymentName"], "deployment")
        before = self.store.get(request.id)
        body = Fields(request.body, refuse=bad_argument)
        check_place(body.raw("location"), endpoint, required=False)
        spec = read_batch_deployment(body)
        if before is None:
            self._check_room(endpoint)
        return self._put(request, before, spec)

    def _put(
        self, request: ArmRequest, before: Resource | None, spec: BatchDeploymentSpec
    ) -> ArmResponse:
        deployment_id = before.id if before else request.id
        endpoint = require(self.store, parent_of(deployment_id))
        spec = self._with_assets(parent_of(endpoint.id), spec, request.claims)
        deployment = Resource(
            deployment_id,
            BATCH_DEPLOYMENT_TYPE,
            {
                "location": endpoint.body["location"],
                **spec.to_body(),
                "systemData": system_data(
                    request.claims, before.body["systemData"] if before else None
                ),
            },
        )
        operation = self.changes.begin("update" if before else "create", deployment, before)
        return self.operations.accepted(
            operation,
            request,
            endpoint.body["location"],
            status=200 if before else 201,
            body=shown(deployment),
        )

    # Rules

    def _with_assets(
        self, workspace_id: str, spec: BatchDeploymentSpec, claims: dict[str, Any]
    ) -> BatchDeploymentSpec:
        """The spec with ids, and with the environment of its MLflow model where it names none.

        Raises ArmError: 404 for what does not exist, 400 for a model that needs a script, 501 for
        what cannot run here.
        """
        found: dict[str, Resource] = {}

        def resolve_one(collection: str, reference: str) -> str:
            found[collection] = resolve(self.store, workspace_id, collection, reference)
            return found[collection].id

        spec = spec.resolved(
            resolve_one, lambda reference: self._compute(workspace_id, reference).id
        )
        environment = found.get("environments")
        if environment:
            check_environment(environment, "at batch endpoints")
        if spec.code and not spec.environment:
            # https://learn.microsoft.com/azure/machine-learning/how-to-mlflow-batch
            raise bad_request(
                "A deployment with a scoring script needs an environment, be it of an MLflow "
                "model.",
                target="environmentId",
            )
        if spec.code:
            return spec
        model = self.assets.without_code(found["models"], environment)
        self.assets.mlflow_model(model)
        if not spec.environment:
            spec = replace(spec, environment=self.assets.environment_of(model, claims).id)
        return spec

    def _compute(self, workspace_id: str, reference: str) -> Resource:
        name = reference.removeprefix("azureml:")
        compute_id = name if name.startswith("/") else f"{workspace_id}/computes/{name}"
        compute = self.store.get(compute_id)
        if compute is None or compute.type.lower() != COMPUTE_TYPE.lower():
            raise ArmError(
                404,
                "ResourceNotFound",
                f"The compute '{reference}' was not found in the workspace "
                f"'{name_of(workspace_id)}'.",
                target="compute",
            )
        return compute

    def _check_room(self, endpoint: Resource) -> None:
        if len(self.store.of_type(BATCH_DEPLOYMENT_TYPE, endpoint.id)) >= MOST_DEPLOYMENTS:
            raise bad_request(
                f"The endpoint '{endpoint.name}' has {MOST_DEPLOYMENTS} deployments, the most that "
                "an endpoint can have. Delete one first."
            )

    def _endpoint(self, request: ArmRequest) -> Resource:
        require_workspace(self.store, request)
        return require(self.store, expand(BATCH_ENDPOINT, request.params))

    def _deployment(self, request: ArmRequest) -> Resource:
        self._endpoint(request)
        return require(self.store, request.id)
