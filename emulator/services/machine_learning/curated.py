"""Environments that Azure keeps ready.

https://learn.microsoft.com/azure/machine-learning/resource-curated-environments
https://learn.microsoft.com/azure/machine-learning/how-to-use-environments

Those of the registry "azureml" are referred to by azureml://registries/azureml/environments/...;
of these the ones for inference are here (python_environments/images.py says whence). The older ones
are in every workspace, named AzureML-...; of them the ones for inference that have an image of the
same name are here, and can be read and deployed with. As they are not all, no list shows them.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from emulator.arm.errors import not_emulated
from emulator.python_environments.images import LATEST, find_image, registry_environments
from emulator.store import Resource

# How the names of those in a workspace begin.
RESERVED = "AzureML"
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
    """`dependencies` are those of its conda file; without any it is the image alone."""

    name: str
    image: str
    description: str
    dependencies: list[Any] | None = None
    tags: dict[str, str] = field(default_factory=dict)

    def container(self) -> dict[str, Any]:
        return {"properties": self._said(), "systemData": SINCE}

    def version(self) -> dict[str, Any]:
        conda = {
            "name": "project_environment",
            "channels": ["conda-forge"],
            "dependencies": self.dependencies,
        }
        content = {
            "isAnonymous": False,
            "environmentType": "Curated",
            "image": self.image,
            "build": None,
            "condaFile": json.dumps(conda, indent=2) if self.dependencies else "",
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


def _prebuilt(name: str, what: str) -> CuratedEnvironment:
    """A prebuilt image for inference and the environment of the same name."""
    image = f"{_MCR}/{name}:latest"
    return CuratedEnvironment(
        name=f"{RESERVED}-{name}",
        image=image,
        description=f"Prebuilt image for inference with {what}.",
        dependencies=find_image(image).dependencies,
        tags={"Inferencing": ""},
    )


WORKSPACE = (
    _prebuilt("minimal-ubuntu18.04-py37-cpu-inference", "no framework"),
    _prebuilt("sklearn-0.24.1-ubuntu18.04-py37-cpu-inference", "scikit-learn 0.24.1"),
    _prebuilt("pytorch-1.7-ubuntu18.04-py37-cpu-inference", "PyTorch 1.7"),
    _prebuilt("tensorflow-2.4-ubuntu18.04-py37-cpu-inference", "TensorFlow 2.4"),
)


def registry_environment(name: str, version: str) -> Resource | None:
    """A version of an environment of the registry "azureml", or its "latest".

    None for a version that there is not. Raises ArmError 501 for an environment that is not here.
    """
    known = registry_environments().get(name)
    if known is None:
        raise not_emulated(
            "the registry environment "
            f"azureml://registries/azureml/environments/{name}/versions/{version}"
        )
    version = known.newest if version == LATEST else version
    if version not in known.lists:
        return None
    environment = CuratedEnvironment(
        name, f"{_MCR}/curated/{name}:{version}", known.description, tags=known.tags
    )
    reference = f"azureml://registries/azureml/environments/{name}/versions/{version}"
    return Resource(reference, _REGISTRY_TYPE, environment.version(), PRIVATE)
