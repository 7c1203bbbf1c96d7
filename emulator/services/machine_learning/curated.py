"""Environments that Azure keeps ready; a few of them.

https://learn.microsoft.com/azure/machine-learning/resource-curated-environments
https://learn.microsoft.com/azure/machine-learning/concept-prebuilt-docker-images-inference

Those of WORKSPACE are in every workspace, named AzureML-...; the newer ones of REGISTRY are in the
registry "azureml" and referred to by azureml://registries/azureml/environments/.... Their
definitions are public in the repository Azure/azureml-assets; packages that only training needs
are left out here.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from emulator.store import Resource

# Microsoft's own have been there since before the workspace.
SINCE = {
    "createdAt": "2021-12-15T00:51:33.743187Z",
    "createdBy": "Microsoft",
    "createdByType": "User",
    "lastModifiedAt": "2021-12-15T00:51:33.743187Z",
    "lastModifiedBy": "Microsoft",
    "lastModifiedByType": "User",
}
VERSION = "1"
# Nobody can change them, and they have no files.
PRIVATE = {"curated": True}
_REGISTRY_TYPE = "Microsoft.MachineLearningServices/registries/environments/versions"
_MCR = "mcr.microsoft.com/azureml"


@dataclass(frozen=True)
class CuratedEnvironment:
    """`python` is the interpreter's version, `packages` are pip requirements."""

    name: str
    image: str
    python: str
    packages: tuple[str, ...]
    description: str
    tags: dict[str, str] = field(default_factory=dict)

    def container(self) -> dict[str, Any]:
        return {"properties": self._said(), "systemData": SINCE}

    def version(self) -> dict[str, Any]:
        conda = {
            "name": "project_environment",
            "channels": ["conda-forge"],
            "dependencies": [f"python={self.python}", "pip", {"pip": list(self.packages)}],
        }
        content = {
            "isAnonymous": False,
            "environmentType": "Curated",
            "image": self.image,
            "build": None,
            "condaFile": json.dumps(conda, indent=2),
            "osType": "Linux",
            "inferenceConfig": None,
            "autoRebuild": "Disabled",
            "stage": "Production",
            "provisioningState": "Succeeded",
        }
        return {"properties": {**self._said(), **content}, "systemData": SINCE}

    def _said(self) -> dict[str, Any]:
        return {
            "description": self.description,
            "tags": self.tags,
            "properties": {},
            "isArchived": False,
        }


def _prebuilt(name: str, python: str, packages: tuple[str, ...], what: str) -> CuratedEnvironment:
    """A prebuilt image for inference and the environment of the same name."""
    server = "azureml-inference-server-http"
    return CuratedEnvironment(
        name=f"AzureML-{name}",
        image=f"{_MCR}/{name}:latest",
        python=python,
        packages=(server, *packages),
        description=f"Prebuilt image for inference with {what}.",
        tags={"Inferencing": ""},
    )


WORKSPACE = (
    _prebuilt("minimal-ubuntu18.04-py37-cpu-inference", "3.7", (), "no framework"),
    _prebuilt(
        "sklearn-0.24.1-ubuntu18.04-py37-cpu-inference",
        "3.7",
        ("scikit-learn==0.24.1", "numpy>=1.16.0", "pandas~=1.1.0"),
        "scikit-learn 0.24.1",
    ),
    _prebuilt(
        "pytorch-1.7-ubuntu18.04-py37-cpu-inference",
        "3.7",
        ("torch==1.7.*", "numpy>=1.16.0", "pandas~=1.1.0"),
        "PyTorch 1.7",
    ),
    _prebuilt(
        "tensorflow-2.4-ubuntu18.04-py37-cpu-inference",
        "3.7",
        ("tensorflow==2.4.*", "numpy>=1.16.0", "pandas~=1.1.0"),
        "TensorFlow 2.4",
    ),
)

REGISTRY = (
    CuratedEnvironment(
        name="minimal-py311-inference",
        image=f"{_MCR}/minimal-py311-inference:latest",
        python="3.11",
        packages=("azureml-inference-server-http", "numpy", "joblib"),
        description="AzureML minimal/Ubuntu 22.04/Python 3.11 cpu environment.",
        tags={"OS": "Ubuntu22.04", "Inferencing": ""},
    ),
    CuratedEnvironment(
        name="minimal-ubuntu22.04-py39-cpu-inference",
        image=f"{_MCR}/minimal-ubuntu22.04-py39-cpu-inference:latest",
        python="3.9",
        packages=("azureml-inference-server-http",),
        description="AzureML minimal/Ubuntu 22.04/Python 3.9 cpu environment.",
        tags={"OS": "Ubuntu22.04", "Inferencing": "", "Preview": ""},
    ),
    CuratedEnvironment(
        name="sklearn-1.5",
        image=f"{_MCR}/curated/sklearn-1.5:latest",
        python="3.10",
        packages=(
            "azureml-inference-server-http",
            "joblib~=1.2.0",
            "numpy~=1.22.0",
            "pandas~=1.5.3",
            "scikit-learn~=1.5.0",
            "scipy~=1.10.0",
        ),
        description=(
            "An environment for tasks such as regression, clustering, and classification with "
            "Scikit-learn. Contains the Azure ML SDK and additional python packages."
        ),
        tags={"Scikit-learn": "1.5", "Training": "", "Python": "3.10"},
    ),
)


def registry_environment(name: str, version: str) -> Resource | None:
    """The environment of the registry "azureml"; "latest" and its only version are the same."""
    for environment in REGISTRY:
        if environment.name == name and version in (VERSION, "latest"):
            reference = f"azureml://registries/azureml/environments/{name}/versions/{VERSION}"
            return Resource(reference, _REGISTRY_TYPE, environment.version(), PRIVATE)
    return None
