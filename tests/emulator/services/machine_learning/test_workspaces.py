"""Workspaces through MLClient, and what only REST clients ask."""

from __future__ import annotations

import asyncio
import uuid
from pathlib import Path
from typing import Any

import pytest
from azure.ai.ml import MLClient
from azure.ai.ml.entities import Hub, Model, Workspace
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.identity import DefaultAzureCredential
from azure.storage.blob import BlobServiceClient

from emulator.arm.changes import Changes
from emulator.arm.errors import ArmError
from emulator.arm.operations import Operations
from emulator.arm.recovery import recover
from emulator.defaults import REGION, RESOURCE_GROUP, STORAGE_ACCOUNT, SUBSCRIPTION, WORKSPACE
from emulator.services.machine_learning.workspace_spec import WorkspaceSpec
from emulator.services.machine_learning.workspaces import GROUP_ID, Workspaces
from emulator.store import Resource, Store
from tests.emulator.services.arm import GROUP, HOME, WORKSPACES, NoBlobs, call
from tests.waiting import until


def client(workspace: str) -> MLClient:
    return MLClient(DefaultAzureCredential(), SUBSCRIPTION, RESOURCE_GROUP, workspace)


def guid(workspace: str) -> str:
    return call("GET", f"{WORKSPACES}/{workspace}").json()["properties"]["workspaceId"]


def test_the_courses_workspace_is_there_from_the_start(ml_client):
    found = ml_client.workspaces.get(WORKSPACE)
    assert found.name == WORKSPACE
    assert (found.location, found.resource_group) == (REGION, RESOURCE_GROUP)
    assert found.storage_account.endswith(f"/Microsoft.Storage/storageAccounts/{STORAGE_ACCOUNT}")
    assert found.mlflow_tracking_uri.startswith(f"azureml://{REGION}.api.azureml.ms/mlflow/v1.0/")
    assert found.public_network_access == "Enabled"
    assert found.identity.type == "system_assigned"
    assert uuid.UUID(guid(WORKSPACE))
    # There are none in local Azure, and it does not say that there were.
    assert found.key_vault is None
    assert found.application_insights is None


def test_workspaces_are_listed_by_group_and_by_subscription(ml_client):
    for scope in ("resource_group", "subscription"):
        assert WORKSPACE in [found.name for found in ml_client.workspaces.list(scope=scope)]


def test_the_storage_key_of_a_workspace_opens_its_storage(ml_client):
    keys = ml_client.workspaces.get_keys()
    assert keys.user_storage_resource_id.endswith(STORAGE_ACCOUNT)
    assert call("POST", f"{HOME}/listStorageAccountKeys").json() == {
        "userStorageKey": keys.user_storage_key
    }
    service = BlobServiceClient(
        f"https://{STORAGE_ACCOUNT}.blob.core.windows.net", credential=keys.user_storage_key
    )
    assert "azureml-blobstore" in [container.name for container in service.list_containers()]


def test_the_life_of_a_workspace(ml_client, unique, tmp_path: Path):
    name = f"ws-{unique}"
    wanted = Workspace(name=name, location="North Europe", tags={"course": "azure"})
    made = ml_client.workspaces.begin_create(wanted).result()
    assert (made.name, made.location, made.tags["course"]) == (name, "northeurope", "azure")
    # The SDK's template gives it a storage account of its own, and that really is one.
    assert not made.storage_account.endswith(STORAGE_ACCOUNT)
    account = call("GET", made.storage_account, **{"api-version": "2023-05-01"})
    assert account.status_code == 200

    made_as = guid(name)

    path = tmp_path / "model.txt"
    path.write_text("weights")
    inside = client(name)
    model = inside.models.create_or_update(Model(path=str(path), name="mine"))
    assert f"/workspaces/{name}/" in model.id
    assert "mine" not in [found.name for found in ml_client.models.list()]

    changed = ml_client.workspaces.begin_update(
        Workspace(name=name, description="for a test", tags={"course": "local"})
    ).result()
    assert (changed.description, changed.tags) == ("for a test", {"course": "local"})
    # To create it again is to update it.
    again = ml_client.workspaces.begin_create(Workspace(name=name, display_name="Again")).result()
    assert (again.display_name, guid(name)) == ("Again", made_as)

    ml_client.workspaces.begin_delete(name, delete_dependent_resources=False).result()
    with pytest.raises(ResourceNotFoundError, match=f"workspaces/{name}.*was not found"):
        ml_client.workspaces.get(name)
    with pytest.raises(ResourceNotFoundError):
        inside.models.get("mine", "1")
    assert call("DELETE", f"{WORKSPACES}/{name}").status_code == 204


