"""What is known of base images."""

from __future__ import annotations

import pytest

from emulator.python_environments.conda import read_dependencies
from emulator.python_environments.images import find_image, registry_environments

MCR = "mcr.microsoft.com/azureml"


@pytest.mark.parametrize("tag", ["", ":latest", ":20260722.v3", "@sha256:0123"])
@pytest.mark.parametrize("path", ["minimal-py311-inference", "curated/minimal-py311-inference"])
def test_newest_packages_of_an_image_that_is_rebuilt_with_the_newest(path: str, tag: str) -> None:
    image = find_image(f"{MCR}/{path}{tag}")
    assert image.has_server
    assert image.dependencies == [
        "python=3.11",
        {
            "pip": [
                "azureml-inference-server-http",
                "azure-storage-blob",
                "azure-identity",
                "numpy",
                "joblib",
            ]
        },
    ]


def test_an_older_version_has_its_pins() -> None:
    image = find_image(f"{MCR}/curated/minimal-py311-inference:55")
    assert image.dependencies
    assert "azureml-inference-server-http==1.5.1" in image.dependencies[1]["pip"]


@pytest.mark.parametrize(
    ("reference", "dependencies", "has_server"),
    [
        (f"{MCR}/openmpi4.1.0-ubuntu20.04:latest", [], False),
        (f"{MCR}/openmpi4.1.0-cuda11.8-cudnn8-ubuntu22.04", [], False),
        (f"{MCR}/a-new-one-py313-inference:latest", None, True),
        (f"{MCR}/curated/acpt-pytorch-2.8-cuda12.6:1", None, False),
        ("mine.azurecr.io/digits:1", None, False),
        ("python:3.11", None, False),
    ],
)
def test_other_images(reference: str, dependencies: list[str] | None, has_server: bool) -> None:
    image = find_image(reference)
    assert (image.dependencies, image.has_server) == (dependencies, has_server)


def test_every_list_of_the_registry_can_be_read() -> None:
    versions = 0
    for environment in registry_environments().values():
        assert list(environment.lists) == sorted(environment.lists, key=int)
        for version in environment.lists:
            file = read_dependencies(environment.dependencies(version))
            assert file.requirements
            assert [minor for minor in range(7, 14) if file.allows(minor)]
            versions += 1
    assert versions == 272
