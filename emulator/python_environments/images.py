"""The base images of environments: which packages Microsoft's have.

https://learn.microsoft.com/azure/machine-learning/concept-prebuilt-docker-images-inference
https://github.com/Azure/AzureML-Containers

registry_environments.json holds the environments for inference of the registry "azureml", and
sklearn-1.5, which tutorials deploy with: every version, with the list of its image. They are those
of https://github.com/Azure/azureml-assets, whose tags environment/NAME/VERSION have each as it was
published, until 2026-07-23. What an image gets afterwards, against a weakness that was found, is
left out: two pins of sklearn-1.5's exclude one another otherwise.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

LATEST = "latest"
SERVER = "azureml-inference-server-http"
_IMAGE = re.compile(
    r"mcr\.microsoft\.com/azureml/(?:curated/)?(?P<name>[^:@]+)(?::(?P<tag>[^@]+))?(?:@.+)?"
)
# Images with Miniconda and no packages, in which jobs run.
_BARE = re.compile(r"(?:openmpi|intelmpi|base|o16n)[\w.-]*")


@dataclass(frozen=True)
class BaseImage:
    """`dependencies` are those of the conda file that the image was built from, None where it is
    not known what is in it. `has_server`: it brings the inference server for every environment.
    """

    dependencies: list[Any] | None
    has_server: bool


def _prebuilt(python: str, *packages: str) -> list[Any]:
    return [f"python={python}", {"pip": [SERVER, *packages]}]


# Prebuilt images that are in no registry of environments.
_PREBUILT = {
    "minimal-ubuntu18.04-py37-cpu-inference": _prebuilt("3.7"),
    "minimal-ubuntu20.04-py311-cpu-inference": _prebuilt("3.11"),
    "minimal-ubuntu20.04-py39-cpu-inference": _prebuilt("3.9"),
    "minimal-ubuntu20.04-py39-cuda11.6.2-inference": _prebuilt("3.9"),
    "minimal-ubuntu22.04-py311-cpu-inference": _prebuilt("3.11", "numpy"),
    "minimal-ubuntu22.04-py39-cpu-inference": _prebuilt("3.9"),
    "minimal-ubuntu22.04-py39-cuda11.8-gpu-inference": _prebuilt("3.9"),
    "pytorch-1.7-ubuntu18.04-py37-cpu-inference": _prebuilt(
        "3.7", "torch==1.7.*", "numpy>=1.16.0", "pandas~=1.1.0"
    ),
    "sklearn-0.24.1-ubuntu18.04-py37-cpu-inference": _prebuilt(
        "3.7", "scikit-learn==0.24.1", "numpy>=1.16.0", "pandas~=1.1.0"
    ),
    "tensorflow-2.4-ubuntu18.04-py37-cpu-inference": _prebuilt(
        "3.7", "tensorflow==2.4.*", "numpy>=1.16.0", "pandas~=1.1.0"
    ),
}


@dataclass(frozen=True)
class RegistryEnvironment:
    """An environment of the registry: what is said of it, and the list of each version."""

    description: str
    tags: dict[str, str]
    lists: dict[str, list[Any]]

    @property
    def newest(self) -> str:
        return next(reversed(self.lists))

    def dependencies(self, version: str) -> list[Any]:
        """The list of a version. That of the newest has no pins: an image is rebuilt every few
        days with the newest packages, so that those of a day would be wrong on the next."""
        if version in self.lists and version != self.newest:
            return self.lists[version]
        return [
            {"pip": [re.sub(r"==.*", "", line) for line in entry["pip"]]}
            if isinstance(entry, dict)
            else entry
            for entry in self.lists[self.newest]
        ]


@cache
def registry_environments() -> dict[str, RegistryEnvironment]:
    """The environments by name. Others are in the registry, too: for training, and Microsoft's."""
    file = Path(__file__).with_name("registry_environments.json")
    return {
        name: RegistryEnvironment(
            environment["description"],
            environment["tags"],
            {
                version: each["dependencies"]
                for each in environment["lists"]
                for version in each["versions"]
            },
        )
        for name, environment in json.loads(file.read_text()).items()
    }


def find_image(reference: str) -> BaseImage:
    """What is known of an image."""
    match = _IMAGE.fullmatch(reference.strip())
    if match is None:
        return BaseImage(None, has_server=False)
    name, tag = match["name"], match["tag"] or LATEST
    has_server = "inference" in name
    if found := registry_environments().get(name):
        return BaseImage(found.dependencies(tag), has_server)
    if name in _PREBUILT:
        return BaseImage(_PREBUILT[name], has_server)
    return BaseImage([] if _BARE.fullmatch(name) else None, has_server)
