"""MLflow models: what the MLmodel file of a folder says of how the model is loaded and run.

https://mlflow.org/docs/latest/ml/model/
https://learn.microsoft.com/azure/machine-learning/concept-mlflow-models
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from emulator.services.machine_learning.yaml_text import read_yaml

MLMODEL = "MLmodel"
PYFUNC = "python_function"
MLFLOW = ("mlflow", "mlflow-skinny")
# What is in Azure's image for MLflow models, for a model that lists no packages:
# https://github.com/Azure/azureml-assets/tree/main/assets/inference/environments/mlflow-py312-inference
IN_THE_IMAGE = ("mlflow", "scikit-learn", "cloudpickle", "psutil", "pandas", "numpy", "joblib")
_NAME = re.compile(r"(?:[\w./-]+::)?\s*([A-Za-z0-9][A-Za-z0-9._-]*)")
_NESTED = re.compile(r"(?:-r|--requirement)[ =]\s*(\S+)")

# The text of a file of the model's folder, given its path there; None when there is no such file.
ReadFile = Callable[[str], str | None]


class MlflowModelError(ValueError):
    """The folder is no MLflow model; the message is a sentence."""


@dataclass(frozen=True)
class MlflowModel:
    """`flavors` are the ways to load it, each with its settings as texts. `version` is MLflow's, ""
    when it is not said. `dependencies` is the list of a conda file.
    """

    flavors: Mapping[str, Mapping[str, str]]
    version: str
    dependencies: tuple[Any, ...]

    @property
    def is_pyfunc(self) -> bool:
        """Whether MLflow can load and run it without knowing its framework."""
        return PYFUNC in self.flavors

    def conda_file(self, *added: str) -> str:
        """The conda file, as JSON, of an environment that runs the model: its own list, MLflow, and
        the pip requirements `added`, as far as the list does not name them."""
        named = set(_names(self.dependencies))
        wanted = list(added)
        if not named & set(MLFLOW):
            pinned = f"=={self.version}" if self.version else ""
            # mlflow-skinny leaves out what mlflow.pyfunc needs to be imported.
            wanted += [f"mlflow-skinny{pinned}", "pandas"]
        missing = [package for package in wanted if _name(package) not in named]
        content = {
            "name": "project_environment",
            "channels": ["conda-forge"],
            "dependencies": [*self.dependencies, *([{"pip": missing}] if missing else [])],
        }
        return json.dumps(content, indent=2, default=str)


def read_mlflow_model(read: ReadFile) -> MlflowModel:
    """The model in a folder of which `read` gives the files. Raises MlflowModelError."""
    content = _mlmodel(read)
    version = str(content.get("mlflow_version") or "")
    dependencies = tuple(_dependencies(content["flavors"], read))
    return MlflowModel(_flavors(content), version, dependencies)


def read_flavors(read: ReadFile) -> dict[str, dict[str, str]]:
    """The flavors alone, as `MlflowModel` has them. Raises MlflowModelError."""
    return _flavors(_mlmodel(read))


def _mlmodel(read: ReadFile) -> dict[Any, Any]:
    text = read(MLMODEL)
    if text is None:
        raise MlflowModelError(f"There is no file {MLMODEL} in the model's folder.")
    content = _mapping(MLMODEL, text)
    if not isinstance(content.get("flavors"), dict) or not content["flavors"]:
        raise MlflowModelError(f"The file {MLMODEL} names no flavors.")
    return content


def _flavors(mlmodel: dict[Any, Any]) -> dict[str, dict[str, str]]:
    return {str(name): _settings(said) for name, said in mlmodel["flavors"].items()}


def _settings(said: object) -> dict[str, str]:
    return {str(key): _text(value) for key, value in said.items()} if isinstance(said, dict) else {}


def _text(value: object) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, default=str)


def _dependencies(flavors: dict[Any, Any], read: ReadFile) -> Iterable[Any]:
    """The packages that the model lists: in a conda file, else for a virtual environment."""
    pyfunc = flavors.get(PYFUNC)
    env = pyfunc.get("env") if isinstance(pyfunc, dict) else None
    named = env if isinstance(env, dict) else {"conda": env}
    conda = str(named.get("conda") or "conda.yaml")
    if (text := read(conda)) is not None:
        found = _mapping(conda, text).get("dependencies")
        if not isinstance(found, list):
            raise MlflowModelError(f"The file {conda} has no list named 'dependencies'.")
        return found
    virtual = str(named.get("virtualenv") or "python_env.yaml")
    if (text := read(virtual)) is not None:
        return _of_virtual_environment(virtual, text, read)
    if (text := read("requirements.txt")) is not None:
        return ["pip", {"pip": list(_lines(text, read))}]
    return ["pip", {"pip": list(IN_THE_IMAGE)}]


def _of_virtual_environment(name: str, text: str, read: ReadFile) -> list[Any]:
    content = _mapping(name, text)
    lines = content.get("dependencies") or []
    if not isinstance(lines, list):
        raise MlflowModelError(f"In the file {name}, 'dependencies' is no list.")
    python = [f"python={content['python']}"] if content.get("python") else []
    packages = [line for entry in lines for line in _lines(str(entry), read)]
    return [*python, "pip", {"pip": packages}]


def _lines(given: str, read: ReadFile) -> Iterator[str]:
    """The lines of a requirements file, with those of the files that it names in place of these."""
    for line in map(str.strip, given.splitlines()):
        if nested := _NESTED.fullmatch(line):
            text = read(nested[1])
            if text is None:
                raise MlflowModelError(f"There is no file {nested[1]} in the model's folder.")
            yield from _lines(text, lambda _: None)
        elif line and not line.startswith("#"):
            yield line


def _mapping(name: str, text: str) -> dict[Any, Any]:
    try:
        content = read_yaml(text)
    except ValueError as error:
        raise MlflowModelError(f"The model's file {name} {error}") from None
    if not isinstance(content, dict):
        raise MlflowModelError(f"The model's file {name} is no mapping.")
    return content


def _names(dependencies: Iterable[Any]) -> Iterator[str]:
    for entry in dependencies:
        if isinstance(entry, str):
            yield _name(entry)
        elif isinstance(entry, dict) and isinstance(entry.get("pip"), list):
            yield from (_name(line) for line in entry["pip"] if isinstance(line, str))


def _name(requirement: str) -> str:
    """The name of a package in its normal form, "" where there is none."""
    match = _NAME.match(requirement.strip())
    return re.sub(r"[-_.]+", "-", match[1]).lower() if match else ""
