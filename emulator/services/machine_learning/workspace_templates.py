"""The one template deployment that is emulated: the one that MLClient creates a workspace with.

https://learn.microsoft.com/rest/api/resources/deployments

`ml_client.workspaces.begin_create` does not PUT a workspace. It deploys a template of its own
with a workspace, a storage account, a key vault and more, and is steered by parameters alone. So
it is the parameters that are read here. Of the other resources, local Azure has storage accounts.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

from emulator.arm.errors import bad_request, not_emulated, not_found
from emulator.arm.http import ArmRequest, ArmResponse, Handler, expand
from emulator.arm.ids import new_guid, now, stable_guid
from emulator.arm.operations import Operations
from emulator.arm.resources import page
from emulator.services.machine_learning.answers import section, shown
from emulator.services.machine_learning.paths import WORKSPACE_TYPE
from emulator.services.machine_learning.workspaces import Workspaces
from emulator.store import Resource, Store

GROUP = "/subscriptions/{subscriptionId}/resourceGroups/{resourceGroupName}"
DEPLOYMENT = GROUP + "/providers/Microsoft.Resources/deployments/{deploymentName}"
STORAGE_ACCOUNT = GROUP + "/providers/Microsoft.Storage/storageAccounts/{accountName}"
DEPLOYMENT_TYPE = "Microsoft.Resources/deployments"
# A parameter, the values of it that ask for nothing that is not there, and what others ask for.
_ONLY: tuple[tuple[str, tuple[object, ...], str], ...] = (
    ("privateEndpointType", ("none", None), "private endpoints"),
    ("encryption_status", ("Disabled", None), "encryption with keys of one's own"),
    ("keyVaultOption", ("new", None), "existing key vaults"),
    ("applicationInsightsOption", ("new", "none", None), "existing Application Insights"),
    ("containerRegistryOption", ("none", None), "container registries of workspaces"),
)


class WorkspaceTemplates:
    ROUTES = (
        ("PUT", DEPLOYMENT, "create_or_update"),
        ("GET", DEPLOYMENT, "get"),
        # The SDK leaves the provider out of this one.
        ("GET", GROUP + "/deployments/{deploymentName}/operations", "list_operations"),
        ("GET", DEPLOYMENT + "/operations", "list_operations"),
    )

    def __init__(
        self,
        store: Store,
        operations: Operations,
        workspaces: Workspaces,
        put_storage_account: Handler,
    ) -> None:
        """`put_storage_account` handles the PUT of a storage account."""
        self.store = store
        self.operations = operations
        self.workspaces = workspaces
        self.put_storage_account = put_storage_account

    async def recover(self) -> None:
        """The workspaces themselves have been finished by their own service."""
        for operation in self.operations.interrupted():
            if operation.kind == "deploy-workspace":
                self._succeed(operation.resource_id, 0.0)
                self.operations.finish(operation.id)

    async def create_or_update(self, request: ArmRequest) -> ArmResponse:
        given = section(request.json(), "properties")
        parameters = section(given, "parameters")
        values = {name: section(parameters, name).get("value") for name in parameters}
        if WORKSPACE_TYPE not in _types(section(given, "template")) or not values.get(
            "workspaceName"
        ):
            raise not_emulated("template deployments, but for the one that creates a workspace")
        _check_parameters(values)
        scope = request.id.partition("/providers/")[0]
        workspace_id = f"{scope}/providers/{WORKSPACE_TYPE}/{values['workspaceName']}"
        targets = await self._create(request, workspace_id, values)
        deployment = self.store.put(_deployment(request.id, targets))
        operation = self.operations.start(
            "deploy-workspace", deployment.id, self._deploy(deployment.id, workspace_id)
        )
        return self.operations.accepted(
            operation,
            request,
            str(values["location"]).replace(" ", "").lower(),
            status=201,
            body=shown(deployment),
        )

    async def _deploy(self, deployment_id: str, workspace_id: str) -> None:
        start = time.monotonic()
        self.workspaces.finish(workspace_id)
        self._succeed(deployment_id, time.monotonic() - start)

    def _succeed(self, deployment_id: str, seconds: float) -> None:
        deployment = self.store.get(deployment_id)
        if deployment:
            deployment.properties.update(
                provisioningState="Succeeded", timestamp=now(), duration=f"PT{seconds:.7f}S"
            )
            self.store.put(deployment)

    async def get(self, request: ArmRequest) -> ArmResponse:
        return ArmResponse(shown(self._deployment(request)))

    async def list_operations(self, request: ArmRequest) -> ArmResponse:
        deployment = self._deployment(request)
        return page(
            request,
            [
                {
                    "id": f"{deployment.id}/operations/{stable_guid(target['id'])}",
                    "operationId": stable_guid(target["id"]),
                    "properties": {
                        "provisioningOperation": "Create",
                        "provisioningState": deployment.properties["provisioningState"],
                        "timestamp": deployment.properties["timestamp"],
                        "duration": deployment.properties["duration"],
                        "statusCode": "OK",
                        "targetResource": target,
                    },
                }
                for target in deployment.body["_targets"]
            ],
        )

    async def _create(
        self, request: ArmRequest, workspace_id: str, values: dict[str, Any]
    ) -> list[dict[str, str]]:
        """The workspace and, if it is to be new, its storage account; answers what they are."""
        if self.store.get(workspace_id):
            raise bad_request(f"The workspace '{values['workspaceName']}' exists already.")
        properties: dict[str, Any] = {
            "friendlyName": values.get("friendlyName"),
            "description": values.get("description"),
            "imageBuildCompute": values.get("imageBuildCompute"),
            "publicNetworkAccess": values.get("publicNetworkAccess"),
        }
        body = {
            "location": values.get("location"),
            "kind": values.get("kind"),
            "tags": values.get("tagValues"),
            "properties": properties,
        }
        self.workspaces.check(workspace_id, body)
        group = str(
            values.get("storageAccountResourceGroupName") or request.params["resourceGroupName"]
        )
        storage = {
            **request.params,
            "resourceGroupName": group,
            "accountName": str(values.get("storageAccountName")),
        }
        storage_id = expand(STORAGE_ACCOUNT, storage)
        targets = [_target(WORKSPACE_TYPE, workspace_id)]
        if values.get("storageAccountOption") == "new":
            location = {"location": values["location"]}
            await self.put_storage_account(
                replace(request, id=storage_id, params=storage, body=location)
            )
            targets.insert(0, _target("Microsoft.Storage/storageAccounts", storage_id))
        properties["storageAccount"] = storage_id
        self.workspaces.create(workspace_id, body, request.claims)
        return targets

    def _deployment(self, request: ArmRequest) -> Resource:
        scope = request.id.partition("/providers/")[0].partition("/deployments/")[0]
        name = request.params["deploymentName"]
        deployment_id = f"{scope}/providers/{DEPLOYMENT_TYPE}/{name}"
        deployment = self.store.get(deployment_id)
        if deployment is None:
            raise not_found(deployment_id)
        return deployment


def _types(template: dict[str, Any]) -> list[Any]:
    resources = template.get("resources")
    return [
        resource.get("type")
        for resource in (resources if isinstance(resources, list) else [])
        if isinstance(resource, dict)
    ]


def _check_parameters(values: dict[str, Any]) -> None:
    for name, possible, what in _ONLY:
        if values.get(name) not in possible:
            raise not_emulated(what)
    network = section(values, "managedNetwork")
    if network.get("isolationMode", "Disabled") != "Disabled":
        raise not_emulated("managed networks")


def _deployment(deployment_id: str, targets: list[dict[str, str]]) -> Resource:
    properties = {
        "mode": "Incremental",
        "provisioningState": "Running",
        "timestamp": now(),
        "duration": "PT0S",
        "correlationId": new_guid(),
        "outputResources": [{"id": target["id"]} for target in targets],
    }
    return Resource(deployment_id, DEPLOYMENT_TYPE, {"properties": properties, "_targets": targets})


def _target(kind: str, resource_id: str) -> dict[str, str]:
    return {
        "id": resource_id,
        "resourceType": kind,
        "resourceName": resource_id.rsplit("/", 1)[-1],
    }
