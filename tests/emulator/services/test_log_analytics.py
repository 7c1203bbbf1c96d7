"""Log Analytics workspaces, and environments of container apps that name one."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from azure.core.exceptions import HttpResponseError
from azure.identity import DefaultAzureCredential
from azure.mgmt.appcontainers import ContainerAppsAPIClient
from azure.mgmt.resource.resources import ResourceManagementClient

from emulator.defaults import REGION, RESOURCE_GROUP, SUBSCRIPTION
from tests.conftest import LocalAzure
from tests.emulator.services.arm import GROUP, call

WORKSPACES = f"{GROUP}/providers/Microsoft.OperationalInsights/workspaces"


@pytest.fixture
def workspace(local_azure: LocalAzure, unique: str) -> Iterator[dict[str, Any]]:
    made = call("PUT", f"{WORKSPACES}/logs-{unique}", {"location": REGION})
    assert made.status_code == 201
    yield made.json()
    assert call("DELETE", f"{WORKSPACES}/logs-{unique}").status_code in (200, 204)


@pytest.fixture
def environments(local_azure: LocalAzure) -> Any:
    return ContainerAppsAPIClient(DefaultAzureCredential(), SUBSCRIPTION).managed_environments


def test_a_workspace_lives_and_dies(workspace: dict[str, Any]):
    properties = workspace["properties"]
    assert workspace["type"] == "Microsoft.OperationalInsights/workspaces"
    assert (workspace["location"], properties["provisioningState"]) == (REGION, "Succeeded")
    assert (properties["sku"]["name"], properties["retentionInDays"]) == ("PerGB2018", 30)
    assert len(properties["customerId"]) == 36
    assert call("GET", workspace["id"]).json() == workspace
    for scope in (GROUP, GROUP.partition("/resourceGroups/")[0]):
        path = f"{scope}/providers/Microsoft.OperationalInsights/workspaces"
        assert workspace["id"] in [one["id"] for one in call("GET", path).json()["value"]]
    assert call("DELETE", workspace["id"], force="true").status_code == 200
    assert call("GET", workspace["id"]).status_code == 404
    assert call("DELETE", workspace["id"]).status_code == 204


def test_it_keeps_its_customer_id_and_keys_when_it_is_changed(workspace: dict[str, Any]):
    keys = call("POST", f"{workspace['id']}/sharedKeys").json()
    assert len(base64.b64decode(keys["primarySharedKey"])) == 64
    assert keys["primarySharedKey"] != keys["secondarySharedKey"]
    body = {"location": REGION, "properties": {"retentionInDays": 90}, "tags": {"a": "b"}}
    put = call("PUT", workspace["id"], body)
    assert put.status_code == 200
    assert put.json()["properties"]["customerId"] == workspace["properties"]["customerId"]
    assert put.json()["properties"]["retentionInDays"] == 90
    patched = call("PATCH", workspace["id"], {"properties": {"sku": {"name": "pergb2018"}}}).json()
    assert (patched["properties"]["retentionInDays"], patched["tags"]) == (90, {"a": "b"})
    assert call("POST", f"{workspace['id']}/sharedKeys").json() == keys
    assert keys["primarySharedKey"] not in json.dumps(patched)
    fresh = call("POST", f"{workspace['id']}/regenerateSharedKey").json()
    assert call("POST", f"{workspace['id']}/sharedKeys").json() == fresh != keys


@pytest.mark.parametrize(
    ("name", "body", "status", "said"),
    [
        ("no", {"location": REGION}, 400, "4 to 63"),
        ("under_score", {"location": REGION}, 400, "4 to 63"),
        ("fine", {}, 400, "location property is required"),
        ("fine", {"location": "atlantis"}, 400, "atlantis"),
        ("fine", {"location": REGION, "properties": {"retentionInDays": 7}}, 400, "30 to 730"),
        ("fine", {"location": REGION, "properties": {"sku": {"name": "Gold"}}}, 400, "Gold"),
        ("fine", {"location": REGION, "properties": {"sku": {"name": "Premium"}}}, 501, "Premium"),
        (
            "fine",
            {"location": REGION, "properties": {"publicNetworkAccessForQuery": "no"}},
            400,
            "publicNetworkAccessForQuery",
        ),
        ("fine", {"location": REGION, "identity": {"type": "SystemAssigned"}}, 501, "identity"),
    ],
)
def test_what_a_workspace_cannot_be(
    local_azure: LocalAzure, name: str, body: dict[str, Any], status: int, said: str
):
    answer = call("PUT", f"{WORKSPACES}/{name}", body)
    assert answer.status_code == status
    assert said in answer.json()["error"]["message"]
    assert call("GET", f"{WORKSPACES}/{name}").status_code == 404


def test_a_workspace_does_not_move(workspace: dict[str, Any]):
    answer = call("PUT", workspace["id"], {"location": "northeurope"})
    assert (answer.status_code, answer.json()["error"]["target"]) == (409, "location")


def test_a_query_says_where_the_logs_are(workspace: dict[str, Any]):
    customer = workspace["properties"]["customerId"]
    for host in ("api.loganalytics.io", "api.loganalytics.azure.com"):
        token = DefaultAzureCredential().get_token(f"https://{host}/.default").token
        answer = requests.post(
            f"https://{host}/v1/workspaces/{customer}/query",
            json={"query": "ContainerAppConsoleLogs_CL"},
            headers={"Authorization": f"Bearer {token}"},
            timeout=10,
        )
        assert answer.status_code == 501
        assert "az containerapp logs show" in answer.json()["error"]["message"]
    answer = call("POST", f"{workspace['id']}/query", {"query": "Usage"})
    assert answer.status_code == 501
    assert "az containerapp logs show" in answer.json()["error"]["message"]


def test_the_provider_is_registered(local_azure: LocalAzure):
    client = ResourceManagementClient(DefaultAzureCredential(), SUBSCRIPTION)
    found = client.providers.get("Microsoft.OperationalInsights")
    assert found.registration_state == "Registered"
    assert client.providers.register(found.namespace).registration_state == "Registered"
    types = {one.resource_type: one for one in found.resource_types}
    assert "West Europe" in types["workspaces"].locations


def test_an_environment_names_a_workspace(
    environments: Any, workspace: dict[str, Any], unique: str
):
    name, customer = f"env-{unique}", workspace["properties"]["customerId"]
    key = call("POST", f"{workspace['id']}/sharedKeys").json()["primarySharedKey"]
    named = {"customerId": customer, "sharedKey": key}
    logs = {"destination": "log-analytics", "logAnalyticsConfiguration": named}
    body = {"location": REGION, "properties": {"appLogsConfiguration": logs}}
    try:
        environments.begin_create_or_update(RESOURCE_GROUP, name, body).result()
        kept = environments.get(RESOURCE_GROUP, name).properties.app_logs_configuration
        assert kept.destination == "log-analytics"
        assert kept.log_analytics_configuration.customer_id == customer
        assert kept.log_analytics_configuration.shared_key is None
        # A patch of one field leaves the key where it was.
        other = "00000000-0000-4000-8000-0000000000fe"
        another = {"logAnalyticsConfiguration": {"customerId": other}}
        body["properties"] = {"appLogsConfiguration": another}
        environments.begin_update(RESOURCE_GROUP, name, body).result()
        kept = environments.get(RESOURCE_GROUP, name).properties.app_logs_configuration
        assert kept.log_analytics_configuration.customer_id == other
        body["properties"] = {"appLogsConfiguration": {"destination": None}}
        environments.begin_update(RESOURCE_GROUP, name, body).result()
        kept = environments.get(RESOURCE_GROUP, name).properties.app_logs_configuration
        assert (kept.destination, kept.log_analytics_configuration) == (None, None)
    finally:
        environments.begin_delete(RESOURCE_GROUP, name).result()


@pytest.mark.parametrize(
    ("logs", "said"),
    [
        ({}, "Must provide a valid LogAnalyticsConfiguration"),
        ({"customerId": "0" * 8}, "Must provide a valid LogAnalyticsConfiguration"),
        ({"customerId": f"{GROUP}/logs", "sharedKey": "k"}, "must be a GUID"),
    ],
)
def test_a_workspace_that_is_named_wrongly(
    environments: Any, unique: str, logs: dict[str, str], said: str
):
    configuration = {"destination": "log-analytics", "logAnalyticsConfiguration": logs}
    body = {"location": REGION, "properties": {"appLogsConfiguration": configuration}}
    with pytest.raises(HttpResponseError, match=said) as error:
        environments.begin_create_or_update(RESOURCE_GROUP, f"env-{unique}", body)
    assert error.value.status_code == 400
    assert error.value.error.code == "InvalidRequestParameterWithDetails"
