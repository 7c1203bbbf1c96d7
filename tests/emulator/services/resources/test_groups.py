"""Resource Manager through azure-mgmt-resource: groups, paging, errors, operations."""

from __future__ import annotations

import pytest
import requests
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.identity import DefaultAzureCredential
from azure.mgmt.resource.resources import ResourceManagementClient

from emulator.defaults import REGION, RESOURCE_GROUP, SUBSCRIPTION


@pytest.fixture
def headers(local_azure) -> dict[str, str]:
    token = DefaultAzureCredential().get_token("https://management.azure.com/.default").token
    return {"Authorization": f"Bearer {token}"}


def url(path: str, query: str = "api-version=2021-04-01") -> str:
    return f"https://management.azure.com{path}?{query}"


def test_the_courses_group_is_there_from_the_start(client):
    group = client.resource_groups.get(RESOURCE_GROUP)
    assert group.location == REGION
    assert group.properties.provisioning_state == "Succeeded"


def test_the_life_of_a_group(client, unique):
    name = f"rg-{unique}"
    assert not client.resource_groups.check_existence(name)
    made = client.resource_groups.create_or_update(
        name, {"location": "North Europe", "tags": {"course": "azure"}}
    )
    assert (made.location, made.tags) == ("northeurope", {"course": "azure"})
    assert client.resource_groups.check_existence(name.upper())
    assert name in [group.name for group in client.resource_groups.list()]
    client.resource_groups.begin_delete(name).result()
    assert not client.resource_groups.check_existence(name)
    with pytest.raises(ResourceNotFoundError, match="ResourceGroupNotFound"):
        client.resource_groups.get(name)


def test_lists_come_in_pages(client, headers, unique):
    names = {f"page-{unique}-{n}" for n in range(3)}
    for name in names:
        client.resource_groups.create_or_update(name, {"location": REGION})
    path = f"/subscriptions/{SUBSCRIPTION}/resourceGroups"
    first = requests.get(
        url(path, "api-version=2021-04-01&$top=2"), headers=headers, timeout=10
    ).json()
    rest = requests.get(
        url(path, "api-version=2021-04-01&$skip=2"), headers=headers, timeout=10
    ).json()
    listed = [group["name"] for group in first["value"] + rest["value"]]
    assert len(first["value"]) == 2
    assert names <= set(listed)
    assert len(listed) == len(set(listed))


def test_more_than_a_page_is_followed_by_the_client(another_azure, monkeypatch):
    for name, value in another_azure.environment.items():
        monkeypatch.setenv(name, value)
    client = ResourceManagementClient(DefaultAzureCredential(), SUBSCRIPTION)
    for number in range(120):
        client.resource_groups.create_or_update(f"many-{number}", {"location": REGION})
    assert len(list(client.resource_groups.list())) == 121


@pytest.mark.parametrize(
    ("name", "body", "code"),
    [
        ("bad.", {"location": REGION}, "InvalidResourceGroup"),
        ("ok", {}, "LocationRequired"),
        ("ok", {"location": "moon"}, "LocationNotAvailableForResourceGroup"),
    ],
)
def test_a_bad_group_is_refused_naming_the_field(client, name, body, code):
    with pytest.raises(HttpResponseError) as refused:
        client.resource_groups.create_or_update(name, body)
    assert refused.value.error.code == code
    assert refused.value.error.target


def test_a_group_does_not_move(client, unique):
    client.resource_groups.create_or_update(f"rg-{unique}", {"location": REGION})
    with pytest.raises(HttpResponseError, match="InvalidResourceGroupLocation"):
        client.resource_groups.create_or_update(f"rg-{unique}", {"location": "eastus"})


def test_an_unknown_subscription_is_named(local_azure):
    other = "22222222-2222-4222-8222-222222222222"
    client = ResourceManagementClient(DefaultAzureCredential(), other)
    with pytest.raises(ResourceNotFoundError, match=other):
        list(client.resource_groups.list())


def test_an_unknown_operation_is_a_501_that_names_it(headers):
    path = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Compute/virtualMachines"
    answer = requests.get(url(path), headers=headers, timeout=10)
    assert answer.status_code == 501
    assert "Microsoft.Compute/virtualMachines" in answer.json()["error"]["message"]


def test_the_api_version_is_required(headers):
    answer = requests.get(url("/subscriptions", "a=b"), headers=headers, timeout=10)
    assert answer.json()["error"]["code"] == "MissingApiVersionParameter"


@pytest.mark.parametrize("content", [b"{", b"[]", b'"text"', b"\xff\xfe"])
def test_a_body_that_is_not_an_object_is_refused(headers, content):
    answer = requests.put(
        url(f"/subscriptions/{SUBSCRIPTION}/resourceGroups/x"),
        headers=headers,
        data=content,
        timeout=10,
    )
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "InvalidRequestContent"


def test_a_body_beyond_what_arm_takes_is_refused(headers):
    answer = requests.put(
        url(f"/subscriptions/{SUBSCRIPTION}/resourceGroups/x"),
        headers=headers,
        data=b" " * (5 * 1024 * 1024),
        timeout=30,
    )
    assert answer.status_code == 413


def test_every_answer_has_request_ids(headers):
    answer = requests.get(
        url("/subscriptions"),
        headers={
            **headers,
            "x-ms-client-request-id": "mine-1",
            "x-ms-return-client-request-id": "true",
        },
        timeout=10,
    )
    assert len(answer.headers["x-ms-request-id"]) == 36
    assert answer.headers["x-ms-client-request-id"] == "mine-1"


def test_groups_survive_kill_9(another_azure, monkeypatch):
    for name, value in another_azure.environment.items():
        monkeypatch.setenv(name, value)
    client = ResourceManagementClient(DefaultAzureCredential(), SUBSCRIPTION)
    client.resource_groups.create_or_update("kept", {"location": REGION})
    another_azure.kill()
    another_azure.start()
    assert client.resource_groups.get("kept").name == "kept"
