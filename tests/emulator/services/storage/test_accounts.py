"""Storage accounts in Resource Manager."""

from __future__ import annotations

import base64

import pytest
import requests
from azure.core.exceptions import HttpResponseError
from azure.identity import DefaultAzureCredential
from azure.mgmt.resource.resources import ResourceManagementClient
from azure.storage.blob import BlobServiceClient

from emulator.defaults import REGION, RESOURCE_GROUP, STORAGE_ACCOUNT, SUBSCRIPTION

PROVIDER = "providers/Microsoft.Storage"
GROUP = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{RESOURCE_GROUP}"
ACCOUNTS = f"{GROUP}/{PROVIDER}/storageAccounts"
API = "2023-05-01"


@pytest.fixture
def call(local_azure):
    token = DefaultAzureCredential().get_token("https://management.azure.com/.default").token

    def send(method: str, path: str, body: object = None) -> requests.Response:
        return requests.request(
            method,
            f"https://management.azure.com{path}?api-version={API}",
            json=body,
            headers={"Authorization": f"Bearer {token}"},
            timeout=10,
        )

    return send


def new(**changes: object) -> dict[str, object]:
    return {
        "location": REGION,
        "kind": "StorageV2",
        "sku": {"name": "Standard_LRS"},
        "properties": {},
        **changes,
    }


def test_the_courses_account_is_there_from_the_start(call):
    found = call("GET", f"{ACCOUNTS}/{STORAGE_ACCOUNT}").json()
    assert found["name"] == STORAGE_ACCOUNT
    assert found["location"] == REGION
    assert found["kind"] == "StorageV2"
    assert found["sku"] == {"name": "Standard_LRS", "tier": "Standard"}
    properties = found["properties"]
    assert properties["provisioningState"] == "Succeeded"
    assert properties["supportsHttpsTrafficOnly"] is True
    assert properties["allowBlobPublicAccess"] is False
    assert properties["primaryEndpoints"] == {
        "blob": f"https://{STORAGE_ACCOUNT}.blob.core.windows.net/"
    }
    assert not [name for name in found if name.startswith("_")]
    for path in (ACCOUNTS, f"/subscriptions/{SUBSCRIPTION}/{PROVIDER}/storageAccounts"):
        names = [account["name"] for account in call("GET", path).json()["value"]]
        assert STORAGE_ACCOUNT in names


def test_it_is_among_the_groups_resources(local_azure):
    client = ResourceManagementClient(DefaultAzureCredential(), SUBSCRIPTION)
    found = {
        resource.name: resource.type
        for resource in client.resources.list_by_resource_group(RESOURCE_GROUP)
    }
    assert found[STORAGE_ACCOUNT] == "Microsoft.Storage/storageAccounts"
    assert client.providers.get("Microsoft.Storage").registration_state == "Registered"
    account = client.resources.get_by_id(f"{ACCOUNTS}/{STORAGE_ACCOUNT}", api_version=API)
    assert account.properties["provisioningState"] == "Succeeded"


def test_keys(call):
    keys = call("POST", f"{ACCOUNTS}/{STORAGE_ACCOUNT}/listKeys").json()["keys"]
    assert [key["keyName"] for key in keys] == ["key1", "key2"]
    assert [key["permissions"] for key in keys] == ["FULL", "FULL"]
    assert [len(base64.b64decode(key["value"])) for key in keys] == [64, 64]
    assert keys[0]["value"] != keys[1]["value"]
    bad = call("POST", f"{ACCOUNTS}/{STORAGE_ACCOUNT}/regenerateKey", {"keyName": "key3"})
    assert (bad.status_code, bad.json()["error"]["target"]) == (400, "keyName")
    again = call("POST", f"{ACCOUNTS}/{STORAGE_ACCOUNT}/listKeys").json()["keys"]
    assert again == keys


def test_the_life_of_an_account(call, unique):
    name = f"st{unique}"
    availability = f"/subscriptions/{SUBSCRIPTION}/{PROVIDER}/checkNameAvailability"
    asked = {"name": name, "type": "Microsoft.Storage/storageAccounts"}
    assert call("POST", availability, asked).json() == {"nameAvailable": True}
    made = call("PUT", f"{ACCOUNTS}/{name}", new(tags={"course": "azure"}))
    assert made.status_code == 200
    assert made.json()["tags"] == {"course": "azure"}
    assert call("POST", availability, asked).json()["reason"] == "AlreadyExists"
    keys = call("POST", f"{ACCOUNTS}/{name}/listKeys").json()["keys"]
    tagged = call("PUT", f"{ACCOUNTS}/{name}", new(tags={"a": "b"})).json()
    assert tagged["tags"] == {"a": "b"}
    assert call("POST", f"{ACCOUNTS}/{name}/listKeys").json()["keys"] == keys

    service = BlobServiceClient(
        f"https://{name}.blob.core.windows.net", credential=keys[0]["value"]
    )
    container = service.create_container("mine")
    container.upload_blob("a", b"1")
    # The same names in another account are other blobs.
    other = BlobServiceClient(
        f"https://{STORAGE_ACCOUNT}.blob.core.windows.net", credential=DefaultAzureCredential()
    )
    assert not other.get_container_client("mine").exists()

    assert call("DELETE", f"{ACCOUNTS}/{name}").status_code == 200
    assert call("DELETE", f"{ACCOUNTS}/{name}").status_code == 204
    assert call("GET", f"{ACCOUNTS}/{name}").status_code == 404
    call("PUT", f"{ACCOUNTS}/{name}", new())
    fresh = BlobServiceClient(service.url, credential=DefaultAzureCredential())
    assert list(fresh.list_containers()) == []
    call("DELETE", f"{ACCOUNTS}/{name}")