def test_a_plain_put_makes_a_workspace_too(local_azure, unique):
    path = f"{WORKSPACES}/put-{unique}"
    answer = call("PUT", path, {"location": REGION, "properties": {"description": "plain"}})
    assert answer.status_code == 202
    assert answer.json()["properties"]["provisioningState"] == "Creating"
    operation = call(
        "GET", answer.headers["Azure-AsyncOperation"].partition(".com")[2].split("?")[0]
    )
    assert operation.json()["status"] == "Succeeded"
    found = call("GET", path).json()
    assert found["properties"]["provisioningState"] == "Succeeded"
    assert found["properties"]["description"] == "plain"
    assert [one.name for one in client(f"put-{unique}").datastores.list()] == [
        "workspaceartifactstore",
        "workspaceblobstore",
    ]
    moved = {"location": REGION, "properties": {"storageAccount": f"{GROUP}/x/another"}}
    assert call("PUT", path, moved).json()["error"]["target"] == "storageAccount"


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        (Workspace(name="ab", location=REGION), "'ab' is invalid: 3 to 33"),
        (Workspace(name="a" * 34, location=REGION), "is invalid: 3 to 33"),
        (Workspace(name="elsewhere", location="mars"), "location 'mars' is not available"),
        (Hub(name="a-hub", location=REGION), "does not emulate workspaces of the kind hub"),
        (
            Workspace(name="vaulted", location=REGION, key_vault=f"{GROUP}/providers/a/b/c"),
            "does not emulate existing key vaults",
        ),
        (
            Workspace(name="stored", location=REGION, storage_account=f"{GROUP}/providers/a/b/c"),
            "storageAccount '.*' does not exist",
        ),
    ],
)
def test_a_workspace_that_cannot_be(ml_client, wanted, words):
    with pytest.raises(HttpResponseError, match=words):
        ml_client.workspaces.begin_create(wanted).result()
    assert call("GET", f"{WORKSPACES}/{wanted.name}").status_code == 404


def test_no_other_template_is_pretended_to_be_deployed(local_azure):
    path = f"{GROUP}/providers/Microsoft.Resources/deployments/other"
    template = {"resources": [{"type": "Microsoft.Web/sites"}]}
    answer = call("PUT", path, {"properties": {"mode": "Incremental", "template": template}})
    assert answer.status_code == 501
    assert call("GET", path).status_code == 404


@pytest.mark.parametrize(
    "ask",
    [
        lambda client: list(client.models.list()),
        lambda client: client.datastores.get_default(),
        lambda client: client.environments.get("e", "1"),
        lambda client: list(client.data.list()),
        lambda client: client.workspaces.get(),
    ],
)
def test_in_a_workspace_that_is_missing_everything_is(local_azure, ask):
    with pytest.raises(ResourceNotFoundError, match="workspaces/nowhere' under resource group"):
        ask(client("nowhere"))


def test_what_was_under_way_at_a_crash_is_finished(tmp_path: Path):
    store = Store(tmp_path / "state.db")
    store.put(Resource(GROUP_ID, "Microsoft.Resources/resourceGroups", {"location": REGION}))
    furnished: list[str] = []
    new, old = f"{WORKSPACES}/new", f"{WORKSPACES}/old"

    async def start() -> tuple[Changes, Workspaces]:
        changes = Changes(store, Operations(store))
        furnish = [lambda workspace: furnished.append(workspace.name)]
        workspaces = Workspaces(store, changes.operations, changes, NoBlobs(), furnish)
        await recover(changes)
        return changes, workspaces

    async def crash() -> list[str]:
        changes, workspaces = await start()
        await changes.run("create", workspaces.planned(old, WorkspaceSpec(REGION), {}), None)
        made = workspaces.planned(new, WorkspaceSpec(REGION), {})
        there = store.get(old)
        assert there
        begun = [changes.begin("create", made, None), changes.begin("delete", there, there)]
        await changes.close()  # before either has taken its first step
        return begun

    async def restart(begun: list[str]) -> list[ArmError | None]:
        changes, _ = await start()
        for operation in begun:
            await changes.wait(operation)
        return [changes.operations.error(operation) for operation in begun]

    begun = asyncio.run(crash())
    assert [found.state for found in map(store.get, (new, old)) if found] == [
        "Creating",
        "Deleting",
    ]
    furnished.clear()
    assert asyncio.run(restart(begun)) == [None, None]
    assert sorted(furnished) == [WORKSPACE, "new"]
    assert store.get(old) is None
    finished = store.get(new)
    assert finished is not None
    assert finished.properties["provisioningState"] == "Succeeded"
    store.close()


def test_a_patch_changes_what_azure_lets_change_and_nothing_else(local_azure, unique):
    path = f"{WORKSPACES}/patched-{unique}"
    assert call("PUT", path, {"location": REGION, "properties": {}}).status_code == 202
    before = until(lambda: (now := call("GET", path).json()) and is_done(now) and now)
    properties = {"friendlyName": "Patched", "description": "by PATCH", "imageBuildCompute": "none"}
    answer = call("PATCH", path, {"tags": {"a": "b"}, "properties": properties})
    after = answer.json()
    assert (answer.status_code, after["tags"]) == (200, {"a": "b"})
    assert properties.items() <= after["properties"].items()
    for refused in (
        {"location": "eastus" if before["location"] != "eastus" else "westus"},
        {"properties": {"hbiWorkspace": True}},
        {"properties": {"storageAccount": f"{before['properties']['storageAccount']}x"}},
    ):
        assert call("PATCH", path, refused).status_code in (400, 409)
    assert call("GET", path).json() == after
    assert call("DELETE", path).status_code == 202


def is_done(workspace: dict[str, Any]) -> bool:
    return bool(workspace["properties"]["provisioningState"] == "Succeeded")
