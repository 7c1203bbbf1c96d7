"""The one template deployment that is emulated: the one that MLClient creates a workspace with.

https://learn.microsoft.com/rest/api/resources/deployments

`ml_client.workspaces.begin_create` does not PUT a workspace. It deploys a template of its own
with a workspace, a storage account, a key vault and more, and is steered by parameters alone. So
it is the parameters that are read here. Of the other resources, local Azure has storage accounts.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import Any

from emulator.arm.change import Change
from emulator.arm.changes import Changes
from emulator.arm.errors import bad_request, not_emulated
from emulator.arm.fields import Fields, is_empty
from emulator.arm.http import ArmRequest, ArmResponse, Handler, expand
from emulator.arm.ids import new_guid, now, stable_guid
from emulator.arm.lifecycle import ABSENT, Finish, Lifecycle, Move
from emulator.arm.operations import Operations
from emulator.arm.resources import page, require, shown
from emulator.services.machine_learning.errors import bad_argument
from emulator.services.machine_learning.paths import WORKSPACE_TYPE
from emulator.services.machine_learning.workspace_spec import WorkspaceSpec, read_workspace
from emulator.services.machine_learning.workspaces import Workspaces
from emulator.store import Resource, Store

GROUP = "/subscriptions/{subscriptionId}/resourceGroups/{resourceGroupName}"
DEPLOYMENT = GROUP + "/providers/Microsoft.Resources/deployments/{deploymentName}"
STORAGE_ACCOUNT = GROUP + "/providers/Microsoft.Storage/storageAccounts/{accountName}"
DEPLOYMENT_TYPE = "Microsoft.Resources/deployments"
# A parameter, the values of it that ask for nothing that is not there, and what others ask for.
_ONLY: tuple[tuple[str, tuple[str, ...], str], ...] = (
    ("privateEndpointType", ("none",), "private endpoints"),
    ("encryption_status", ("disabled",), "encryption with keys of one's own"),
    ("keyVaultOption", ("new",), "existing key vaults"),
    ("applicationInsightsOption", ("new", "none"), "existing Application Insights"),
    ("containerRegistryOption", ("none",), "container registries of workspaces"),
    ("associatedResourcePNA", ("enabled",), "private endpoints"),
    ("provisionNetworkNow", ("false",), "managed networks"),
)
# What the template hands on to the workspace as it is: the parameter -> the workspace's property.
_HANDED_ON = {
    "friendlyName": "friendlyName",
    "description": "description",
    "imageBuildCompute": "imageBuildCompute",
    "publicNetworkAccess": "publicNetworkAccess",
    "managedNetwork": "managedNetwork",
    "confidential_data": "hbiWorkspace",
    "systemDatastoresAuthMode": "systemDatastoresAuthMode",
    "primaryUserAssignedIdentity": "primaryUserAssignedIdentity",
    "serverless_compute_settings": "serverlessComputeSettings",
    "enable_data_isolation": "enableDataIsolation",
}


@dataclass(frozen=True)
class WorkspaceTemplate:
    """What the template is to make. `storage_group` is the resource group of the account."""

    name: str
    workspace: WorkspaceSpec
    storage_account: str
    storage_group: str | None
    new_storage_account: bool


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
        changes: Changes,
        workspaces: Workspaces,
        put_storage_account: Handler,
    ) -> None:
        """`put_storage_account` handles the PUT of a storage account."""
        self.store = store
        self.operations = operations
        self.changes = changes
        self.workspaces = workspaces
        self.put_storage_account = put_storage_account
        settled = ("Succeeded", "Failed")
        changes.register(
            Lifecycle(
                DEPLOYMENT_TYPE,
                moves=(
                    Move(
                        "deploy",
                        (ABSENT, *settled),
                        "Running",
                        "Succeeded",
                        work=self._deploy,
                        resumes=True,
                    ),
                ),
            )
        )

    async def create_or_update(self, request: ArmRequest) -> ArmResponse:
        template = read_template(Fields(request.body, refuse=bad_argument))
        before = self.store.get(request.id)
        scope = request.id.partition("/providers/")[0]
        workspace_id = f"{scope}/providers/{WORKSPACE_TYPE}/{template.name}"
        if self.store.get(workspace_id):
            raise bad_request(f"The workspace '{template.name}' exists already.")
        location = self.workspaces.check(workspace_id, template.workspace)
        targets = [_target(WORKSPACE_TYPE, workspace_id)]
        storage_id = await self._storage(request, template)
        if template.new_storage_account:
            targets.insert(0, _target("Microsoft.Storage/storageAccounts", storage_id))
        spec = replace(template.workspace, storage_account=storage_id)
        workspace = self.workspaces.planned(workspace_id, spec, request.claims)
        deployment = _deployment(request.id, targets)
        operation = self.changes.begin("deploy", deployment, before, workspace=workspace_id)
        # The work begins after this, and waits for it.
        self.changes.begin("create", workspace, None)
        return self.operations.accepted(
            operation, request, location, status=201, body=shown(deployment)
        )

    async def _deploy(self, change: Change) -> Finish:
        start = time.monotonic()
        workspace = require(self.store, change.arguments["workspace"])
        await self.changes.wait(workspace.generation)

        def finish(deployment: Resource) -> None:
            seconds = time.monotonic() - start
            deployment.properties.update(timestamp=now(), duration=f"PT{seconds:.7f}S")

        return finish

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
                for target in deployment.private["targets"]
            ],
        )

    async def _storage(self, request: ArmRequest, template: WorkspaceTemplate) -> str:
        """The id of the workspace's storage account, which is made if it is to be a new one."""
        group = template.storage_group or request.params["resourceGroupName"]
        params = {
            **request.params,
            "resourceGroupName": group,
            "accountName": template.storage_account,
        }
        storage_id = expand(STORAGE_ACCOUNT, params)
        if template.new_storage_account:
            body = {"location": template.workspace.location}
            await self.put_storage_account(
                replace(request, id=storage_id, params=params, body=body)
            )
        return storage_id

    def _deployment(self, request: ArmRequest) -> Resource:
        scope = request.id.partition("/providers/")[0].partition("/deployments/")[0]
        name = request.params["deploymentName"]
        return require(self.store, f"{scope}/providers/{DEPLOYMENT_TYPE}/{name}")


