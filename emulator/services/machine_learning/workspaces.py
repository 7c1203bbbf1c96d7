"""Workspaces.

https://learn.microsoft.com/rest/api/azureml/workspaces

Local Azure has no key vaults and no Application Insights, so a workspace has neither.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from emulator.arm.change import Change
from emulator.arm.changes import Changes
from emulator.arm.errors import bad_request
from emulator.arm.fields import Fields
from emulator.arm.http import ArmRequest, ArmResponse
from emulator.arm.ids import name_of, stable_guid, system_data
from emulator.arm.lifecycle import ABSENT, GONE, Lifecycle, Move
from emulator.arm.locations import check_location, check_place
from emulator.arm.managed_identity import shown_identity
from emulator.arm.operations import Operations
from emulator.arm.resources import page, shown
from emulator.defaults import (
    CLIENT_ID,
    REGION,
    RESOURCE_GROUP,
    STORAGE_ACCOUNT,
    SUBSCRIPTION,
    TENANT,
)
from emulator.defaults import WORKSPACE as DEFAULT_WORKSPACE
from emulator.services.machine_learning.blobs import BlobStorage, account_must_exist
from emulator.services.machine_learning.errors import bad_argument
from emulator.services.machine_learning.paths import (
    SUBSCRIPTION_WORKSPACES,
    WORKSPACE,
    WORKSPACE_TYPE,
    WORKSPACES,
    require_workspace,
)
from emulator.services.machine_learning.workspace_spec import (
    WorkspaceSpec,
    no_such,
    read_workspace,
)
from emulator.store import Resource, Store

GROUP_ID = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{RESOURCE_GROUP}"
STORAGE_ID = f"{GROUP_ID}/providers/Microsoft.Storage/storageAccounts/{STORAGE_ACCOUNT}"
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
        changes: Changes,
        blobs: BlobStorage,
        furnish: Sequence[Callable[[Resource], None]],
    ) -> None:
        """Each of `furnish` puts into a workspace what is there from the start; doing it again
        changes nothing."""
        self.store = store
        self.operations = operations
        self.changes = changes
        self.blobs = blobs
        self.furnish = furnish
        settled = ("Succeeded", "Failed")
        changes.register(
            Lifecycle(
                WORKSPACE_TYPE,
                moves=(
                    Move(
                        "create",
                        (ABSENT, "Failed"),
                        "Creating",
                        "Succeeded",
                        work=self._furnish,
                        resumes=True,
                    ),
                    Move("update", ("Succeeded",), "Updating", "Succeeded"),
                    # The files stay in the storage account, as on Azure.
                    Move("delete", ("Creating", "Updating", *settled), "Deleting", GONE),
                ),
            )
        )
        changes.at_start(self.seed)

    def seed(self) -> None:
        """The workspace that the course works in is there from the start, and in every workspace
        what belongs there."""
        workspace_id = f"{GROUP_ID}/providers/{WORKSPACE_TYPE}/{DEFAULT_WORKSPACE}"
        absent = self.store.get(workspace_id) is None
        if absent and self.store.get(GROUP_ID) and not self.changes.is_being_deleted(workspace_id):
            made = self.planned(workspace_id, WorkspaceSpec(REGION), {"appid": CLIENT_ID})
            self.changes.apply("create", made, None)
        for workspace in self.store.of_type(WORKSPACE_TYPE):
            if workspace.state == "Succeeded" and not self.changes.is_being_deleted(workspace.id):
                self._put_into(workspace)

    async def list(self, request: ArmRequest) -> ArmResponse:
        scope = request.id.partition("/providers/")[0]
        workspaces = self.store.of_type(WORKSPACE_TYPE, scope)
        return page(request, [shown(workspace) for workspace in workspaces])

    async def delete(self, request: ArmRequest) -> ArmResponse:
        workspace = self.store.get(request.id)
        if workspace is None:
            return ArmResponse(None, 204)
        operation = self.changes.begin("delete", workspace, workspace)
        return self.operations.accepted(operation, request, workspace.body["location"], status=202)

    async def get(self, request: ArmRequest) -> ArmResponse:
        return ArmResponse(shown(require_workspace(self.store, request)))

    async def update(self, request: ArmRequest) -> ArmResponse:
        workspace = require_workspace(self.store, request)
        body = Fields(request.body, refuse=bad_argument)
        check_place(body.raw("location"), workspace, required=False)
        return self._change(workspace, read_workspace(body), request.claims)

    async def create_or_update(self, request: ArmRequest) -> ArmResponse:
        before = self.store.get(request.id)
        body = Fields(request.body, refuse=bad_argument)
        spec = read_workspace(body)
        if before and before.state != "Failed":
            check_place(body.raw("location"), before, required=False)
            return self._change(before, spec, request.claims)
        workspace = self.planned(request.id, spec, request.claims)
        operation = self.changes.begin("create", workspace, before)
        return self.operations.accepted(
            operation, request, workspace.body["location"], status=202, body=shown(workspace)
        )

    async def list_keys(self, request: ArmRequest) -> ArmResponse:
        storage_id, key = self._storage(request)
        # The id's name depends on the api-version; clients read the one that they know.
        ids = {"userStorageArmId": storage_id, "userStorageResourceId": storage_id}
        return ArmResponse({"userStorageKey": key, **ids})

    async def list_storage_account_keys(self, request: ArmRequest) -> ArmResponse:
        return ArmResponse({"userStorageKey": self._storage(request)[1]})

    # Parts

    def planned(self, workspace_id: str, spec: WorkspaceSpec, claims: dict[str, Any]) -> Resource:
        """The workspace as it is to be. Raises ArmError when there can't be such a one."""
        location = self.check(workspace_id, spec)
        name = name_of(workspace_id)
        said = system_data(claims)
        properties = {
            "friendlyName": spec.friendly_name or name,
            "description": spec.description,
            "storageAccount": spec.storage_account or STORAGE_ID,
            "keyVault": None,
            "applicationInsights": None,
            "containerRegistry": None,
            "hbiWorkspace": bool(spec.high_business_impact),
            "tenantId": TENANT,
            "imageBuildCompute": spec.image_build_compute,
            "managedNetwork": {"isolationMode": "Disabled"},
            "v1LegacyMode": False,
            "creationTime": said["createdAt"],
            "storageHnsEnabled": False,
            # A workspace that is made again under its name is another one.
            "workspaceId": stable_guid(
                workspace_id if name == DEFAULT_WORKSPACE else workspace_id + said["createdAt"]
            ),
            "privateLinkCount": 0,
            "publicNetworkAccess": "Enabled",
            "discoveryUrl": f"https://{location}.api.azureml.ms/discovery",
            "mlFlowTrackingUri": f"azureml://{location}.api.azureml.ms/mlflow/v1.0{workspace_id}",
            "enableDataIsolation": False,
            "systemDatastoresAuthMode": "accesskey",
        }
        body = {
            "location": location,
            "tags": dict(spec.tags or {}),
            "etag": None,
            "properties": properties,
            "identity": shown_identity(spec.identity, self.store, workspace_id),
            "kind": "Default",
            "sku": {"name": "Basic", "tier": "Basic"},
            "systemData": said,
        }
        return Resource(workspace_id, WORKSPACE_TYPE, body)

    def check(self, workspace_id: str, spec: WorkspaceSpec) -> str:
        """The region of such a workspace. Raises ArmError when there can't be such a one."""
        name = name_of(workspace_id)
        if not _NAME.fullmatch(name):
            raise bad_request(
                f"The workspace name '{name}' is invalid: 3 to 33 letters, digits, hyphens and "
                "underscores, beginning with a letter or a digit.",
                target="workspaceName",
                code="ValidationError",
            )
        location = check_location(spec.location, WORKSPACE_TYPE)
        if spec.storage_account:
            try:
                self.blobs.account_key(name_of(spec.storage_account))
            except LookupError:
                raise no_such("storageAccount", spec.storage_account) from None
        return location

    def _change(
        self, workspace: Resource, spec: WorkspaceSpec, claims: dict[str, Any]
    ) -> ArmResponse:
        properties = workspace.properties
        storage = spec.storage_account or properties["storageAccount"]
        if storage.lower() != properties["storageAccount"].lower():
            raise bad_request(
                "The storage account of a workspace can't be changed.",
                target="storageAccount",
            )
        if spec.high_business_impact not in (None, properties["hbiWorkspace"]):
            # https://learn.microsoft.com/azure/machine-learning/concept-data-encryption
            raise bad_request(
                "Whether a workspace holds data of high business impact is said when it is made "
                "and can't be changed.",
                target="hbiWorkspace",
            )
        said = {
            "description": spec.description,
            "friendlyName": spec.friendly_name,
            "imageBuildCompute": spec.image_build_compute,
        }
        properties.update({name: value for name, value in said.items() if value is not None})
        if spec.tags is not None:
            workspace.body["tags"] = dict(spec.tags)
        workspace.body["systemData"] = system_data(claims, workspace.body["systemData"])
        return ArmResponse(shown(self.changes.apply("update", workspace, workspace)))

    async def _furnish(self, change: Change) -> None:
        self._put_into(change.resource())

    def _put_into(self, workspace: Resource) -> None:
        for put_into in self.furnish:
            put_into(workspace)

    def _storage(self, request: ArmRequest) -> tuple[str, str]:
        workspace = require_workspace(self.store, request)
        storage_id = str(workspace.properties["storageAccount"])
        account = name_of(storage_id)
        with account_must_exist(account):
            return storage_id, self.blobs.account_key(account)
