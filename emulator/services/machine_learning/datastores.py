"""Datastores: names for blob containers, and the credentials to open them.

https://learn.microsoft.com/rest/api/azureml/datastores
"""

from __future__ import annotations

import re

from emulator.arm.errors import not_emulated
from emulator.arm.fields import Fields
from emulator.arm.http import ArmRequest, ArmResponse
from emulator.arm.ids import name_of, resource_group_of, subscription_of, system_data
from emulator.arm.resources import created, page, shown
from emulator.defaults import RESOURCE_GROUP, SUBSCRIPTION, WORKSPACE
from emulator.services.machine_learning.blobs import (
    ENDPOINT,
    BlobLocation,
    BlobStorage,
    account_must_exist,
    account_sas,
    parse_blob_url,
)
from emulator.services.machine_learning.errors import bad_asset, user_error
from emulator.services.machine_learning.paths import (
    DATASTORE,
    DATASTORE_TYPE,
    DATASTORES,
    require_workspace,
)
from emulator.store import Resource, Store

DEFAULT = "workspaceblobstore"
ARTIFACTS = "workspaceartifactstore"
MOST_HOURS = 24 * 7
CREDENTIALS = ("None", "AccountKey", "Sas", "ServicePrincipal", "Certificate")
SERVICE_IDENTITIES = (
    "None",
    "WorkspaceSystemAssignedIdentity",
    "WorkspaceUserAssignedIdentity",
)
_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_-]{0,254}")
_CONTAINER = re.compile(r"[a-z0-9](?:-?[a-z0-9]){2,62}")
_URI = re.compile(
    r"azureml://(?:subscriptions/(?P<subscription>[^/]+)/resourcegroups/(?P<group>[^/]+)"
    r"/workspaces/(?P<workspace>[^/]+)/)?datastores/(?P<datastore>[^/]+)"
    r"/paths/(?P<path>.*)",
    re.IGNORECASE,
)