CLOSED = {"defaultAction": "Deny"}


@pytest.mark.parametrize(
    ("name", "body", "status", "code"),
    [
        ("ab", new(), 400, "AccountNameInvalid"),
        ("with-dash", new(), 400, "AccountNameInvalid"),
        ("a" * 25, new(), 400, "AccountNameInvalid"),
        ("goodname", new(location="mars"), 400, "LocationNotAvailableForResourceType"),
        ("goodname", new(kind="FileStorage"), 501, "NotEmulated"),
        ("goodname", new(properties={"isHnsEnabled": True}), 501, "NotEmulated"),
        ("goodname", new(properties={"allowBlobPublicAccess": True}), 501, "NotEmulated"),
        (
            "goodname",
            new(properties={"networkAcls": CLOSED}),
            501,
            "NotEmulated",
        ),
        (
            "goodname",
            new(properties={"encryption": {"keySource": "Microsoft.Keyvault"}}),
            501,
            "NotEmulated",
        ),
        ("goodname", new(tags={"a<b": "c"}), 400, "InvalidTagNameCharacters"),
        (STORAGE_ACCOUNT, new(location="eastus"), 409, "InvalidResourceLocation"),
    ],
)
def test_accounts_that_cannot_be_made(call, name, body, status, code):
    answer = call("PUT", f"{ACCOUNTS}/{name}", body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)


def test_what_is_shown_can_be_sent_back(call, unique):
    path = f"{ACCOUNTS}/st{unique}"
    shown = call("PUT", path, new()).json()
    again = call("PUT", path, {**shown, "tags": {"a": "b"}})
    assert again.status_code == 200
    assert again.json()["tags"] == {"a": "b"}
    assert call("DELETE", path).status_code == 200


def test_a_change_keeps_what_it_does_not_name(call, unique):
    path = f"{ACCOUNTS}/st{unique}"
    made = call("PUT", path, new(tags={"a": "b"})).json()
    changed = call("PATCH", path, {"sku": {"name": "Standard_GRS"}})
    assert (changed.status_code, changed.json()["tags"]) == (200, {"a": "b"})
    assert changed.json()["sku"] == {"name": "Standard_GRS", "tier": "Standard"}
    # As the az CLI has it: with what it was shown of the account, and new tags.
    sent = {"tags": {"c": "d"}, "properties": made["properties"]}
    again = call("PATCH", path, sent).json()
    assert (again["tags"], again["sku"]["name"]) == ({"c": "d"}, "Standard_GRS")
    for body, status, code in (
        ({"properties": {"publicNetworkAccess": "Disabled"}}, 501, "NotEmulated"),
        ({"kind": "BlobStorage"}, 501, "NotEmulated"),
        ({"identity": {"type": "SystemAssigned"}}, 501, "NotEmulated"),
        ({"sku": {"name": "Premium"}}, 400, "InvalidRequestContent"),
    ):
        refused = call("PATCH", path, body)
        assert (refused.status_code, refused.json()["error"]["code"]) == (status, code)
    assert call("GET", path).json() == again
    assert call("DELETE", path).status_code == 200
    assert call("PATCH", path, {"tags": {}}).status_code == 404


def test_a_deleted_group_takes_its_accounts_and_blobs_along(call, unique, local_azure):
    client = ResourceManagementClient(DefaultAzureCredential(), SUBSCRIPTION)
    group, name = f"rg-{unique}", f"st{unique}"
    client.resource_groups.create_or_update(group, {"location": REGION})
    account = (
        f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{group}/{PROVIDER}/storageAccounts/{name}"
    )
    assert call("PUT", account, new()).status_code == 200
    taken = call("PUT", f"{ACCOUNTS}/{name}", new())
    assert taken.json()["error"]["code"] == "StorageAccountAlreadyTaken"
    service = BlobServiceClient(
        f"https://{name}.blob.core.windows.net", credential=DefaultAzureCredential()
    )
    before = set(local_azure.home.blobs.iterdir())
    service.create_container("mine").upload_blob("a", b"1")
    assert set(local_azure.home.blobs.iterdir()) > before
    client.resource_groups.begin_delete(group).result()
    assert set(local_azure.home.blobs.iterdir()) == before
    with pytest.raises(HttpResponseError, match="no storage account"):
        service.get_container_client("mine").upload_blob("b", b"2")
