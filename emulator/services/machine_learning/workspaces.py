"""Workspaces.

https://learn.microsoft.com/rest/api/azureml/workspaces

    provisioningState   while                        followed by
    Creating            the first PUT is under way   Succeeded
    Deleting            a DELETE is under way        gone
    Succeeded           nothing is                   Deleting

Local Azure has no key vaults and no Application Insights, so a workspace has neither.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from emulator.arm.errors import ArmError, bad_request, conflict, not_emulated
from emulator.arm.http import ArmRequest, ArmResponse
from emulator.arm.ids import name_of, stable_guid, system_data
from emulator.arm.locations import check_location
from emulator.arm.operations import Operations
from emulator.arm.resources import page
from emulator.defaults import (
    CLIENT_ID,
    REGION,
    RESOURCE_GROUP,
    STORAGE_ACCOUNT,
    SUBSCRIPTION,
    TENANT,
)
from emulator.defaults import WORKSPACE as DEFAULT_WORKSPACE
from emulator.services.machine_learning.answers import section, shown
from emulator.services.machine_learning.blobs import Blobs, account_must_exist
from emulator.services.machine_learning.paths import (
    SUBSCRIPTION_WORKSPACES,
    WORKSPACE,
    WORKSPACE_TYPE,
    WORKSPACES,
    require_workspace,
)
from emulator.store import Resource, Store

GROUP_ID = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{RESOURCE_GROUP}"
STORAGE_ID = f"{GROUP_ID}/providers/Microsoft.Storage/storageAccounts/{STORAGE_ACCOUNT}"
# Of what a workspace is given, that which can be changed later.
CHANGEABLE = ("description", "friendlyName", "imageBuildCompute", "publicNetworkAccess")
# Resources that belong to a workspace on Azure and that local Azure does not have.
DEPENDENCIES = ("keyVault", "applicationInsights", "containerRegistry")
_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_-]{2,32}")


class Workspaces:
    ROUTES = (
        ("GET", SUBSCRIPTION_WORKSPACES, "list"),
        ("GET", WORKSPACES, "list"),
        ("DELETE", WORKSPACE, "delete"),
        ("GET", WORKSPACE, "get"),
        ("PATCH", WORKSPACE, "update"),
        ("PUT", WORKSPACE, "create_or_update"),
        ("POST", WORKSPACE + "/listKeys", "list_keys"),
        ("POST", WORKSPACE + "/listStorageAccountKeys", "list_storage_account_keys"),
    )

    def __init__(
        self,
        store: Store,
        operations: Operations,
        blobs: Blobs,
        furnish: Sequence[Callable[[Resource], None]],
    ) -> None:
        """Each of `furnish` puts into a workspace what is there from the start."""
        self.store = store
        self.operations = operations
        self.blobs = blobs
        self.furnish = furnish
        # Called with a workspace's id before it goes, so that what runs in it is stopped.
        self.before_delete: list[Callable[[str], Awaitable[None]]] = []

    def seed(self) -> None:
        """The workspace that the course works in is there from the start."""
        workspace_id = f"{GROUP_ID}/providers/{WORKSPACE_TYPE}/{DEFAULT_WORKSPACE}"
        if self.store.get(workspace_id) is None and self.store.get(GROUP_ID):
            self.create(workspace_id, {"location": REGION}, {"appid": CLIENT_ID})
        for workspace in self.store.of_type(WORKSPACE_TYPE):
            self.finish(workspace.id)

    async def recover(self) -> None:
        """Finish what was under way when the emulator stopped. `seed` has finished the PUTs."""
        for workspace in self.store.of_type(WORKSPACE_TYPE):
            if workspace.properties["provisioningState"] == "Deleting":
                await self._delete(workspace.id)
        for operation in self.operations.interrupted():
            if operation.kind in ("put-workspace", "delete-workspace"):
                self.operations.finish(operation.id)

    async def list(self, request: ArmRequest) -> ArmResponse:
        scope = request.id.partition("/providers/")[0]
        workspaces = self.store.of_type(WORKSPACE_TYPE, scope)
        return page(request, [shown(workspace) for workspace in workspaces])

    async def delete(self, request: ArmRequest) -> ArmResponse:
        workspace = self.store.get(request.id)
        if workspace is None:
            return ArmResponse(None, 204)
        workspace.properties["provisioningState"] = "Deleting"
        self.store.put(workspace)
        operation = self.operations.start(
            "delete-workspace", workspace.id, self._delete(workspace.id)
        )
        return self.operations.accepted(operation, request, workspace.body["location"], status=202)

    async def _delete(self, workspace_id: str) -> None:
        """The files stay in the storage account, as on Azure."""
        for stop in self.before_delete:
            await stop(workspace_id)
        self.store.delete(workspace_id)

    async def get(self, request: ArmRequest) -> ArmResponse:
        return ArmResponse(shown(require_workspace(self.store, request)))

    async def update(self, request: ArmRequest) -> ArmResponse:
        workspace = require_workspace(self.store, request)
        body = request.json()
        given = {key: body[key] for key in ("tags", "properties") if body.get(key) is not None}
        return ArmResponse(shown(self._change(workspace, given, request.claims)))

    async def create_or_update(self, request: ArmRequest) -> ArmResponse:
        before = self.store.get(request.id)
        body = request.json()
        if before:
            return ArmResponse(shown(self._change(before, body, request.claims)))
        workspace = self.create(request.id, body, request.claims)
        operation = self.operations.start(
            "put-workspace", workspace.id, self.finish_later(workspace.id)
        )
        return self.operations.accepted(
            operation, request, workspace.body["location"], status=201, body=shown(workspace)
        )

    async def list_keys(self, request: ArmRequest) -> ArmResponse:
        storage_id, key = self._storage(request)
        # The id's name depends on the api-version; clients read the one that they know.
        ids = {"userStorageArmId": storage_id, "userStorageResourceId": storage_id}
        return ArmResponse({"userStorageKey": key, **ids})

    async def list_storage_account_keys(self, request: ArmRequest) -> ArmResponse:
        return ArmResponse({"userStorageKey": self._storage(request)[1]})

    # Parts

    def create(self, workspace_id: str, body: dict[str, Any], claims: dict[str, Any]) -> Resource:
        """The workspace, still Creating. Raises ArmError when it can't be as asked."""
        given = section(body, "properties")
        self.check(workspace_id, body)
        location = check_location(body["location"], WORKSPACE_TYPE)
        name = name_of(workspace_id)
        said = system_data(claims)
        properties = {
            "friendlyName": given.get("friendlyName") or name,
            "description": given.get("description"),
            "storageAccount": given.get("storageAccount") or STORAGE_ID,
            "keyVault": None,
            "applicationInsights": None,
            "containerRegistry": None,
            "hbiWorkspace": False,
            "tenantId": TENANT,
            "imageBuildCompute": given.get("imageBuildCompute") or None,
            "provisioningState": "Creating",
            "managedNetwork": {"isolationMode": "Disabled"},
            "v1LegacyMode": False,
            "creationTime": said["createdAt"],
            "storageHnsEnabled": False,
            # A workspace that is made again under its name is another one.
            "workspaceId": stable_guid(
                workspace_id if name == DEFAULT_WORKSPACE else workspace_id + said["createdAt"]
            ),
            "privateLinkCount": 0,
            "publicNetworkAccess": given.get("publicNetworkAccess") or "Enabled",
            "discoveryUrl": f"https://{location}.api.azureml.ms/discovery",
            "mlFlowTrackingUri": (f"azureml://{location}.api.azureml.ms/mlflow/v1.0{workspace_id}"),
            "enableDataIsolation": False,
            "systemDatastoresAuthMode": "accesskey",
        }
        resource = {
            "location": location,
            "tags": section(body, "tags"),
            "etag": None,
            "properties": properties,
            "identity": {
                "type": "SystemAssigned",
                "principalId": stable_guid(f"{workspace_id}/identity"),
                "tenantId": TENANT,
            },
            "kind": "Default",
            "sku": {"name": "Basic", "tier": "Basic"},
            "systemData": said,
        }
        return self.store.put(Resource(workspace_id, WORKSPACE_TYPE, resource))

    def finish(self, workspace_id: str) -> None:
        """Put into the workspace what belongs there; doing it again changes nothing."""
        workspace = self.store.get(workspace_id)
        if workspace is None or workspace.properties["provisioningState"] == "Deleting":
            return
        for put_into in self.furnish:
            put_into(workspace)
        if workspace.properties["provisioningState"] != "Succeeded":
            workspace.properties["provisioningState"] = "Succeeded"
            self.store.put(workspace)

    async def finish_later(self, workspace_id: str) -> None:
        self.finish(workspace_id)

    def _change(
        self, workspace: Resource, given: dict[str, Any], claims: dict[str, Any]
    ) -> Resource:
        if workspace.properties["provisioningState"] == "Deleting":
            raise conflict(f"The workspace '{workspace.name}' is being deleted.")
        properties = section(given, "properties")
        self._check_dependencies(properties)
        storage = properties.get("storageAccount") or workspace.properties["storageAccount"]
        if str(storage).lower() != workspace.properties["storageAccount"].lower():
            raise bad_request(
                "The storage account of a workspace can't be changed.",
                target="storageAccount",
            )
        for key in CHANGEABLE:
            if properties.get(key) is not None:
                workspace.properties[key] = properties[key]
        if given.get("tags") is not None:
            workspace.body["tags"] = section(given, "tags")
        workspace.body["systemData"] = system_data(claims, workspace.body["systemData"])
        return self.store.put(workspace)

    def _storage(self, request: ArmRequest) -> tuple[str, str]:
        workspace = require_workspace(self.store, request)
        storage_id = str(workspace.properties["storageAccount"])
        account = name_of(storage_id)
        with account_must_exist(account):
            return storage_id, self.blobs.account_key(account)

    def check(self, workspace_id: str, body: dict[str, Any]) -> None:
        """Raises ArmError when there can't be such a workspace."""
        name = name_of(workspace_id)
        if not _NAME.fullmatch(name):
            raise bad_request(
                f"The workspace name '{name}' is invalid: 3 to 33 letters, digits, hyphens and "
                "underscores, beginning with a letter or a digit.",
                target="workspaceName",
                code="ValidationError",
            )
        check_location(body.get("location"), WORKSPACE_TYPE)
        kind = str(body.get("kind") or "Default")
        if kind.lower() != "default":
            raise not_emulated(f"workspaces of the kind {kind}")
        given = section(body, "properties")
        self._check_dependencies(given)
        if given.get("storageAccount"):
            self._check_storage(str(given["storageAccount"]))

    def _check_storage(self, storage_id: str) -> None:
        try:
            self.blobs.account_key(name_of(storage_id))
        except LookupError:
            raise _no_such("storageAccount", storage_id) from None

    def _check_dependencies(self, given: dict[str, Any]) -> None:
        for field in DEPENDENCIES:
            if given.get(field):
                raise _no_such(field, str(given[field]))


def _no_such(field: str, resource_id: str) -> ArmError:
    return bad_request(
        f"The {field} '{resource_id}' does not exist in local Azure. Leave it out.", target=field
    )
