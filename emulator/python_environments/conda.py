"""Reads a conda environment file as packages that pip can install, and finds those missing here.

https://docs.conda.io/projects/conda/en/stable/user-guide/tasks/manage-environments.html
https://docs.conda.io/projects/conda-build/en/stable/resources/package-spec.html#package-match-specifications
"""

from __future__ import annotations

import importlib.metadata
import re
import sys
from dataclasses import dataclass, replace
from typing import Any

import yaml
from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

from emulator.python_environments.conda_names import (
    FOR_NUMPY_2,
    IN_WHEELS,
    PROGRAMS,
    PYPI_NAMES,
    is_library,
)

# The server of Azure's images. `azureml-defaults` is the older name of what brings it.
INFERENCE_SERVER = "azureml-inference-server-http"
AZUREML_DEFAULTS = "azureml-defaults"

# Worth loading once for all servers of an environment: distribution -> module.
FRAMEWORKS = {"tensorflow": "tensorflow", "tensorflow-cpu": "tensorflow", "torch": "torch"}

# Lines for pip that are no packages, with or without a value.
PIP_OPTIONS = (
    *("-i", "--index-url", "--extra-index-url", "--no-index", "-f", "--find-links"),
    *("--no-binary", "--only-binary", "--prefer-binary", "--pre", "--trusted-host"),
)

_CONDA = re.compile(r"(?:[\w./-]+::)?(?P<name>[\w.-]+)\s*(?P<version>.*)", re.ASCII)
# One version, after which a build may be named: "=1.2", "==1.2.3=py311_0", "1.2.* py311_0".
_ONE_VERSION = re.compile(r"(==?|)\s*(\d[\w.!+]*?)(\.?\*)?(?:[=\s]\s*\w+)?", re.ASCII)


class CondaFileError(ValueError):
    """The file cannot be understood; the message is a sentence that says what to change."""


@dataclass(frozen=True)
class CondaFile:
    """What an environment asks for. `python` is empty when any will do.

    `constraints` hold for whatever is installed. `left_out` are entries that wheels bring as far as
    they need them; `stands_for` are packages, each with the one that is taken of it; `programs` are
    entries, each with the command that this machine must have for it.
    """

    python: SpecifierSet
    requirements: tuple[Requirement, ...]
    pip_options: tuple[str, ...]
    constraints: tuple[str, ...]
    left_out: tuple[str, ...]
    stands_for: tuple[tuple[str, str], ...]
    programs: tuple[tuple[str, str], ...]

    @property
    def frameworks(self) -> tuple[str, ...]:
        """The modules that a fork server may load ahead."""
        names = {each.name for each in self.requirements} & FRAMEWORKS.keys()
        return tuple(sorted({FRAMEWORKS[name] for name in names}))

    def allows(self, minor: int) -> bool:
        """Whether any release of Python 3.minor will do. Its patch releases are not told apart."""
        return any(self.python.contains(f"3.{minor}.{patch}") for patch in range(40))

    def missing_here(self) -> list[str]:
        """What this Python lacks, each as the end of a sentence that begins "it"."""
        missing = []
        if not self.allows(sys.version_info.minor):
            version = ".".join(str(part) for part in sys.version_info[:3])
            missing.append(f"is {version} and not {self.python}")
        for requirement in self.requirements:
            missing += missing_of(requirement)
        return list(dict.fromkeys(missing))

    def with_server(self) -> CondaFile:
        """The same with the inference server, if it is not listed."""
        if any(each.name == INFERENCE_SERVER for each in self.requirements):
            return self
        return replace(self, requirements=(*self.requirements, Requirement(INFERENCE_SERVER)))

    def pip_lines(self) -> list[str]:
        """The lines of a requirements file."""
        return [*self.pip_options, *map(str, self.requirements)]


def missing_of(requirement: Requirement, environment: dict[str, str] | None = None) -> list[str]:
    """What this Python lacks of it, its extras among it, each as the end of a sentence."""
    environment = environment or {}
    if requirement.marker and not requirement.marker.evaluate(environment):
        return []
    try:
        distribution = importlib.metadata.distribution(requirement.name)
    except importlib.metadata.PackageNotFoundError:
        return [f"has no {requirement.name}"]
    if not requirement.specifier.contains(distribution.version, prereleases=True):
        return [f"has {requirement.name} {distribution.version} and not {requirement.specifier}"]
    missing = []
    for extra in requirement.extras:
        for line in distribution.requires or ():
            needed = Requirement(line)
            if needed.marker and "extra" in str(needed.marker):
                missing += missing_of(needed, {"extra": extra})
    return missing


