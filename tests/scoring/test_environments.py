"""Each conda.yaml lists what its code folder imports, in the versions that are tested here."""

import ast
import re
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement

import scoring
from scoring.train import Framework

PACKAGES = {"PIL": "pillow", "azureml_inference_server_http": "azureml-inference-server-http"}


@pytest.fixture
def folder(framework: Framework) -> Path:
    return Path(scoring.__file__).parent / framework


@pytest.fixture
def conda(folder: Path) -> dict[str, Any]:
    return yaml.safe_load((folder / "conda.yaml").read_text())


@pytest.fixture
def requirements(conda: dict[str, Any]) -> list[Requirement]:
    [pip] = [entry["pip"] for entry in conda["dependencies"] if isinstance(entry, dict)]
    return [Requirement(line) for line in pip if not line.startswith("--")]


def imported(folder: Path) -> set[str]:
    """Return the top-level names that the folder's files import from outside of it."""
    names = set()
    for file in folder.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                names |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0
                names.add(str(node.module).split(".")[0])
    beside = {file.stem for file in folder.glob("*.py")}
    return names - beside - sys.stdlib_module_names


def test_it_lists_exactly_what_is_imported(folder: Path, requirements: list[Requirement]) -> None:
    needed = {PACKAGES.get(name, name) for name in imported(folder)}
    assert {requirement.name for requirement in requirements} == needed


def test_it_pins_the_versions_of_these_tests(
    conda: dict[str, Any], requirements: list[Requirement]
) -> None:
    python = f"python={sys.version_info.major}.{sys.version_info.minor}"
    assert python in conda["dependencies"]
    for requirement in requirements:
        assert [pin.operator for pin in requirement.specifier] == ["=="]
        assert requirement.specifier.contains(version(requirement.name))


def test_its_name_is_that_of_the_registered_environment(
    conda: dict[str, Any], framework: Framework
) -> None:
    assert conda["name"] == f"digits-{framework}-env"


@pytest.mark.parametrize("file", ["pytorch/conda.yaml", "api/requirements.txt"])
def test_pytorch_comes_from_its_index_for_cpu(file: str) -> None:
    """The plain package brings gigabytes for GPUs: https://pytorch.org/get-started/locally/"""
    text = (Path(scoring.__file__).parent / file).read_text()
    assert "--extra-index-url https://download.pytorch.org/whl/cpu\n" in text
    assert re.search(r"^\W*torch==[\d.]+$", text, re.MULTILINE)


@pytest.mark.parametrize("file", ["api/Dockerfile", "wine/solutions/Dockerfile"])
def test_images_begin_with_one_of_microsofts_registry(file: str) -> None:
    """Docker Hub limits pulls, and ACR Tasks share their addresses:
    https://learn.microsoft.com/azure/container-registry/buffer-gate-public-content
    """
    text = (Path(scoring.__file__).parent / file).read_text()
    [base] = re.findall(r"^ARG BASE_IMAGE=(\S+)$", text, re.MULTILINE)
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    assert base == f"mcr.microsoft.com/mirror/docker/library/python:{python}-slim"
