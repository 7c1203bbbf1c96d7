"""Blob containers in Resource Manager, beside the same ones in the Blob service."""

from __future__ import annotations

import pytest
from azure.core.exceptions import ResourceNotFoundError
from azure.identity import DefaultAzureCredential
from azure.storage.blob import BlobServiceClient

from emulator.defaults import STORAGE_ACCOUNT
from tests.emulator.services.arm import GROUP, call

SERVICE = (
    f"{GROUP}/providers/Microsoft.Storage/storageAccounts/{STORAGE_ACCOUNT}/blobServices/default"
)


def ask(method: str, name: str, properties: dict | None = None):
    body = None if properties is None else {"properties": properties}
    return call(method, f"{SERVICE}/containers/{name}", body, **{"api-version": "2023-05-01"})


@pytest.fixture
def blobs(local_azure) -> BlobServiceClient:
    return BlobServiceClient(
        f"https://{STORAGE_ACCOUNT}.blob.core.windows.net", DefaultAzureCredential()
    )


def test_a_container_that_is_made_here_is_the_blob_services_own(blobs, unique):
    name = f"made-{unique}"
    made = ask("PUT", name, {"metadata": {"purpose": "course"}})
    assert made.status_code == 201
    assert made.json()["properties"]["publicAccess"] == "None"
    container = blobs.get_container_client(name)
    assert container.get_container_properties().metadata == {"purpose": "course"}
    container.upload_blob("a.txt", b"content")
    # Asked for again, it is as it was.
    assert ask("PUT", name, {}).json()["properties"]["metadata"] == {"purpose": "course"}
    assert ask("PATCH", name, {"metadata": {"purpose": "none"}}).status_code == 200
    assert ask("GET", name).json()["properties"]["metadata"] == {"purpose": "none"}
    listed = call("GET", f"{SERVICE}/containers", **{"$filter": "made-"}).json()["value"]
    assert name in {one["name"] for one in listed}
    assert ask("DELETE", name).status_code == 200
    assert ask("DELETE", name).status_code == 204
    with pytest.raises(ResourceNotFoundError):
        container.get_container_properties()


@pytest.mark.parametrize(
    ("name", "properties", "status", "code"),
    [
        ("UPPER", {}, 400, "InvalidResourceName"),
        ("ab", {}, 400, "OutOfRangeInput"),
        ("open", {"publicAccess": "Blob"}, 409, "PublicAccessNotPermitted"),
        ("nfs", {"enableNfsV3RootSquash": True}, 501, "NotEmulated"),
        ("metadata", {"metadata": {"not a name": "x"}}, 400, "InvalidRequestContent"),
    ],
)
def test_what_a_container_cannot_be_is_refused(local_azure, name, properties, status, code):
    answer = ask("PUT", name, properties)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert ask("GET", name).status_code == 404


def test_the_blob_service_is_shown(local_azure):
    service = call("GET", SERVICE, **{"api-version": "2023-05-01"}).json()
    assert (service["name"], service["id"]) == ("default", SERVICE)
    nowhere = call("GET", SERVICE.replace(STORAGE_ACCOUNT, "nothere"))
    assert nowhere.json()["error"]["code"] == "ResourceNotFound"
