"""Environments through MLClient: conda files and images, versions, curated ones."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from azure.ai.ml.entities import BuildContext, Environment
from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceNotFoundError

from tests.emulator.services.arm import HOME, call

IMAGE = "mcr.microsoft.com/azureml/minimal-py311-inference:latest"
CONDA = {
    "name": "digits",
    "channels": ["conda-forge"],
    "dependencies": ["python=3.11", "pip", {"pip": ["numpy~=2.4"]}],
}
CURATED = "AzureML-sklearn-0.24.1-ubuntu18.04-py37-cpu-inference"


@pytest.fixture
def register(ml_client, tmp_path: Path, unique: str):
    """Registers an environment; what it is made of can be given."""
    conda = tmp_path / "conda.yaml"
    conda.write_text(json.dumps(CONDA))

    def put(**wanted) -> Environment:
        settings = {"name": f"e-{unique}", "image": IMAGE, "conda_file": str(conda), **wanted}
        return ml_client.environments.create_or_update(Environment(**settings))

    return put


def versions(client, name: str) -> list[str]:
    return [found.version for found in client.environments.list(name)]


def test_a_conda_file_and_an_image(ml_client, register):
    made = register(description="for digits", tags={"python": "3.11"})
    found = ml_client.environments.get(made.name, "1")
    assert (found.image, found.conda_file) == (IMAGE, CONDA)
    assert (found.description, found.tags) == ("for digits", {"python": "3.11"})
    assert found.os_type == "Linux"
    assert found.creation_context.created_at is not None


def test_azure_keeps_the_conda_file_as_json(local_azure, register):
    name = register().name
    properties = call("GET", f"{HOME}/environments/{name}/versions/1").json()["properties"]
    assert properties["condaFile"] == json.dumps(json.loads(properties["condaFile"]), indent=2)
    assert json.loads(properties["condaFile"]) == CONDA
    assert properties["environmentType"] == "UserCreated"


def test_an_image_alone(ml_client, register):
    name = register(conda_file=None).name
    found = ml_client.environments.get(name, "1")
    assert (found.image, found.conda_file) == (IMAGE, None)


def test_a_build_context_is_uploaded_and_kept(ml_client, register, tmp_path):
    context = tmp_path / "context"
    context.mkdir()
    (context / "Dockerfile").write_text(f"FROM {IMAGE}\n")
    name = register(image=None, conda_file=None, build=BuildContext(path=str(context))).name
    found = ml_client.environments.get(name, "1")
    assert found.build.dockerfile_path == "Dockerfile"
    assert found.build.path.rstrip("/").endswith("/context")


def test_without_a_version_the_same_is_kept_and_another_counts_up(ml_client, register):
    name = register().name
    assert register(description="said anew").version == "1"
    assert ml_client.environments.get(name, "1").description == "said anew"
    assert register(image=f"{IMAGE}-other").version == "2"
    assert versions(ml_client, name) == ["2", "1"]
    assert ml_client.environments.get(name, label="latest").version == "2"
    (listed,) = [found for found in ml_client.environments.list() if found.name == name]
    assert listed.latest_version == "2"


def test_a_version_cannot_get_another_content(register):
    made = register(version="2026.1")
    assert made.version == "2026.1"
    message = f"Environment {made.name} with version 2026.1 is already registered and cannot be"
    with pytest.raises(ResourceExistsError, match=message):
        register(version="2026.1", image=f"{IMAGE}-other")


def test_archive_and_restore(ml_client, register):
    name = register().name
    ml_client.environments.archive(name, "1")
    assert versions(ml_client, name) == []
    ml_client.environments.restore(name, "1")
    assert versions(ml_client, name) == ["1"]
    ml_client.environments.archive(name)
    assert name not in [found.name for found in ml_client.environments.list()]


def test_curated_environments_can_be_read_and_not_changed(ml_client):
    # Azure has many more: a list of these few would look like all.
    assert CURATED not in [found.name for found in ml_client.environments.list()]
    answer = call("GET", f"{HOME}/environments/{CURATED}/versions")
    assert (answer.status_code, CURATED in answer.text) == (501, True)
    for which in ({"version": "1"}, {"label": "latest"}):
        with pytest.raises(HttpResponseError, match=r"environment 'AzureML-ACPT.*'") as refused:
            ml_client.environments.get("AzureML-ACPT-pytorch-1.13-py38-cuda11.7-gpu", **which)
        assert refused.value.status_code == 501
    found = ml_client.environments.get(CURATED, label="latest")
    assert (
        found.image
        == "mcr.microsoft.com/azureml/sklearn-0.24.1-ubuntu18.04-py37-cpu-inference:latest"
    )
    assert "scikit-learn==0.24.1" in found.conda_file["dependencies"][-1]["pip"]
    assert found.creation_context.created_by == "Microsoft"
    with pytest.raises(HttpResponseError, match="can not start with the prefix AzureML"):
        ml_client.environments.archive(CURATED)
    with pytest.raises(HttpResponseError, match="can not start with the prefix AzureML"):
        ml_client.environments.create_or_update(Environment(name="AzureML-mine", image=IMAGE))
    assert call("DELETE", f"{HOME}/environments/{CURATED}").status_code == 400


@pytest.mark.parametrize(
    ("properties", "words"),
    [
        ({}, "needs a base image"),
        ({"image": IMAGE, "build": {"contextUri": "x"}}, "mutually exclusive"),
        ({"image": IMAGE, "condaFile": "a: [1"}, "The conda file is not YAML"),
        ({"image": IMAGE, "condaFile": "- just\n- a list"}, "must be a mapping"),
        ({"image": IMAGE, "condaFile": "dependencies: numpy"}, "must be a mapping"),
        ({"build": {"contextUri": "https://example.org/x"}}, "not the address of a blob"),
    ],
)
def test_an_environment_that_cannot_be(local_azure, unique, properties, words):
    path = f"{HOME}/environments/bad-{unique}/versions/1"
    answer = call("PUT", path, {"properties": properties})
    assert answer.status_code == 400
    assert words in answer.json()["error"]["message"]
    assert call("GET", path).status_code == 404


def test_an_environment_that_is_not_there(ml_client):
    message = "No environment exists for name: nothing, version: , label: "
    with pytest.raises(ResourceNotFoundError, match=message):
        ml_client.environments.get("nothing", "3")
    with pytest.raises(ResourceNotFoundError, match=message):
        ml_client.environments.get("nothing", label="latest")
