"""Changes that cross: with a return after a restart, with a delete, with one another."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from azure.ai.ml import MLClient
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.identity import DefaultAzureCredential

from emulator.defaults import REGION, RESOURCE_GROUP, SUBSCRIPTION, WORKSPACE
from tests.azure import LocalAzure
from tests.emulator.services.arm import GROUP, HOME, WORKSPACES, call
from tests.emulator.services.deployments import ECHO, Workbench, inference_servers
from tests.waiting import until

# Comes up once the file exists that the environment variable GATE names.
GATED = ECHO.replace(
    "global greeting",
    "global greeting\n    while not os.path.exists(os.environ['GATE']): time.sleep(0.01)",
)
# Does not come up while the file exists that the environment variable BROKEN names.
BREAKABLE = ECHO.replace(
    "global greeting", "global greeting\n    assert not os.path.exists(os.environ['BROKEN'])"
)


@pytest.fixture
def azure(another_azure: LocalAzure, monkeypatch: pytest.MonkeyPatch) -> LocalAzure:
    for name, value in another_azure.environment.items():
        monkeypatch.setenv(name, value)
    return another_azure


@pytest.fixture
def own_bench(azure: LocalAzure, tmp_path: Path, unique: str) -> Workbench:
    client = MLClient(DefaultAzureCredential(), SUBSCRIPTION, RESOURCE_GROUP, WORKSPACE)
    return Workbench(client, tmp_path, unique)


@pytest.fixture
def gate(tmp_path: Path) -> Path:
    """The file that lets GATED come up. It is there."""
    file = tmp_path / "gate"
    file.touch()
    return file


def gated(gate: Path, **variables: str) -> dict[str, str]:
    return {"GATE": str(gate), **variables}


def operation_of(answer: Any) -> str:
    return answer.headers["Azure-AsyncOperation"].partition(".com")[2].partition("?")[0]


def ended(operation: str) -> str:
    """How the operation ends."""
    return str(
        until(
            lambda: (
                status
                if (status := call("GET", operation).json()["status"]) != "InProgress"
                else ""
            )
        )
    )


def crash(azure: LocalAzure) -> None:
    azure.kill()


def shut_down(azure: LocalAzure) -> None:
    azure.stop()


@pytest.mark.parametrize("end", [crash, shut_down])
def test_an_update_waits_for_the_return_of_the_old_version(
    azure: LocalAzure, own_bench: Workbench, gate: Path, end: Callable[[LocalAzure], None]
) -> None:
    name = own_bench.endpoint().name
    variables = gated(gate, DEPLOYED_AS="old")
    own_bench.deploy(name, "blue", script=GATED, environment_variables=variables)
    own_bench.send_traffic(name, blue=100)
    ask = own_bench.caller(name)
    end(azure)
    gate.unlink()
    azure.start()
    poller = own_bench.client.online_deployments.begin_create_or_update(
        own_bench.wanted(name, environment_variables={"DEPLOYED_AS": "new"})
    )
    found = own_bench.client.online_deployments.get("blue", name)
    assert found.provisioning_state == "Updating"
    gate.touch()
    assert poller.result().provisioning_state == "Succeeded"
    assert {ask({}).json()["name"] for _ in range(20)} == {"new"}
    until(lambda: len(inference_servers(azure)) == 1)
    assert {ask({}).json()["name"] for _ in range(20)} == {"new"}


def test_a_scale_in_waits_for_the_return_of_all_instances(
    azure: LocalAzure, own_bench: Workbench, gate: Path
) -> None:
    name = own_bench.endpoint().name
    settings = {"script": GATED, "environment_variables": gated(gate)}
    own_bench.deploy(name, "blue", instance_count=3, **settings)
    own_bench.send_traffic(name, blue=100)
    ask = own_bench.caller(name)
    crash(azure)
    gate.unlink()
    azure.start()
    poller = own_bench.client.online_deployments.begin_create_or_update(
        own_bench.wanted(name, instance_count=1, **settings)
    )
    gate.touch()
    assert poller.result().instance_count == 1
    assert len(inference_servers(azure)) == 1
    assert ask({}).status_code == 200
    own_bench.client.online_endpoints.begin_delete(name).result()
    assert not inference_servers(azure)


def test_a_deployment_that_is_on_its_way_back_can_be_deleted(
    azure: LocalAzure, own_bench: Workbench, gate: Path
) -> None:
    name = own_bench.endpoint().name
    own_bench.deploy(name, "blue", script=GATED, environment_variables=gated(gate))
    crash(azure)
    gate.unlink()
    azure.start()
    own_bench.client.online_deployments.begin_delete("blue", name).result()
    with pytest.raises(ResourceNotFoundError):
        own_bench.client.online_deployments.get("blue", name)
    assert not inference_servers(azure)
    gate.touch()
    assert own_bench.deploy(name, "blue").provisioning_state == "Succeeded"


def test_one_that_does_not_come_back_has_failed_and_takes_another_version(
    azure: LocalAzure, own_bench: Workbench, tmp_path: Path
) -> None:
    name, broken = own_bench.endpoint().name, tmp_path / "broken"
    variables = {"BROKEN": str(broken)}
    own_bench.deploy(name, "blue", script=BREAKABLE, environment_variables=variables)
    crash(azure)
    broken.touch()
    azure.start()
    deployments = own_bench.client.online_deployments
    until(lambda: deployments.get("blue", name).provisioning_state == "Failed")
    assert not inference_servers(azure)
    assert own_bench.deploy(name, "blue").provisioning_state == "Succeeded"


@pytest.mark.parametrize("scope", [HOME, GROUP], ids=["workspace", "group"])
def test_deleting_what_holds_a_deployment_ends_its_creation(
    azure: LocalAzure, own_bench: Workbench, gate: Path, scope: str
) -> None:
    name = own_bench.endpoint().name
    gate.unlink()
    poller = own_bench.client.online_deployments.begin_create_or_update(
        own_bench.wanted(name, script=GATED, environment_variables=gated(gate))
    )
    until(lambda: inference_servers(azure))
    creation = operation_of(poller.polling_method()._initial_response.http_response)
    version = "2021-04-01" if scope == GROUP else "2024-10-01"
    deleted = call("DELETE", scope, **{"api-version": version})
    assert deleted.status_code == 202
    refused = call("PUT", f"{HOME}/onlineEndpoints/another-one", {"location": REGION})
    assert refused.status_code in (404, 409)
    assert ended(creation) == "Canceled"
    until(lambda: call("GET", HOME).status_code == 404)
    assert not inference_servers(azure)
    gate.touch()


def test_two_deletes_at_once_are_one(bench: Workbench, unique: str) -> None:
    endpoint = bench.endpoint().name
    bench.deploy(endpoint, "blue")
    workspace = f"{WORKSPACES}/twice-{unique}"
    made = call("PUT", workspace, {"location": REGION})
    assert ended(operation_of(made)) == "Succeeded"
    deployment = f"{HOME}/onlineEndpoints/{endpoint}/deployments/blue"
    for resource in (deployment, f"{HOME}/onlineEndpoints/{endpoint}", workspace):
        first, second = call("DELETE", resource), call("DELETE", resource)
        assert first.status_code == 202
        # The first may have ended already.
        assert second.status_code in (202, 204)
        assert ended(operation_of(first)) == "Succeeded"
        if second.status_code == 202:
            assert operation_of(second) == operation_of(first)
        assert call("GET", resource).status_code == 404


def test_what_is_being_created_is_changed_by_nobody_else(
    azure: LocalAzure, own_bench: Workbench, gate: Path
) -> None:
    name = own_bench.endpoint().name
    gate.unlink()
    poller = own_bench.client.online_deployments.begin_create_or_update(
        own_bench.wanted(name, script=GATED, environment_variables=gated(gate))
    )
    for change in (
        lambda: own_bench.client.online_deployments.begin_create_or_update(own_bench.wanted(name)),
        lambda: own_bench.client.online_deployments.begin_delete("blue", name),
    ):
        with pytest.raises(HttpResponseError, match="is Creating"):
            change()
    gate.touch()
    assert poller.result().provisioning_state == "Succeeded"


def test_a_scale_out_that_failed_leaves_nothing_and_the_next_one_starts_instances(
    azure: LocalAzure, own_bench: Workbench, tmp_path: Path
) -> None:
    name, broken = own_bench.endpoint().name, tmp_path / "broken"
    settings = {"script": BREAKABLE, "environment_variables": {"BROKEN": str(broken)}}
    own_bench.deploy(name, "blue", **settings)
    own_bench.send_traffic(name, blue=100)
    broken.touch()
    with pytest.raises(HttpResponseError, match="ResourceNotReady"):
        own_bench.deploy(name, "blue", instance_count=3, **settings)
    assert len(inference_servers(azure)) == 1
    assert own_bench.caller(name)({}).status_code == 200
    broken.unlink()
    scaled = own_bench.deploy(name, "blue", instance_count=3, **settings)
    assert (scaled.provisioning_state, scaled.instance_count) == ("Succeeded", 3)
    assert len(inference_servers(azure)) == 3
