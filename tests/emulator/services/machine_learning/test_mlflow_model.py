"""What is read of an MLflow model's folder, and the list of packages that comes of it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from emulator.services.machine_learning.mlflow_model import (
    MlflowModel,
    MlflowModelError,
    read_mlflow_model,
)

MLMODEL = "flavors:\n  python_function: {env: %s, loader_module: mlflow.sklearn}\n"


def read(files: dict[str, str]) -> MlflowModel:
    return read_mlflow_model(files.get)


def packages(files: dict[str, str], *added: str) -> list[Any]:
    found = json.loads(read(files).conda_file(*added))["dependencies"]
    assert isinstance(found, list)
    return found


def test_a_conda_file_is_taken_as_it_is_with_what_it_lacks():
    conda = "dependencies: [python=3.10, pip<25, {pip: [mlflow==2.9, numpy==1.26.4]}]"
    files = {"MLmodel": MLMODEL % "{conda: deep/conda.yml}", "deep/conda.yml": conda}
    assert packages(files, "azureml-inference-server-http", "numpy") == [
        "python=3.10",
        "pip<25",
        {"pip": ["mlflow==2.9", "numpy==1.26.4"]},
        {"pip": ["azureml-inference-server-http"]},
    ]


def test_the_file_of_mlflow_1_names_a_conda_file_alone():
    files = {"MLmodel": MLMODEL % "conda.yaml", "conda.yaml": "dependencies: [mlflow=1.30]"}
    assert packages(files) == ["mlflow=1.30"]


def test_a_list_without_mlflow_gets_that_of_the_model():
    files = {"MLmodel": "mlflow_version: 2.9.2\n" + MLMODEL % "{}"}
    files["conda.yaml"] = "dependencies: [conda-forge::pandas=2.2, scikit-learn]"
    assert packages(files)[-1] == {"pip": ["mlflow-skinny==2.9.2"]}


def test_a_virtual_environment_and_the_requirements_that_it_names():
    files = {
        "MLmodel": MLMODEL % "{virtualenv: python_env.yaml}",
        "python_env.yaml": "python: 3.11.4\ndependencies: [-r requirements.txt]",
        "requirements.txt": "# made by MLflow\nmlflow==3.1\n\nscikit-learn==1.7\n",
    }
    assert packages(files) == [
        "python=3.11.4",
        "pip",
        {"pip": ["mlflow==3.1", "scikit-learn==1.7"]},
    ]
    del files["python_env.yaml"]
    assert packages(files) == ["pip", {"pip": ["mlflow==3.1", "scikit-learn==1.7"]}]


def test_a_model_without_a_list_has_what_is_in_the_image():
    (_, listed) = packages({"MLmodel": MLMODEL % "{}"})
    assert {"mlflow", "scikit-learn"} <= set(listed["pip"])


@pytest.mark.parametrize(
    ("files", "says"),
    [
        ({}, "There is no file MLmodel"),
        ({"MLmodel": "a: [1"}, "The model's file MLmodel is not YAML"),
        ({"MLmodel": "- a"}, "is no mapping"),
        ({"MLmodel": "run_id: 1"}, "names no flavors"),
        ({"MLmodel": "flavors: {sklearn: {}}", "conda.yaml": "channels: []"}, "'dependencies'"),
        (
            {"MLmodel": "flavors: {a: {}}", "python_env.yaml": "dependencies: [-r other.txt]"},
            "no file other.txt",
        ),
    ],
)
def test_a_folder_that_is_no_model_says_why(files: dict[str, str], says: str):
    with pytest.raises(MlflowModelError, match=says):
        read(files)


def test_a_model_that_only_its_framework_can_load_is_no_pyfunc():
    assert not read({"MLmodel": "flavors: {sklearn: }"}).is_pyfunc
    assert read({"MLmodel": MLMODEL % "{}"}).is_pyfunc