def read_conda_file(text: str) -> CondaFile:
    """Read the file. Raises CondaFileError."""
    try:
        content: Any = yaml.safe_load(text)
    except yaml.YAMLError as error:
        reason = " ".join(str(error).split())
        raise CondaFileError(f"The conda file is not valid YAML: {reason}.") from error
    if not isinstance(content, dict) or not isinstance(content.get("dependencies"), list):
        raise CondaFileError(
            "The conda file needs a list named 'dependencies', with the packages, one each."
        )
    return read_dependencies(content["dependencies"])


def read_dependencies(dependencies: list[Any]) -> CondaFile:
    """Read the list of a conda file. Raises CondaFileError."""
    python, requirements = SpecifierSet(), []
    options: list[str] = []
    left_out: list[str] = []
    programs: list[tuple[str, str]] = []
    old: list[str] = []
    for entry in dependencies:
        if isinstance(entry, dict) and list(entry) == ["pip"]:
            lines = entry["pip"] or []
            if not isinstance(lines, list) or not all(isinstance(line, str) for line in lines):
                raise CondaFileError("In the conda file, 'pip:' needs a list of packages.")
            for line in lines:
                if line.strip().startswith("-"):
                    options.append(_pip_option(line.strip()))
                else:
                    requirements.append(_pip_requirement(line))
        elif isinstance(entry, str):
            name, specifier = _conda_requirement(entry)
            if name == "python":
                python &= specifier
            elif name in IN_WHEELS or name.startswith("_"):
                left_out.append(entry)
            elif name in PROGRAMS:
                programs.append((entry, PROGRAMS[name]))
            elif is_library(name):
                raise CondaFileError(
                    f"The conda file asks for '{entry}', which is no Python package. Local Azure"
                    " has no conda: leave it out, if a Python package brings what you need of it."
                )
            else:
                wanted = Requirement(f"{PYPI_NAMES.get(name, name)}{specifier}")
                requirements.append(wanted)
                if is_before_numpy_2(wanted):
                    old.append(entry)
        else:
            raise CondaFileError(
                f"In the conda file, the dependency {entry!r} is neither a package nor 'pip:'."
            )
    stands_for: list[tuple[str, str]] = []
    for each in requirements:
        each.name = canonicalize_name(each.name)
        if each.name == AZUREML_DEFAULTS:  # what a deployment needs of it is the server
            stands_for.append((str(each), INFERENCE_SERVER))
            each.name, each.specifier = INFERENCE_SERVER, SpecifierSet()
    return CondaFile(
        python,
        tuple(requirements),
        tuple(options),
        ("numpy<2",) if old else (),
        tuple(left_out),
        tuple(stands_for),
        tuple(programs),
    )


def is_before_numpy_2(requirement: Requirement) -> bool:
    """Whether conda has what is asked for only as it was built for NumPy 1."""
    first = FOR_NUMPY_2.get(canonicalize_name(requirement.name))
    if first is None or requirement.specifier.contains(first):
        return False
    return any(
        each.operator in ("==", "~=", "<", "<=")
        and Version(each.version.removesuffix(".*")) <= Version(first)
        for each in requirement.specifier
    )


def _pip_option(line: str) -> str:
    if line.partition("=")[0].split()[0] not in PIP_OPTIONS:
        raise CondaFileError(
            f"The pip list holds '{line}'. Write the packages themselves: an environment has no"
            " other files, and local Azure passes on only pip's options that say where to look."
        )
    return line


def _pip_requirement(line: str) -> Requirement:
    text = line.partition(" #")[0].strip()
    try:
        requirement = Requirement(text)
    except InvalidRequirement as error:
        if "://" not in text:
            raise CondaFileError(f"The pip list holds '{line}', which is no package.") from error
        requirement = None
    if requirement is None or requirement.url:
        raise CondaFileError(
            f"The pip list holds the URL '{line}'. Local Azure installs packages by name only."
        )
    return requirement


def _conda_requirement(entry: str) -> tuple[str, SpecifierSet]:
    """`name`, `name=1.2` (any 1.2), `name==1.2.3`, `name>=1,<2`, `name 1.2.*`, channel::name."""
    match = _CONDA.fullmatch(entry.strip())
    if match is None:
        raise CondaFileError(f"The conda file asks for '{entry}', which is no package.")
    version = match["version"]
    if one := _ONE_VERSION.fullmatch(version):
        operator, number, star = one.groups()
        version = f"=={number}.*" if star or operator == "=" else f"=={number}"
    try:
        return match["name"].lower(), SpecifierSet(version)
    except InvalidSpecifier as error:
        raise CondaFileError(
            f"The conda file asks for '{entry}', whose version local Azure does not understand;"
            " write it like name=1.2, name==1.2.3 or name>=1.2,<2."
        ) from error