def read_template(body: Fields) -> WorkspaceTemplate:
    """Raises ArmError: 400 naming the field at fault, 501 for what is not emulated."""
    properties = body.object("properties")
    parameters = properties.object("parameters")
    values = Fields(
        {name: parameters.object(name).raw("value") for name in parameters.value},
        parameters.path,
        bad_argument,
    )
    types = [
        resource.raw("type") for resource in properties.object("template").objects("resources")
    ]
    name = values.text("workspaceName")
    if WORKSPACE_TYPE not in types or not name:
        raise not_emulated("template deployments, but for the one that creates a workspace")
    if properties.choice("mode", ("Incremental", "Complete")) == "Complete":
        raise not_emulated("template deployments in the mode Complete")
    for parameter, possible, what in _ONLY:
        if values.has(parameter) and (values.text(parameter) or "").lower() not in possible:
            raise not_emulated(what)
    option = values.choice("storageAccountOption", ("new", "existing"), "existing")
    return WorkspaceTemplate(
        name=name,
        workspace=read_workspace(Fields(_workspace_body(values), refuse=bad_argument)),
        storage_account=values.required_text("storageAccountName"),
        storage_group=values.text("storageAccountResourceGroupName"),
        new_storage_account=option == "new",
    )


def _workspace_body(values: Fields) -> dict[str, Any]:
    properties = {name: values.raw(given) for given, name in _HANDED_ON.items()}
    return {
        "location": values.raw("location"),
        "kind": values.raw("kind"),
        "tags": values.raw("tagValues"),
        "identity": values.raw("identity"),
        "properties": {name: value for name, value in properties.items() if not is_empty(value)},
    }


def _deployment(deployment_id: str, targets: list[dict[str, str]]) -> Resource:
    properties = {
        "mode": "Incremental",
        "timestamp": now(),
        "duration": "PT0S",
        "correlationId": new_guid(),
        "outputResources": [{"id": target["id"]} for target in targets],
    }
    body = {"properties": properties}
    return Resource(deployment_id, DEPLOYMENT_TYPE, body, {"targets": targets})


def _target(kind: str, resource_id: str) -> dict[str, str]:
    return {
        "id": resource_id,
        "resourceType": kind,
        "resourceName": resource_id.rsplit("/", 1)[-1],
    }
