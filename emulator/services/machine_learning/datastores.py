"""Datastores: names for places where files are, and the credentials to open them.

Local Azure has blob containers alone: what is in file shares and data lakes can't be read.

https://learn.microsoft.com/rest/api/azureml/datastores
"""

from __future__ import annotations

import re

from emulator.arm.errors import not_emulated
from emulator.arm.fields import Fields
from emulator.arm.http import ArmRequest, ArmResponse
from emulator.arm.ids import name_of, resource_group_of, subscription_of, system_data
from emulator.arm.resources import created, page, shown
from emulator.defaults import WORKSPACE
from emulator.services.machine_learning.blobs import (
    ENDPOINT,
    BlobLocation,
    BlobStorage,
    account_must_exist,
    account_sas,
    parse_blob_url,
)
from emulator.services.machine_learning.datastore_spec import (
    ACCOUNT_KEY,
    BLOB,
    CERTIFICATE,
    NONE,
    SAS,
    SECRETS,
    SERVICE_PRINCIPAL,
    DatastoreSpec,
    read_datastore,
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
_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_-]{0,254}")
# What a URI that begins so refers to.
ELSEWHERE = {
    "azureml://jobs/": "outputs of jobs",
    "azureml://registries/": "assets of registries",
    "runs:/": "models of MLflow runs",
}
_ELSEWHERE = re.compile("|".join(ELSEWHERE), re.IGNORECASE)
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
        spec = read_datastore(Fields(request.body, refuse=bad_asset).object("properties"))
        if request.query.get("skipValidation", "").lower() != "true":
            self._validate(spec)
        before = self.store.get(request.id)
        body = {
            "properties": spec.to_properties(
                is_default=bool(before and before.properties["isDefault"])
            ),
            "systemData": system_data(
                request.claims, before.body.get("systemData") if before else None
            ),
        }
        datastore_id = before.id if before else request.id
        private = {"secret": spec.secret}
        datastore = self.store.put(Resource(datastore_id, DATASTORE_TYPE, body, private))
        return created(request, datastore, new=before is None)

    async def list_secrets(self, request: ArmRequest) -> ArmResponse:
        workspace = require_workspace(self.store, request)
        datastore = find_datastore(self.store, workspace, request.params["name"])
        properties = datastore.properties
        kind = properties["credentials"]["credentialsType"]
        if kind == NONE:
            raise user_error(
                400, f"The datastore '{datastore.name}' has no credentials, so no secrets either."
            )
        secret = str(datastore.private.get("secret") or "")
        if kind != ACCOUNT_KEY:
            return ArmResponse({"secretsType": kind, SECRETS[kind]: secret})
        options = Fields({} if request.body is None else request.body, refuse=bad_asset)
        expires = options.flag("expirableSecret", False)
        hours = options.whole("expireAfterHours", 1, least=1, most=MOST_HOURS)
        account = properties["accountName"]
        if not secret:
            with account_must_exist(account):
                secret = self.blobs.account_key(account)
        if not expires:
            return ArmResponse({"secretsType": ACCOUNT_KEY, "key": secret})
        try:
            token = account_sas(account, secret, hours)
        except ValueError:  # it was not validated
            raise user_error(
                400, f"The key of the datastore '{datastore.name}' is no account key."
            ) from None
        return ArmResponse({"secretsType": SAS, "sasToken": f"?{token}"})

    def _validate(self, spec: DatastoreSpec) -> None:
        """What Azure looks at unless skipValidation is true: the account, and the credentials.

        Raises ArmError: 400 when they are wrong, 501 where local Azure has nothing to ask.
        """
        account = spec.place.get("accountName")
        if account:
            with account_must_exist(account):
                key = self.blobs.account_key(account)
            if spec.credentials == ACCOUNT_KEY and spec.secret not in ("", key):
                raise user_error(
                    400, f"The account key given is not a key of the storage account '{account}'."
                )
        without = "register it with skipValidation=true, as MLClient does"
        if spec.type != BLOB:
            raise not_emulated(f"the validation of datastores of the type {spec.type}: {without}")
        if spec.credentials in (SERVICE_PRINCIPAL, CERTIFICATE):
            raise not_emulated(
                f"the validation of datastore credentials of the type {spec.credentials}: {without}"
            )


def find_datastore(store: Store, workspace: Resource, name: str) -> Resource:
    """Raises ArmError 404 when the workspace has no such datastore."""
    datastore = store.get(f"{workspace.id}/datastores/{name}")
    if datastore is None:
        raise user_error(404, f"Could not find datastore with name: {name}")
    return datastore


def resolve_uri(store: Store, workspace: Resource, uri: str | None) -> tuple[str, BlobLocation]:
    """The long form of a storage URI, and where its files are.

    Takes azureml://datastores/{name}/paths/{path}, the same with the workspace spelled out, and
    https://{account}.blob.core.windows.net/{container}/{path}. Raises ArmError
    400 or 404, and 501 for what is not in a blob container.
    """
    text = uri or ""
    if text.lower().startswith("https://"):
        return text, parse_blob_url(text)
    if elsewhere := _ELSEWHERE.match(text):
        raise not_emulated(f"{ELSEWHERE[elsewhere[0].lower()]} ('{text}')")
    match = _URI.fullmatch(text)
    if match is None:
        raise user_error(
            400,
            f"'{text}' does not say where the files are. Local Azure takes paths of this machine, "
            "azureml://datastores/<name>/paths/<path> and blob addresses.",
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
    if properties["datastoreType"] != BLOB:
        raise not_emulated(
            f"files in datastores of the type {properties['datastoreType']} ('{datastore.name}')"
        )
    return long, BlobLocation(
        properties["accountName"], properties["containerName"], match["path"].strip("/")
    )
