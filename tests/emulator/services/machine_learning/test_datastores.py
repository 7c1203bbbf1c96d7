"""Datastores through MLClient, and the credentials that they give."""

from __future__ import annotations

import pytest
from azure.ai.ml.entities import AccountKeyConfiguration, AzureBlobDatastore, AzureFileDatastore
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


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        (
            AzureBlobDatastore(name="d", account_name="nowhere", container_name="c-1"),
            "storage account 'nowhere' does not exist",
        ),
        (
            AzureBlobDatastore(name="d", account_name=STORAGE_ACCOUNT, container_name="A--b"),
            "container name 'A--b' is invalid",
        ),
        (
            AzureBlobDatastore(
                name="d",
                account_name=STORAGE_ACCOUNT,
                container_name="azureml",
                credentials=AccountKeyConfiguration(account_key="d3Jvbmc="),
            ),
            "not a key of the storage account",
        ),
        (
            AzureFileDatastore(
                name="d",
                account_name=STORAGE_ACCOUNT,
                file_share_name="s",
                credentials=AccountKeyConfiguration(account_key="eA=="),
            ),
            "does not emulate datastores of the type AzureFile",
        ),
    ],
)
def test_a_datastore_that_cannot_be(ml_client, wanted, words):
    with pytest.raises(HttpResponseError, match=words):
        ml_client.datastores.create_or_update(wanted)
    with pytest.raises(ResourceNotFoundError):
        ml_client.datastores.get("d")


def test_the_default_datastore_stays(ml_client):
    with pytest.raises(HttpResponseError, match="can't be deleted"):
        ml_client.datastores.delete("workspaceblobstore")
    assert ml_client.datastores.get_default().name == "workspaceblobstore"
