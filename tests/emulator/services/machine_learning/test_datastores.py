"""Datastores through MLClient, and the credentials that they give."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
import requests
from azure.ai.ml.entities import (
    AccountKeyConfiguration,
    AzureBlobDatastore,
    AzureDataLakeGen1Datastore,
    AzureDataLakeGen2Datastore,
    AzureFileDatastore,
    ServicePrincipalConfiguration,
)
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.storage.blob import BlobServiceClient

from emulator.defaults import STORAGE_ACCOUNT
from tests.emulator.services.arm import HOME, call

URL = f"https://{STORAGE_ACCOUNT}.blob.core.windows.net"


def test_a_workspace_has_its_datastores_from_the_start(ml_client):
    assert {found.name: found.container_name for found in ml_client.datastores.list()} == {
        "workspaceblobstore": "azureml-blobstore",
        "workspaceartifactstore": "azureml",
    }
    default = ml_client.datastores.get_default()
    assert (default.name, default.account_name) == ("workspaceblobstore", STORAGE_ACCOUNT)
    assert default.credentials.type == "account_key"


def test_the_secret_asked_for_with_an_expiry_is_a_sas_that_opens_the_account(ml_client, unique):
    default = ml_client.datastores.get_default(include_secrets=True)
    service = BlobServiceClient(URL, credential=default.credentials.sas_token)
    blob = service.get_blob_client(default.container_name, f"{unique}.txt")
    blob.upload_blob(b"through the SAS")
    assert blob.download_blob().readall() == b"through the SAS"
    blob.delete_blob()
    # It is for blobs and containers, not for the account itself.
    with pytest.raises(HttpResponseError, match="AuthorizationResourceTypeMismatch"):
        list(service.list_containers())


def test_the_secret_asked_for_without_an_expiry_is_the_account_key(ml_client):
    answer = call("POST", f"{HOME}/datastores/workspaceblobstore/listSecrets").json()
    assert answer["secretsType"] == "AccountKey"
    service = BlobServiceClient(URL, credential=answer["key"])
    assert service.get_container_client("azureml-blobstore").exists()


@pytest.mark.parametrize("hours", [0, -1, 10_000, "soon"])
def test_an_expiry_is_a_number_of_hours(local_azure, hours):
    answer = call(
        "POST",
        f"{HOME}/datastores/workspaceblobstore/listSecrets",
        {"expirableSecret": True, "expireAfterHours": hours},
    )
    assert answer.status_code == 400
    assert "expireAfterHours" in answer.json()["error"]["message"]


def test_the_life_of_a_datastore(ml_client, unique):
    key = ml_client.workspaces.get_keys().user_storage_key
    wanted = AzureBlobDatastore(
        name=f"ds_{unique}",
        account_name=STORAGE_ACCOUNT,
        container_name="azureml-blobstore",
        description="the same container",
        credentials=AccountKeyConfiguration(account_key=key),
    )
    made = ml_client.datastores.create_or_update(wanted)
    assert (made.description, made.credentials.type) == ("the same container", "account_key")
    shown = call("GET", f"{HOME}/datastores/ds_{unique}").text
    assert key not in shown
    assert wanted.name in [found.name for found in ml_client.datastores.list()]
    ml_client.datastores.delete(wanted.name)
    with pytest.raises(ResourceNotFoundError, match=f"datastore with name: ds_{unique}"):
        ml_client.datastores.get(wanted.name)
    ml_client.datastores.delete(wanted.name)


BLOB = {"datastoreType": "AzureBlob", "accountName": STORAGE_ACCOUNT, "containerName": "azureml"}
KEY = {"credentialsType": "AccountKey", "secrets": {"secretsType": "AccountKey", "key": "d3Jvbmc="}}
PRINCIPAL = {
    "credentialsType": "ServicePrincipal",
    "clientId": str(UUID(int=1)),
    "tenantId": str(UUID(int=2)),
    "secrets": {"secretsType": "ServicePrincipal", "clientSecret": "a secret"},
}


def put(name: str, properties: dict[str, Any], **query: str) -> requests.Response:
    credentials = {"credentials": {"credentialsType": "None"}}
    path = f"{HOME}/datastores/{name}"
    return call("PUT", path, {"properties": {**credentials, **properties}}, **query)


@pytest.mark.parametrize(
    ("properties", "status", "words"),
    [
        ({**BLOB, "accountName": "nowhere"}, 400, "storage account 'nowhere' does not exist"),
        ({**BLOB, "credentials": KEY}, 400, "not a key of the storage account"),
        ({**BLOB, "credentials": PRINCIPAL}, 501, "credentials of the type ServicePrincipal"),
        (
            {"datastoreType": "AzureFile", "accountName": STORAGE_ACCOUNT, "fileShareName": "s"},
            501,
            "datastores of the type AzureFile",
        ),
    ],
)
def test_a_datastore_is_validated_unless_one_asks_that_it_is_not(
    local_azure, unique, properties, status, words
):
    answer = put(f"v_{unique}", properties)
    assert (answer.status_code, words in answer.json()["error"]["message"]) == (status, True)
    assert call("GET", f"{HOME}/datastores/v_{unique}").status_code == 404
    assert put(f"v_{unique}", properties, skipValidation="true").status_code == 201


@pytest.mark.parametrize(
    ("properties", "words"),
    [
        ({**BLOB, "containerName": "A--b"}, "container name 'A--b' is invalid"),
        ({**BLOB, "credentials": {**PRINCIPAL, "clientId": "me"}}, "clientId' must be a GUID"),
        ({**BLOB, "credentials": {**PRINCIPAL, "secrets": {}}}, "need their clientSecret"),
        ({"datastoreType": "AzureFile", "accountName": "a"}, "fileShareName' is required"),
        ({"datastoreType": "AzureDataLakeGen1", "storeName": "s", "credentials": KEY}, "one of"),
    ],
)
def test_a_datastore_that_cannot_be(local_azure, unique, properties, words):
    answer = put(f"no_{unique}", properties, skipValidation="true")
    assert answer.status_code == 400
    assert words in answer.json()["error"]["message"]


def test_file_shares_and_data_lakes_are_kept_with_their_secrets(ml_client, unique):
    share = AzureFileDatastore(
        name=f"share_{unique}",
        account_name=STORAGE_ACCOUNT,
        file_share_name="s",
        credentials=AccountKeyConfiguration(account_key="d3Jvbmc="),
    )
    principal = ServicePrincipalConfiguration(
        client_id=PRINCIPAL["clientId"], tenant_id=PRINCIPAL["tenantId"], client_secret="hidden"
    )
    lake = AzureDataLakeGen2Datastore(
        name=f"lake_{unique}", account_name="lakes", filesystem="f", credentials=principal
    )
    old = AzureDataLakeGen1Datastore(name=f"old_{unique}", store_name="s", credentials=principal)
    for wanted in (share, lake, old):
        ml_client.datastores.create_or_update(wanted)
        assert "hidden" not in call("GET", f"{HOME}/datastores/{wanted.name}").text
    found = ml_client.datastores.get(share.name, include_secrets=True)
    assert (found.file_share_name, found.credentials.sas_token[:4]) == ("s", "?sv=")
    found = ml_client.datastores.get(lake.name, include_secrets=True)
    assert (found.filesystem, found.credentials.client_secret) == ("f", "hidden")
    assert ml_client.datastores.get(old.name).store_name == "s"
    body = {"properties": {"modelUri": f"azureml://datastores/{lake.name}/paths/m"}}
    answer = call("PUT", f"{HOME}/models/in-a-lake-{unique}/versions/1", body)
    assert (answer.status_code, lake.name in answer.text) == (501, True)


@pytest.mark.parametrize(
    "uri",
    [
        "azureml://jobs/a/outputs/artifacts/paths/model",
        "azureml://registries/azureml/models/a/versions/1",
        "runs:/0123/model",
    ],
)
def test_models_of_jobs_and_registries_are_named(local_azure, unique, uri):
    body = {"properties": {"modelUri": uri, "modelType": "mlflow_model"}}
    answer = call("PUT", f"{HOME}/models/elsewhere-{unique}/versions/1", body)
    assert (answer.status_code, uri in answer.json()["error"]["message"]) == (501, True)


def test_the_default_datastore_stays(ml_client):
    with pytest.raises(HttpResponseError, match="can't be deleted"):
        ml_client.datastores.delete("workspaceblobstore")
    assert ml_client.datastores.get_default().name == "workspaceblobstore"
