"""Microsoft's OpenAPI files in a folder: the operations, their examples, and what they answer.

https://github.com/Azure/azure-rest-api-specs/blob/main/documentation/openapi-authoring-automated-guidelines.md
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

METHODS = ("get", "head", "put", "post", "patch", "delete")
# Operations on anything by its id, whose model says nothing of what is asked for.
ANYTHING = ("/{resourceId}", "{parentResourcePath}/{resourceType}/{resourceName}")


@dataclass(frozen=True)
class Example:
    """`parameters` are by the names that the operation gives them, `responses` by status."""

    title: str
    file: Path
    parameters: dict[str, Any]
    responses: dict[str, Any]


@dataclass
class Operation:
    """One operation in one api-version. `responses` are schemas by status, None for no body."""

    name: str
    method: str
    template: str
    version: str
    parameters: list[dict[str, Any]]
    responses: dict[str, dict[str, Any] | None]
    examples: list[Example]
    is_long: bool = False

    @property
    def provider(self) -> str:
        return provider_of(self.template)

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """What its paths look like. A scope and a resource's id are of several parts."""
        parts = re.split(r"({\w+})", self.template.rstrip("/"))
        whole = {parameter["name"] for parameter in self.parameters if _is_whole(parameter)}
        found = ""
        for part in parts:
            if not part.startswith("{"):
                found += re.escape(part)
            else:
                found += "(/?.+?)" if part[1:-1] in whole else "([^/]+)"
        return re.compile(found + "/?", re.IGNORECASE)

    @property
    def rank(self) -> tuple[int, int]:
        """The higher, the more of the path is spelt out."""
        return len(re.sub(r"{\w+}", "", self.template)), self.template.count("{")


def provider_of(template: str) -> str:
    """Whose an operation is; Resource Manager's own have no provider in their path."""
    found = re.findall(r"/providers/(\w+\.\w+)", template, re.IGNORECASE)
    return found[-1] if found else "Microsoft.Resources"


def _is_whole(parameter: dict[str, Any]) -> bool:
    return bool(parameter.get("x-ms-skip-url-encoding"))


@dataclass
class Specs:
    """All that a folder holds. `documents` are by path, with references made absolute."""

    folder: Path
    documents: dict[str, Any] = field(default_factory=dict)
    operations: list[Operation] = field(default_factory=list)

    def find(self, method: str, path: str, version: str) -> Operation | None:
        """The operation that a request asks for, in the version nearest to its own."""
        fitting = [
            operation
            for operation in self._by_method[method.upper()]
            if operation.pattern.fullmatch(path) and not operation.template.endswith(ANYTHING)
        ]
        if not fitting:
            return None
        rank = max(operation.rank for operation in fitting)
        versions = sorted(
            (operation for operation in fitting if operation.rank == rank),
            key=lambda operation: operation.version,
        )
        later = [operation for operation in versions if operation.version >= version]
        return later[0] if later else versions[-1]

    @cached_property
    def _by_method(self) -> dict[str, list[Operation]]:
        found = defaultdict(list)
        for operation in self.operations:
            found[operation.method].append(operation)
        return found


def load(folder: Path) -> Specs:
    """Read every OpenAPI file below the folder. Raises FileNotFoundError if there is none."""
    specs = Specs(folder)
    for file in sorted(folder.rglob("*.json")):
        if "examples" not in file.parts:
            document = json.loads(file.read_text())
            name = str(file.resolve())
            specs.documents[name] = _absolute(document, file)
    for name, document in specs.documents.items():
        specs.operations += _operations(specs, document, Path(name))
    if not specs.operations:
        raise FileNotFoundError(f"{folder} holds no OpenAPI file with paths")
    return specs


def _absolute(node: Any, file: Path) -> Any:
    """The same with every reference but those to examples naming its file in full."""
    if isinstance(node, list):
        return [_absolute(one, file) for one in node]
    if not isinstance(node, dict):
        return node
    found = {key: _absolute(value, file) for key, value in node.items()}
    reference = node.get("$ref")
    if isinstance(reference, str):
        target, _, pointer = reference.partition("#")
        where = (file.parent / target).resolve() if target else file.resolve()
        found["$ref"] = f"{where}#{pointer}" if pointer else str(where)
    return found


def _operations(specs: Specs, document: Any, file: Path) -> Iterator[Operation]:
    version = document.get("info", {}).get("version", "")
    # Data planes have hosts of their own; this is about Resource Manager.
    if document.get("host", "management.azure.com") != "management.azure.com":
        return
    if "data-plane" in file.parts:
        return
    for template, item in {**document.get("paths", {}), **document.get("x-ms-paths", {})}.items():
        for method in METHODS:
            if method not in item:
                continue
            found = item[method]
            parameters = [*item.get("parameters", []), *found.get("parameters", [])]
            yield Operation(
                found["operationId"],
                method.upper(),
                template,
                version,
                [_resolved(specs, one) for one in parameters],
                {
                    status: _resolved(specs, response).get("schema")
                    for status, response in found["responses"].items()
                },
                list(_examples(found)),
                bool(found.get("x-ms-long-running-operation")),
            )


def _examples(found: dict[str, Any]) -> Iterator[Example]:
    for title, reference in found.get("x-ms-examples", {}).items():
        file = Path(reference["$ref"])
        if file.is_file():  # a folder may hold but some of them
            content = json.loads(file.read_text())
            yield Example(title, file, content["parameters"], content["responses"])


def _resolved(specs: Specs, node: dict[str, Any]) -> dict[str, Any]:
    reference = node.get("$ref")
    if reference is None:
        return node
    name, _, pointer = reference.partition("#")
    found = specs.documents[name]
    for part in pointer.strip("/").split("/"):
        found = found[part.replace("~1", "/").replace("~0", "~")]
    return _resolved(specs, found)
