"""The activity log, read by the SDK: who has changed what, and how it ended."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.identity import DefaultAzureCredential
from azure.mgmt.monitor import MonitorManagementClient
from azure.mgmt.resource.resources import ResourceManagementClient

from emulator.defaults import CLIENT_ID, REGION, SUBSCRIPTION, TENANT
from tests.conftest import LocalAzure
from tests.emulator.services.arm import GROUP, HOME, call
from tests.emulator.services.deployments import Workbench
from tests.waiting import until

LOGS = f"{GROUP}/providers/Microsoft.OperationalInsights/workspaces"
VALUES = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Insights/eventtypes/management/values"


class Log:
    """What the SDK reads of the log since the test began."""

    def __init__(self) -> None:
        self.client = MonitorManagementClient(DefaultAzureCredential(), SUBSCRIPTION)
        self.since = f"eventTimestamp ge '{datetime.now(UTC).isoformat()}'"

    def read(self, *tests: str, select: str | None = None) -> list[Any]:
        text = " and ".join((self.since, *tests))
        return list(self.client.activity_logs.list(filter=text, select=select))

    def of(self, resource_id: str) -> list[tuple[str, str]]:
        """(method, status) of each entry of a resource, the oldest first."""
        found = self.read(f"resourceUri eq '{resource_id}'")
        return [(one.http_request.method, one.status.value) for one in reversed(found)]


@pytest.fixture
def log(local_azure: LocalAzure) -> Log:
    return Log()


@pytest.fixture
def group(local_azure: LocalAzure, unique: str) -> Iterator[str]:
    """The id of a resource group that is deleted afterwards."""
    client = ResourceManagementClient(DefaultAzureCredential(), SUBSCRIPTION).resource_groups
    made = client.create_or_update(f"rg-activity-{unique}", {"location": REGION})
    yield made.id
    call("DELETE", made.id)


def test_a_write_has_an_entry_when_it_came_and_one_when_it_was_answered(log: Log, group: str):
    name = group.rsplit("/", 1)[-1]
    answer, request = log.read(f"resourceGroupName eq '{name.upper()}'")
    assert (request.status.value, answer.status.value) == ("Started", "Succeeded")
    assert (request.event_name.value, answer.event_name.value) == ("BeginRequest", "EndRequest")
    assert (request.sub_status.value, answer.sub_status.value) == ("", "Created")
    assert answer.sub_status.localized_value == "Created (HTTP Status Code: 201)"
    assert answer.operation_name.value == "Microsoft.Resources/subscriptions/resourceGroups/write"
    assert answer.operation_name.localized_value == "Create or update resource group"
    assert answer.authorization.action == answer.operation_name.value
    assert answer.authorization.scope == answer.resource_id == group
    assert answer.resource_group_name == name
    assert answer.resource_provider_name.value == "Microsoft.Resources"
    assert answer.resource_type.value == "Microsoft.Resources/subscriptions/resourceGroups"
    assert (answer.caller, answer.tenant_id) == (CLIENT_ID, TENANT)
    assert (answer.subscription_id, answer.level) == (SUBSCRIPTION, "Informational")
    assert answer.category.value == "Administrative"
    assert answer.claims["appid"] == CLIENT_ID
    assert answer.claims["http://schemas.microsoft.com/identity/claims/tenantid"] == TENANT
    assert answer.http_request.method == "PUT"
    assert answer.http_request.uri.startswith(f"https://management.azure.com{group}?api-version=")
    assert len(answer.http_request.client_request_id) == 36
    assert answer.correlation_id == request.correlation_id == answer.operation_id
    assert answer.event_data_id != request.event_data_id
    assert answer.id.startswith(f"{group}/events/{answer.event_data_id}/ticks/6")
    assert request.event_timestamp <= answer.event_timestamp <= answer.submission_timestamp
    assert log.read(f"correlationId eq '{answer.correlation_id}'") == [answer, request]


def test_reads_are_not_in_it_and_actions_are(log: Log, unique: str):
    workspace = f"{LOGS}/log-{unique}"
    for method, path in (("PUT", ""), ("GET", ""), ("POST", "/sharedKeys"), ("DELETE", "")):
        body = {"location": REGION} if method == "PUT" else None
        assert call(method, workspace + path, body).ok
    assert log.of(workspace) == [
        (method, status)
        for method in ("PUT", "POST", "DELETE")
        for status in ("Started", "Succeeded")
    ]
    names = {one.operation_name.value for one in log.read(f"resourceUri eq '{workspace}'")}
    assert names == {
        f"Microsoft.OperationalInsights/workspaces/{what}"
        for what in ("write", "sharedKeys/action", "delete")
    }


def test_what_takes_long_has_an_entry_when_it_has_ended(log: Log, group: str):
    name = group.rsplit("/", 1)[-1]
    ResourceManagementClient(DefaultAzureCredential(), SUBSCRIPTION).resource_groups.begin_delete(
        name
    ).result()
    assert log.of(group)[2:] == [
        ("DELETE", status) for status in ("Started", "Accepted", "Succeeded")
    ]
    ends = log.read(f"resourceUri eq '{group}'")[:3]
    assert len({one.correlation_id for one in ends}) == 1
    assert ends[1].sub_status.value == "Accepted"


def test_what_fails_says_why(log: Log, unique: str):
    refused = call("PUT", f"{LOGS}/log-{unique}", {"location": "nowhere"})
    failure = log.read(f"resourceUri eq '{LOGS}/log-{unique}'", "status eq 'Failed'")[0]
    assert (failure.level, failure.sub_status.value) == ("Error", "BadRequest")
    assert failure.properties["statusCode"] == "BadRequest"
    assert refused.json()["error"]["code"] in failure.properties["statusMessage"]


def test_a_change_that_fails_later_shows_its_code(log: Log, bench: Workbench):
    endpoint = bench.endpoint().name
    broken = bench.wanted(endpoint, script="raise ValueError('broken')")
    with pytest.raises(HttpResponseError):
        bench.client.online_deployments.begin_create_or_update(broken).result()
    deployment = f"{HOME}/onlineEndpoints/{endpoint}/deployments/blue"
    assert log.of(deployment) == [("PUT", "Started"), ("PUT", "Accepted"), ("PUT", "Failed")]
    failure = log.read(f"resourceUri eq '{deployment}'")[0]
    assert (failure.level, failure.sub_status.value) == ("Error", "ResourceNotReady")
    assert json.loads(failure.properties["statusMessage"])["error"]["code"] == "ResourceNotReady"


def test_it_survives_a_kill_and_tells_how_what_was_under_way_then_ended(
    another_azure: LocalAzure, monkeypatch: pytest.MonkeyPatch, unique: str
):
    for name, value in another_azure.environment.items():
        monkeypatch.setenv(name, value)
    log = Log()
    endpoint = f"{HOME}/onlineEndpoints/activity-{unique}"
    made = call("PUT", endpoint, {"location": REGION, "properties": {"authMode": "Key"}})
    another_azure.kill()
    assert made.status_code == 201
    another_azure.start()
    until(lambda: len(log.of(endpoint)) == 3)
    assert log.of(endpoint)[:2] == [("PUT", "Started"), ("PUT", "Accepted")]
    assert log.of(endpoint)[2][1] in ("Succeeded", "Failed")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "required"),
        ("status eq 'Failed'", "requires a start"),
        ("eventTimestamp ge '2001-01-01'", "90 days"),
        ("eventTimestamp ge 'yesterday'", "not a time"),
        ("{start} or caller eq 'x'", "'and' was expected"),
        ("{start} and colour eq 'x'", "not allowed"),
        ("{start} and caller ne 'x'", "not allowed"),
        ("{start} and resourceUri eq 'x' and correlationId eq 'y'", "may have one"),
        ("{start} and", "its end"),
        ("{start} and caller eq 'x", "comparison was expected"),
    ],
)
def test_a_filter_that_azure_does_not_document_is_refused(local_azure, text: str, why: str):
    start = f"eventTimestamp ge '{datetime.now(UTC).isoformat()}'"
    client = MonitorManagementClient(DefaultAzureCredential(), SUBSCRIPTION)
    with pytest.raises(HttpResponseError, match=why) as refused:
        list(client.activity_logs.list(filter=text.format(start=start)))
    assert (refused.value.status_code, refused.value.error.code) == (400, "BadRequest")


def test_it_is_filtered_as_the_sdk_and_the_cli_write_filters(log: Log, group: str):
    everything = log.read()
    assert len(everything) == 2
    in_group = f"resourceGroupName eq '{group.rsplit('/', 1)[-1]}'"
    soon = (datetime.now(UTC) + timedelta(hours=1)).replace(tzinfo=None).isoformat()
    since = log.since.replace("'", "").replace("+00:00", "")
    for more in (
        "",
        f" and eventTimestamp le {soon}",
        f" and caller eq '{CLIENT_ID}'",
        " and resourceProvider eq 'microsoft.resources'",
        f" and resourceId eq '{group}'",
        " and levels eq 'Informational,Error' and eventChannels eq 'Admin, Operation'",
    ):
        assert list(log.client.activity_logs.list(filter=since + more)) == everything, more
    for nothing in (
        f"eventTimestamp le '{log.since.split()[2][1:-1]}'",
        "caller eq 'somebody'",
        "levels eq 'Error'",
        "resourceProvider eq 'Microsoft.App'",
        "eventChannels eq 'Debug'",
    ):
        assert log.read(nothing) == [], nothing
    assert log.read(in_group, "status eq 'Started'") == everything[1:]


def test_only_what_is_selected_is_answered(log: Log, group: str):
    asked = {"$filter": log.since, "$select": "caller, status"}
    first = call("GET", VALUES, **asked).json()["value"][0]
    assert sorted(first) == ["caller", "status"]
    asked["$select"] = "caller,colour"
    assert call("GET", VALUES, **asked).status_code == 400


def test_it_is_answered_in_pages(log: Log, unique: str):
    workspace = f"{LOGS}/log-{unique}"
    for _ in range(101):
        assert call("DELETE", workspace).status_code == 204
    first = call("GET", VALUES, **{"$filter": log.since}).json()
    assert len(first["value"]) == 200
    assert "$skipToken" in first["nextLink"] or "%24skipToken" in first["nextLink"]
    entries = log.read()
    assert len(entries) == len({one.event_data_id for one in entries}) == 202
    times = [one.event_timestamp for one in entries]
    assert times == sorted(times, reverse=True)


def test_its_categories_are_azure_s(local_azure: LocalAzure):
    client = MonitorManagementClient(DefaultAzureCredential(), SUBSCRIPTION)
    assert "Administrative" in [one.value for one in client.event_categories.list()]
    with pytest.raises(HttpResponseError) as refused:
        list(client.tenant_activity_logs.list())
    assert refused.value.status_code == 501
    other = MonitorManagementClient(DefaultAzureCredential(), TENANT).activity_logs
    with pytest.raises(ResourceNotFoundError):
        list(other.list(filter=f"eventTimestamp ge '{datetime.now(UTC).isoformat()}'"))