class Datastores:
    ROUTES = (
        ("GET", DATASTORES, "list"),
        ("DELETE", DATASTORE, "delete"),
        ("GET", DATASTORE, "get"),
        ("PUT", DATASTORE, "create_or_update"),
        ("POST", DATASTORE + "/listSecrets", "list_secrets"),
    )

    def __init__(self, store: Store, blobs: BlobStorage) -> None:
        self.store = store
        self.blobs = blobs

    def seed(self, workspace: Resource) -> None:
        """The datastores that every workspace has from the start, and their containers."""
        account = name_of(workspace.properties["storageAccount"])
        own = "" if workspace.name == WORKSPACE else f"-{workspace.properties['workspaceId']}"
        containers = {DEFAULT: f"azureml-blobstore{own}", ARTIFACTS: f"azureml{own}"}
        for name, container in containers.items():
            self.blobs.create_container(account, container)
            datastore_id = f"{workspace.id}/datastores/{name}"
            if self.store.get(datastore_id):
                continue
            properties = {
                "description": None,
                "tags": None,
                "properties": None,
                "isDefault": name == DEFAULT,
                "credentials": {"credentialsType": "AccountKey"},
                "subscriptionId": subscription_of(workspace.properties["storageAccount"]),
                "resourceGroup": resource_group_of(workspace.properties["storageAccount"]),
                "datastoreType": "AzureBlob",
                "accountName": account,
                "containerName": container,
                "endpoint": ENDPOINT,
                "protocol": "https",
                "serviceDataAccessAuthIdentity": "WorkspaceSystemAssignedIdentity",
            }
            body = {"properties": properties, "systemData": workspace.body["systemData"]}
            self.store.put(Resource(datastore_id, DATASTORE_TYPE, body))

    async def list(self, request: ArmRequest) -> ArmResponse:
        workspace = require_workspace(self.store, request)
        found = self.store.of_type(DATASTORE_TYPE, workspace.id)
        default = request.query.get("isDefault", "").lower()
        if default:
            wanted = default == "true"
            found = [item for item in found if item.properties["isDefault"] is wanted]
        if names := request.query.get("names"):
            found = [item for item in found if item.name in names.split(",")]
        return page(request, [shown(datastore) for datastore in found])

    async def delete(self, request: ArmRequest) -> ArmResponse:
        require_workspace(self.store, request)
        datastore = self.store.get(request.id)
        if datastore is None:
            return ArmResponse(None, 204)
        if datastore.properties["isDefault"]:
            raise user_error(
                400, f"The default datastore '{datastore.name}' of a workspace can't be deleted."
            )
        # Only the name goes; the container and what is in it stay.
        self.store.delete(datastore.id)
        return ArmResponse(None, 200)

    async def get(self, request: ArmRequest) -> ArmResponse:
        workspace = require_workspace(self.store, request)
        return ArmResponse(shown(find_datastore(self.store, workspace, request.params["name"])))

    async def create_or_update(self, request: ArmRequest) -> ArmResponse:
        require_workspace(self.store, request)
        name = request.params["name"]
        if not _NAME.fullmatch(name):
            raise user_error(
                400,
                f"The datastore name '{name}' is invalid: up to 255 letters, digits, hyphens and "
                "underscores, beginning with a letter or a digit.",
            )
        given = Fields(request.body, refuse=bad_asset).object("properties")
        before = self.store.get(request.id)
        location = self._read_place(given)
        kind, secrets = self._read_credentials(given.object("credentials"), location.account)
        properties = {
            "description": given.text("description"),
            "tags": given.mapping("tags"),
            "properties": given.mapping("properties"),
            "isDefault": before.properties["isDefault"] if before else False,
            "credentials": {"credentialsType": kind},
            "subscriptionId": SUBSCRIPTION,
            "resourceGroup": RESOURCE_GROUP,
            "datastoreType": "AzureBlob",
            "accountName": location.account,
            "containerName": location.container,
            "endpoint": ENDPOINT,
            "protocol": "https",
            "serviceDataAccessAuthIdentity": given.choice(
                "serviceDataAccessAuthIdentity", SERVICE_IDENTITIES, SERVICE_IDENTITIES[0]
            ),
        }
        body = {
            "properties": properties,
            "systemData": system_data(
                request.claims, before.body.get("systemData") if before else None
            ),
        }
        datastore_id = before.id if before else request.id
        datastore = self.store.put(
            Resource(datastore_id, DATASTORE_TYPE, body, {"secrets": secrets})
        )
        return created(request, datastore, new=before is None)

    async def list_secrets(self, request: ArmRequest) -> ArmResponse:
        workspace = require_workspace(self.store, request)
        datastore = find_datastore(self.store, workspace, request.params["name"])
        properties = datastore.properties
        kind = properties["credentials"]["credentialsType"]
        if kind == "None":
            raise user_error(
                400, f"The datastore '{datastore.name}' has no credentials, so no secrets either."
            )
        if kind == "Sas":
            return ArmResponse({"secretsType": "Sas", **datastore.private["secrets"]})
        options = Fields({} if request.body is None else request.body, refuse=bad_asset)
        expires = options.flag("expirableSecret", False)
        hours = options.whole("expireAfterHours", 1, least=1, most=MOST_HOURS)
        account = properties["accountName"]
        with account_must_exist(account):
            key = self.blobs.account_key(account)
        if not expires:
            return ArmResponse({"secretsType": "AccountKey", "key": key})
        return ArmResponse(
            {"secretsType": "Sas", "sasToken": f"?{account_sas(account, key, hours)}"}
        )

    def _read_place(self, given: Fields) -> BlobLocation:
        kind = given.required_text("datastoreType")
        if kind.lower() != "azureblob":
            raise not_emulated(f"datastores of the type {kind}; there are blob datastores")
        given.not_emulated(
            {"endpoint": ENDPOINT, "protocol": "https", "subscriptionId": SUBSCRIPTION},
            "datastores",
        )
        account = given.required_text("accountName")
        container = given.required_text("containerName")
        with account_must_exist(account):
            self.blobs.account_key(account)
        if not _CONTAINER.fullmatch(container):
            raise user_error(
                400,
                f"The container name '{container}' is invalid: 3 to 63 lower-case letters, digits "
                "and single hyphens.",
            )
        return BlobLocation(account, container, "")

    def _read_credentials(self, given: Fields, account: str) -> tuple[str, dict[str, str]]:
        """The kind of the credentials, and the secrets, which are never shown with it."""
        kind = given.choice("credentialsType", CREDENTIALS, CREDENTIALS[0])
        secrets = given.object("secrets")
        if kind in ("ServicePrincipal", "Certificate"):
            raise not_emulated(f"datastore credentials of the type {kind}")
        if kind == "AccountKey" and secrets.text("key") not in (
            None,
            self.blobs.account_key(account),
        ):
            raise user_error(
                400, f"The account key given is not a key of the storage account '{account}'."
            )
        if kind != "Sas":
            return kind, {}
        token = secrets.text("sasToken")
        if not token:
            raise user_error(400, "The credentials of a datastore need their sasToken.")
        return kind, {"sasToken": token}


def find_datastore(store: Store, workspace: Resource, name: str) -> Resource:
    """Raises ArmError 404 when the workspace has no such datastore."""
    datastore = store.get(f"{workspace.id}/datastores/{name}")
    if datastore is None:
        raise user_error(404, f"Could not find datastore with name: {name}")
    return datastore


def resolve_uri(store: Store, workspace: Resource, uri: str | None) -> tuple[str, BlobLocation]:
    """The long form of a storage URI, and where its files are.

    Takes azureml://datastores/{name}/paths/{path}, the same with the workspace spelled out, and
    https://{account}.blob.core.windows.net/{container}/{path}. Raises ArmError 400 or 404.
    """
    text = uri or ""
    if text.lower().startswith("https://"):
        return text, parse_blob_url(text)
    match = _URI.fullmatch(text)
    if match is None:
        raise user_error(
            400,
            f"'{text}' does not say where the files are. Local Azure takes paths of this machine, "
            "azureml://datastores/<name>/paths/<path> and blob addresses; outputs of jobs and "
            "assets of registries are not emulated.",
        )
    if match["workspace"] and match["workspace"].lower() != workspace.name.lower():
        raise user_error(
            400, f"'{text}' is in the workspace '{match['workspace']}', not in '{workspace.name}'."
        )
    datastore = find_datastore(store, workspace, match["datastore"])
    long = (
        f"azureml://subscriptions/{subscription_of(workspace.id)}"
        f"/resourceGroups/{resource_group_of(workspace.id)}/workspaces/{workspace.name}"
        f"/datastores/{datastore.name}/paths/{match['path']}"
    )
    properties = datastore.properties
    return long, BlobLocation(
        properties["accountName"], properties["containerName"], match["path"].strip("/")
    )
