"""pyproject.toml, requirements.lock and environment.yml describe one environment."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
import yaml
from packaging.markers import Marker, default_environment
from packaging.requirements import Requirement

from course.lessons import ROOT
from course.lock import tidy

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
LOCK = (ROOT / "requirements.lock").read_text()
PINNED = [
    Requirement(line.split("  #")[0]) for line in LOCK.splitlines() if line and line[0] != "#"
]
DIRECT = [
    Requirement(text) for text in PROJECT["dependencies"] + PROJECT["optional-dependencies"]["dev"]
]
PROVIDERS = packages_distributions()
# These run in a deployment's own Python, with the packages that the deployment lists.
OF_DEPLOYMENTS = set((ROOT / "emulator" / "inference_servers").glob("mlflow_*_script.py"))
PLATFORMS = {
    "linux": {"sys_platform": "linux", "os_name": "posix", "platform_system": "Linux"},
    "macos": {"sys_platform": "darwin", "os_name": "posix", "platform_system": "Darwin"},
    "windows": {"sys_platform": "win32", "os_name": "nt", "platform_system": "Windows"},
}


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def applies(marker: Marker | None, platform: str) -> bool:
    environment = {
        **default_environment(),
        **PLATFORMS[platform],
        "python_version": "3.11",
        "python_full_version": "3.11.0",
    }
    return marker is None or marker.evaluate(environment)  # type: ignore[arg-type]


@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.parametrize("direct", DIRECT, ids=lambda requirement: requirement.name)
def test_a_direct_dependency_is_pinned_within_its_range(direct: Requirement, platform: str) -> None:
    pins = [
        pin
        for pin in PINNED
        if normal(pin.name) == normal(direct.name) and applies(pin.marker, platform)
    ]
    if not applies(direct.marker, platform):
        assert pins == []
        return
    assert len(pins) == 1
    version = str(pins[0].specifier).removeprefix("==")
    assert direct.specifier.contains(version, prereleases=True)


@pytest.mark.parametrize("platform", PLATFORMS)
def test_every_line_pins_one_version_and_no_package_twice(platform: str) -> None:
    chosen = [pin for pin in PINNED if applies(pin.marker, platform)]
    assert all(re.fullmatch(r"==[^*,]+", str(pin.specifier)) for pin in chosen)
    names = [normal(pin.name) for pin in chosen]
    assert len(names) == len(set(names)) > 150


def test_no_cuda_package_is_forced_on_anyone() -> None:
    names = [normal(pin.name) for pin in PINNED]
    assert [name for name in names if name.startswith(("nvidia", "cuda", "triton"))] == []


def test_the_lock_names_no_registry_and_no_folder_of_a_machine() -> None:
    assert re.findall(r"https?://|file://|--index|--find-links|@ ", LOCK) == []


def test_conda_and_binder_get_the_same_python_and_the_same_lock() -> None:
    for file in ("environment.yml", ".binder/environment.yml"):
        environment = yaml.safe_load((ROOT / file).read_text())
        assert environment["name"] == PROJECT["name"]
        python = next(d for d in environment["dependencies"] if str(d).startswith("python="))
        series = python.removeprefix("python=")
        assert PROJECT["requires-python"] == f">={series},<3.{int(series.split('.')[1]) + 1}"
    conda = yaml.safe_load((ROOT / "environment.yml").read_text())
    assert {"pip": ["-r requirements.lock", "-e ."]} in conda["dependencies"]
    assert "course.bootstrap --here" in (ROOT / ".binder" / "postBuild").read_text()


@pytest.mark.parametrize(
    "file", sorted((ROOT / "scoring").glob("*/conda.yaml")), ids=lambda file: file.parent.name
)
def test_what_is_deployed_has_the_versions_that_the_course_runs(file: Path) -> None:
    """So that local Azure can run it in the course's own environment, without an install."""
    *_, pip = yaml.safe_load(file.read_text())["dependencies"]
    locked = {
        normal(pin.name): str(pin.specifier) for pin in PINNED if applies(pin.marker, "linux")
    }
    wanted = [Requirement(text) for text in pip["pip"] if not text.startswith("--")]
    assert {normal(one.name): str(one.specifier) for one in wanted} == {
        normal(one.name): locked[normal(one.name)] for one in wanted
    }


@pytest.mark.parametrize(
    "folder",
    ["course", "emulator", "helpers", "notebooks", "portal", "practice", "scoring", "tests"],
)
def test_what_is_imported_is_declared(folder: str) -> None:
    extra = PROJECT["optional-dependencies"]["dev"] if folder == "tests" else []
    declared = {normal(Requirement(text).name) for text in PROJECT["dependencies"] + extra}
    undeclared = {
        f"{file.relative_to(ROOT)}: {module}"
        for file in sorted(set((ROOT / folder).rglob("*.py")) - OF_DEPLOYMENTS)
        for module in third_party(file)
        if not providers(module) & declared
    }
    assert sorted(undeclared) == []


def third_party(file: Path) -> Iterator[str]:
    """The modules that a file imports, but for its neighbours, ours and Python's own."""
    neighbours = {path.stem for path in file.parent.iterdir()}
    ours = {"course", "emulator", "helpers", "portal", "practice", "scoring", "tests"}
    # A lesson imports a scoring script as the inference server does, by its folder.
    ours |= {path.stem for path in (ROOT / "scoring").rglob("*.py")}
    ours |= {"app"}  # the package that scoring/api has in its image
    text = file.read_text()
    ours |= set(re.findall(r'/ "(\w+)\.py"', text))  # or a script that the lesson writes itself
    for node in ast.walk(ast.parse(text)):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names = [node.module]
        for name in names:
            top = name.split(".")[0]
            if top not in sys.stdlib_module_names | ours | neighbours:
                yield name


def providers(module: str) -> set[str]:
    """The packages that may bring a module; azure's are named like their modules."""
    parts = module.split(".")
    if parts[0] == "azure":
        return {"-".join(parts[:length]) for length in range(2, len(parts) + 1)}
    return {normal(name) for name in PROVIDERS.get(parts[0], [])}


def test_tidy_leaves_only_markers_that_tell_platforms_apart() -> None:
    compiled = (
        "attrs==26.1.0 ; python_full_version < '3.12'\n"
        "uvloop==0.23.0 ; python_full_version < '3.12' and sys_platform != 'win32'"
        "  # via deploying-models-on-azure (pyproject.toml)\n"
    )
    assert tidy(compiled) == (
        "attrs==26.1.0\nuvloop==0.23.0 ; sys_platform != 'win32'  # via pyproject.toml\n"
    )
