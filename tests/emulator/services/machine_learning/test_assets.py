"""How deployments refer to assets, and where the files of an asset are."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from emulator.arm.errors import ArmError
from emulator.arm.http import ArmRequest
from emulator.defaults import RESOURCE_GROUP, SUBSCRIPTION, WORKSPACE
from emulator.services.machine_learning.assets import locate, resolve
from emulator.services.machine_learning.blobs import BlobLocation, parse_blob_url
from emulator.services.machine_learning.deployment_spec import DeploymentSpec
from emulator.services.machine_learning.models import Models
from emulator.services.machine_learning.paths import ONLINE_DEPLOYMENT_TYPE, WORKSPACE_TYPE
from emulator.store import Resource, Store
from tests.emulator.services.arm import HOME, NoBlobs


@pytest.fixture
def store(tmp_path: Path):
    """Two versions of a model, the second registered before the first, and an environment."""
    made = Store(tmp_path / "state.db")
    assets = {"models/digits": ("2", "1"), "environments/AzureML-minimal": ("1",)}
    for asset, versions in assets.items():
        collection = asset.partition("/")[0]
        made.put(Resource(f"{HOME}/{asset}", f"{WORKSPACE_TYPE}/{collection}", {}))
        for moment, version in enumerate(versions):
            body = {"systemData": {"createdAt": f"2026-01-0{moment + 1}"}}
            files = {"account": "acc", "container": "con", "path": f"v{version}"}
            version_id = f"{HOME}/{asset}/versions/{version}"
            kind = f"{WORKSPACE_TYPE}/{collection}/versions"
            made.put(Resource(version_id, kind, body, {"location": files}))
    yield made
    made.close()


@pytest.mark.parametrize(
    ("reference", "version"),
    [
        (f"{HOME}/models/digits/versions/1", "1"),
        (f"{HOME.upper()}/MODELS/digits/versions/2", "2"),
        (f"azureml:{HOME}/models/digits/versions/1", "1"),
        ("azureml:digits:2", "2"),
        ("digits:2", "2"),
        ("azureml:digits@latest", "1"),
    ],
)
def test_references_to_a_model(store, reference, version):
    found = resolve(store, HOME, "models", reference)
    assert found.name == version
    assert locate(found) == BlobLocation("acc", "con", f"v{version}")


def test_references_to_curated_environments(store):
    for reference in ("azureml:AzureML-minimal:1", "azureml:AzureML-minimal@latest"):
        assert resolve(store, HOME, "environments", reference).id.endswith("minimal/versions/1")
    base = "azureml://registries/azureml/environments/minimal-py311-inference"
    for reference, version in ((f"{base}/versions/1", "1"), (f"{base}/labels/latest", "56")):
        found = resolve(store, HOME, "environments", reference)
        image = f"mcr.microsoft.com/azureml/curated/minimal-py311-inference:{version}"
        assert (found.properties["image"], found.properties["condaFile"]) == (image, "")
        with pytest.raises(LookupError):
            locate(found)


@pytest.mark.parametrize(
    ("collection", "reference", "status"),
    [
        ("models", f"{HOME}/models/digits/versions/3", 404),
        ("models", f"{HOME}/models/digits", 404),
        ("models", f"{HOME}/environments/AzureML-minimal/versions/1", 404),
        ("models", "azureml:nothing@latest", 404),
        ("models", "digits", 404),
        ("models", "", 404),
        ("environments", "azureml://registries/azureml/environments/none/versions/1", 501),
        ("environments", "azureml:AzureML-ACPT-pytorch-1.13-py38-cuda11.7-gpu@latest", 501),
        (
            "environments",
            "azureml://registries/azureml/environments/minimal-py311-inference/versions/9999",
            404,
        ),
        (
            "environments",
            "azureml://registries/mine/environments/minimal-py311-inference/versions/1",
            501,
        ),
        ("models", "azureml://registries/azureml/models/a/versions/1", 501),
    ],
)
def test_references_to_nothing_say_what_was_looked_for(store, collection, reference, status):
    with pytest.raises(ArmError) as error:
        resolve(store, HOME, collection, reference)
    assert error.value.status == status
    assert reference in error.value.message


def test_what_a_deployment_uses_cannot_be_deleted(store):
    store.put(Resource(HOME, WORKSPACE_TYPE, {}))
    model_id = f"{HOME}/models/digits/versions/2"
    deployment_id = f"{HOME}/onlineEndpoints/e/deployments/blue"
    spec = DeploymentSpec("Standard_D4as_v4", 1, "e", "c", "score.py", model_id.upper())
    store.put(Resource(deployment_id, ONLINE_DEPLOYMENT_TYPE, spec.to_body()))
    models = Models(store, NoBlobs())
    params = {
        "subscriptionId": SUBSCRIPTION,
        "resourceGroupName": RESOURCE_GROUP,
        "workspaceName": WORKSPACE,
    }

    def delete(asset_id: str) -> int:
        request = ArmRequest("DELETE", asset_id, params, {}, {}, None)
        return asyncio.run(models.delete_version(request)).status

    for used in (model_id, f"{HOME}/models/digits"):
        with pytest.raises(ArmError, match="is used by the deployment 'blue'"):
            delete(used)
    assert delete(f"{HOME}/models/digits/versions/1") == 200
    store.delete(deployment_id)
    assert delete(model_id) == 200


def test_blob_addresses():
    place = BlobLocation("account1", "container", "a folder/score.py")
    url = "https://account1.blob.core.windows.net:443/container/a%20folder/score.py"
    assert parse_blob_url(url) == place
    assert parse_blob_url("https://account1.blob.core.windows.net/c") == BlobLocation(
        "account1", "c", ""
    )
    for wrong in (
        "http://account1.blob.core.windows.net/c/b",
        "https://account1.blob.core.windows.net",
        "https://account1.blob.core.windows.net.evil.example/c/b",
        "https://evil.example/account1.blob.core.windows.net/c",
        "nonsense",
    ):
        with pytest.raises(ArmError, match="not the address of a blob"):
            parse_blob_url(wrong)
