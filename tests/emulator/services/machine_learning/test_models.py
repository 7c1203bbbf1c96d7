"""Models through MLClient: files and folders, versions, archives, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from azure.ai.ml import MLClient
from azure.ai.ml.constants import AssetTypes, ListViewType
from azure.ai.ml.entities import Model
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.identity import DefaultAzureCredential
from azure.storage.blob import BlobServiceClient

from emulator.defaults import RESOURCE_GROUP, STORAGE_ACCOUNT, SUBSCRIPTION, WORKSPACE
from tests.emulator.services.arm import HOME, call


@pytest.fixture
def weights(tmp_path: Path, unique: str) -> Callable[..., str]:
    """Writes a file and answers its path."""

    def write(content: str = "", name: str = "weights.pt") -> str:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content or f"weights of {unique}")
        return str(path)

    return write


@pytest.fixture
def register(ml_client: MLClient, weights: Callable[..., str], unique: str):
    """Registers a model; its name, path and version can be given."""

    def put(**wanted) -> Model:
        settings = {"name": f"m-{unique}", "path": None, **wanted}
        return ml_client.models.create_or_update(
            Model(**{**settings, "path": settings["path"] or weights()})
        )

    return put


def versions(client: MLClient, name: str, **view) -> list[str]:
    return [found.version for found in client.models.list(name, **view)]


def test_a_file_comes_back_as_it_was(ml_client, register, weights, tmp_path):
    content = bytes(range(256)) * 20_000
    path = Path(weights(name="big.bin"))
    path.write_bytes(content)
    made = register(path=str(path), description="some bytes", tags={"framework": "none"})
    found = ml_client.models.get(made.name, "1")
    assert (found.version, found.type) == ("1", AssetTypes.CUSTOM_MODEL)
    assert (found.description, found.tags) == ("some bytes", {"framework": "none"})
    assert found.path.endswith("/big.bin")
    assert "/workspaces/" in found.path
    assert found.path.startswith("azureml://")
    assert found.creation_context.created_at is not None
    assert found.creation_context.created_by_type == "Application"
    ml_client.models.download(made.name, "1", str(tmp_path / "back"))
    assert (tmp_path / "back" / made.name / "big.bin").read_bytes() == content


def test_a_folder_comes_back_as_it_was(ml_client, register, weights, tmp_path):
    for name in ("model/a.txt", "model/deep/er/b.txt", "model/with space.txt"):
        weights(f"in {name}", name)
    made = register(path=str(tmp_path / "model"))
    ml_client.models.download(made.name, "1", str(tmp_path / "back"))
    back = tmp_path / "back" / made.name / "model"
    found = {str(path.relative_to(back)): path.read_text() for path in back.rglob("*.txt")}
    assert found == {
        "a.txt": "in model/a.txt",
        "deep/er/b.txt": "in model/deep/er/b.txt",
        "with space.txt": "in model/with space.txt",
    }


def test_versions_count_up_and_the_latest_is_the_newest(ml_client, register, weights):
    assert register().version == "1"
    assert register(path=weights("other")).version == "2"
    name = register(version="7").name
    assert register(path=weights("another")).version == "8"
    assert ml_client.models.get(name, label="latest").version == "8"
    assert versions(ml_client, name) == ["8", "7", "2", "1"]
    (listed,) = [found for found in ml_client.models.list() if found.name == name]
    assert listed.latest_version == "8"
    # The newest is the one that was made last, whatever its number.
    register(version="3", path=weights("late"))
    assert ml_client.models.get(name, label="latest").version == "3"


def test_two_names_for_the_same_content(ml_client, register, unique):
    first, second = register(name=f"a-{unique}"), register(name=f"b-{unique}")
    assert first.path == second.path
    assert (first.version, second.version) == ("1", "1")


def test_what_is_said_of_a_version_can_change_and_its_content_cannot(register, weights):
    made = register(description="before", version="1")
    changed = register(description="after", tags={"stage": "test"}, version="1")
    assert (changed.id, changed.path) == (made.id, made.path)
    assert (changed.description, changed.tags) == ("after", {"stage": "test"})
    assert changed.creation_context.created_at == made.creation_context.created_at
    assert changed.creation_context.last_modified_at > made.creation_context.last_modified_at
    with pytest.raises(HttpResponseError, match="A model with this name and version already") as no:
        register(path=weights("something else"), version="1")
    assert no.value.status_code == 400
    assert "only tags" in str(no.value).lower()


def test_a_version_is_archived_and_restored(ml_client, register, weights):
    name = register().name
    register(path=weights("second"))
    ml_client.models.archive(name, "1")
    assert versions(ml_client, name) == ["2"]
    assert versions(ml_client, name, list_view_type=ListViewType.ARCHIVED_ONLY) == ["1"]
    assert versions(ml_client, name, list_view_type=ListViewType.ALL) == ["2", "1"]
    # An archived version can still be used.
    assert ml_client.models.get(name, "1").version == "1"
    ml_client.models.restore(name, "1")
    assert versions(ml_client, name) == ["2", "1"]


def test_a_model_is_archived_and_restored_with_all_its_versions(ml_client, register):
    def listed(**view) -> list[str]:
        return [found.name for found in ml_client.models.list(**view)]

    name = register(description="stays").name
    ml_client.models.archive(name)
    assert name not in listed()
    assert name in listed(list_view_type=ListViewType.ARCHIVED_ONLY)
    assert versions(ml_client, name) == []
    with pytest.raises(HttpResponseError, match="Restore it without a version first"):
        ml_client.models.restore(name, "1")
    ml_client.models.restore(name)
    assert name in listed()
    assert versions(ml_client, name) == ["1"]
    assert ml_client.models.get(name, "1").description == "stays"


def test_models_are_filtered_by_stage(ml_client, register, weights):
    name = register(stage="Production").name
    register(path=weights("second"))
    found = ml_client.models.list(name, stage="Production")
    assert [model.version for model in found] == ["1"]


def test_the_flavours_of_an_mlflow_model_are_read_from_its_folder(
    ml_client, register, weights, tmp_path
):
    weights(
        "flavors:\n"
        "  python_function: {env: {conda: conda.yaml}, loader_module: mlflow.sklearn}\n"
        "  sklearn: {code: null, sklearn_version: 1.9.0}\n",
        "mlflow/MLmodel",
    )
    made = register(path=str(tmp_path / "mlflow"), type=AssetTypes.MLFLOW_MODEL)
    found = ml_client.models.get(made.name, "1")
    assert found.type == AssetTypes.MLFLOW_MODEL
    assert found.flavors == {
        "python_function": {"env": '{"conda": "conda.yaml"}', "loader_module": "mlflow.sklearn"},
        "sklearn": {"code": "", "sklearn_version": "1.9.0"},
    }


def test_a_folder_without_mlmodel_has_the_flavours_that_it_is_registered_with(
    ml_client, register, weights, tmp_path
):
    weights(name="mlflow/weights.pt")
    flavors = {"onnx": {"onnx_version": "1.17"}}
    made = register(path=str(tmp_path / "mlflow"), type="mlflow_model", flavors=flavors)
    assert ml_client.models.get(made.name, "1").flavors == flavors


def test_a_model_that_is_in_blob_storage_already(ml_client, register, unique):
    container = BlobServiceClient(
        f"https://{STORAGE_ACCOUNT}.blob.core.windows.net", credential=DefaultAzureCredential()
    ).get_container_client("azureml-blobstore")
    container.upload_blob(f"{unique}/weights.pt", b"there already")
    for number, path in enumerate(
        (
            f"azureml://datastores/workspaceblobstore/paths/{unique}/",
            f"azureml://datastores/workspaceblobstore/paths/{unique}/weights.pt",
            f"{container.url}/{unique}",
        )
    ):
        made = register(name=f"there-{number}-{unique}", path=path)
        assert made.version == "1"
    long = ml_client.models.get(f"there-1-{unique}", "1").path
    assert long == (
        f"azureml://subscriptions/{SUBSCRIPTION}/resourceGroups/{RESOURCE_GROUP}/workspaces/"
        f"{WORKSPACE}/datastores/workspaceblobstore/paths/{unique}/weights.pt"
    )


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        ({"version": "1.0"}, "Model version must be a positive integer"),
        ({"version": "0"}, "Model version must be a positive integer"),
        ({"name": "a name"}, "model name 'a name' is invalid"),
        ({"name": "-a"}, "model name '-a' is invalid"),
        (
            {"path": "azureml://datastores/workspaceblobstore/paths/nowhere"},
            "no file or folder 'nowhere' in the container 'azureml-blobstore'",
        ),
        ({"path": "azureml://datastores/nostore/paths/x"}, "datastore with name: nostore"),
        ({"path": "azureml://jobs/j/outputs/artifacts/paths/model"}, "outputs of jobs"),
        ({"path": "https://elsewhere.example/model"}, "not the address of a blob"),
    ],
)
def test_a_model_that_cannot_be(ml_client, register, unique, wanted, words):
    with pytest.raises(HttpResponseError, match=words):
        register(**wanted)
    assert f"m-{unique}" not in [found.name for found in ml_client.models.list()]


def test_a_model_that_is_not_there(ml_client, register, unique):
    register()
    with pytest.raises(ResourceNotFoundError, match="Model container with name: nothing not found"):
        ml_client.models.get("nothing", "1")
    with pytest.raises(ResourceNotFoundError, match=f"name: m-{unique} and version: 9 not found"):
        ml_client.models.get(f"m-{unique}", "9")
    with pytest.raises(ResourceNotFoundError, match=r"\(UserError\) The specified resource was"):
        ml_client.models.get("nothing", label="latest")
    with pytest.raises(ResourceNotFoundError):
        ml_client.models.archive("nothing", "1")


def test_versions_and_models_are_deleted_by_rest(ml_client, register, weights):
    name = register().name
    register(path=weights("second"))
    assert call("DELETE", f"{HOME}/models/{name}/versions/1").status_code == 200
    assert call("DELETE", f"{HOME}/models/{name}/versions/1").status_code == 204
    assert versions(ml_client, name) == ["2"]
    assert call("DELETE", f"{HOME}/models/{name}").status_code == 200
    assert call("GET", f"{HOME}/models/{name}/versions/2").status_code == 404


def test_lists_refuse_what_they_would_get_wrong(local_azure, register):
    name = register().name
    path = f"{HOME}/models/{name}/versions"
    assert call("GET", path, **{"$orderBy": "size"}).status_code == 501
    assert call("GET", path, listViewType="Some").status_code == 400


def test_many_clients_at_once(register, weights, unique):
    paths = [weights(f"model {number}", f"{number}.pt") for number in range(12)]

    def one(number: int) -> str:
        return register(name=f"many-{unique}", version=str(number + 1), path=paths[number]).version

    with ThreadPoolExecutor(12) as pool:
        assert sorted(pool.map(one, range(12)), key=int) == [str(n + 1) for n in range(12)]


def test_models_survive_a_kill(another_azure, monkeypatch, weights, tmp_path):
    for name, value in another_azure.environment.items():
        monkeypatch.setenv(name, value)

    def client() -> MLClient:
        for name, value in another_azure.environment.items():
            monkeypatch.setenv(name, value)
        return MLClient(DefaultAzureCredential(), SUBSCRIPTION, RESOURCE_GROUP, WORKSPACE)

    before = client()
    made = before.models.create_or_update(Model(name="kept", path=weights("kept"), tags={"a": "b"}))
    workspace = call("GET", HOME).json()
    another_azure.kill()
    another_azure.start()
    after = client()
    found = after.models.get("kept", "1")
    assert (found.id, found.path, found.tags) == (made.id, made.path, {"a": "b"})
    assert call("GET", HOME).json() == workspace
    after.models.download("kept", "1", str(tmp_path / "back"))
    assert (tmp_path / "back" / "kept" / "weights.pt").read_text() == "kept"


def test_versions_are_listed_by_what_is_said_of_them(register, weights, unique):
    for number, tags in enumerate(({"a": "1"}, {"a": "2"}, {"b": "1"})):
        register(path=weights(f"number {number}"), tags=tags)
    path = f"{HOME}/models/m-{unique}/versions"

    def listed(**query: str) -> list[str]:
        return [found["name"] for found in call("GET", path, **query).json()["value"]]

    assert listed(tags="a") == ["2", "1"]
    assert listed(tags="a=2") == ["2"]
    assert listed(tags="a,b") == []
    assert listed(version="3") == ["3"]
    assert listed(offset="1") == ["2", "1"]
    assert listed(properties="nothing") == []
    assert call("GET", path, offset="some").status_code == 400
    assert call("GET", path, feed="azureml").status_code == 501


def test_the_older_name_of_a_type_is_the_same_type(register, unique):
    found = register()
    body = {"properties": {"modelUri": found.path, "modelType": "CustomModel"}}
    answer = call("PUT", f"{HOME}/models/older-{unique}/versions/1", body)
    assert answer.json()["properties"]["modelType"] == "custom_model"
