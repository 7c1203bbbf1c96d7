"""The request that an example makes, in the names that local Azure has.

The examples of machine learning say "string" wherever a text is wanted. Where that text is the name
of something, it is one here that there is.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from emulator.defaults import REGION, STORAGE_ACCOUNT, SUBSCRIPTION
from tests.conformance.presupposed import Presupposed, ids_in
from tests.conformance.specs import Example, Operation

PLACEHOLDER = "string"
# What stands for it, by the end of the path to it in the body.
MEANT = {
    "location": REGION,
    "kind": "Managed",
    "sku.name": "Default",
    "instanceType": "Standard_D4as_v4",
    "scoringScript": "score.py",
    "condaFile": "name: example\ndependencies:\n- python=3.11\n- pip\n",
    "dataUri": "azureml://datastores/workspaceblobstore/paths/data",
    "accountName": STORAGE_ACCOUNT,
    "containerName": "azureml",
}
# What stands for it and has to be there, below the workspace.
MADE = {
    "codeId": "codes/made/versions/1",
    "environmentId": "environments/made/versions/1",
    "model": "models/made/versions/1",
    "model.assetId": "models/made/versions/1",
    "compute": "computes/made",
}
IDENTITY = "Microsoft.ManagedIdentity/userAssignedIdentities/made"


@dataclass
class Requested:
    method: str
    path: str
    query: dict[str, str]
    body: Any


def requested(operation: Operation, example: Example, presupposed: Presupposed) -> Requested:
    """Make what the example presupposes, and answer its request. Raises MissingError."""
    given = {name.lower(): value for name, value in example.parameters.items()}
    given["subscriptionid"] = SUBSCRIPTION

    def value_of(found: re.Match[str]) -> str:
        return str(given[found[1].lower()])

    if given.get("version") == PLACEHOLDER:
        given["version"] = "1"
    path = lower_names(re.sub(r"{(\w+)}", value_of, operation.template))
    query: dict[str, str] = {}
    body: Any = None
    for parameter in operation.parameters:
        value = given.get(parameter["name"].lower())
        if value is None:
            continue
        if parameter["in"] == "query" and value != PLACEHOLDER:
            query[parameter["name"]] = value if isinstance(value, str) else _as_text(value)
        elif parameter["in"] == "body":
            body = _ours(value)
    query["api-version"] = operation.version
    path = _with_parents(operation.method, path, presupposed)
    body = _meant(body, path, presupposed, ())
    for resource_id in sorted(ids_in(body)):
        if presupposed.knows(resource_id):
            presupposed.ensure(resource_id)
    return Requested(operation.method, path, query, body)


def location_of(example: Example) -> str:
    """Where the resource of an example is, as it says; our region where it does not."""
    bodies = [*example.parameters.values()]
    bodies += [example.responses.get(status, {}).get("body") for status in ("200", "201")]
    for body in bodies:
        if isinstance(body, dict) and body.get("location") not in (None, PLACEHOLDER):
            location = str(body["location"])
            return REGION if location.endswith("euap") else location
    return REGION


def _ours(node: Any) -> Any:
    """The same with ids of our subscription, and names in the case that Azure takes."""
    if isinstance(node, dict):
        found = {_ours(key): _ours(one) for key, one in node.items()}
        if "image" in found:
            found["image"] = _image(str(found["image"]).lower())
            if "name" in found:
                found["name"] = found["name"].lower()
        return found
    if isinstance(node, list):
        return [_ours(one) for one in node]
    if isinstance(node, str) and node.startswith("/subscriptions/"):
        return lower_names(re.sub(r"^/subscriptions/[^/]+", f"/subscriptions/{SUBSCRIPTION}", node))
    return node


def _image(name: str) -> str:
    """The examples' own images are nowhere: one of Microsoft's samples stands for each."""
    if "job" in name and name.startswith("repo/"):
        return "mcr.microsoft.com/k8se/quickstart-jobs:latest"
    if name.startswith("repo/") or name == "confiimage":
        return "mcr.microsoft.com/k8se/quickstart:latest"
    return name


def lower_names(path: str) -> str:
    """The examples have capitals in names that Azure takes in lower case alone."""
    form = r"/(containerApps|jobs|storageAccounts)/[^/]+"
    return re.sub(
        form, lambda found: f"/{found[1]}{found[0].removeprefix('/' + found[1]).lower()}", path
    )


def _as_text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _with_parents(method: str, path: str, presupposed: Presupposed) -> str:
    """A PUT makes the last of its path itself. What is listed is there to be listed."""
    if method == "PUT":
        return presupposed.ensure_above(path)
    if method == "GET":
        presupposed.fill(path)
    return presupposed.ensure(path)


def _meant(node: Any, path: str, presupposed: Presupposed, where: tuple[str, ...]) -> Any:
    if isinstance(node, dict):
        if where[-1:] == ("userAssignedIdentities",) and PLACEHOLDER in node:
            group = path.partition("/providers/")[0]
            return {presupposed.ensure(f"{group}/providers/{IDENTITY}"): {}}
        if PLACEHOLDER in node.get("userAssignedIdentities", {}):  # they say the type of one alone
            node = {**node, "type": "SystemAssigned,UserAssigned"}
        return {key: _meant(value, path, presupposed, (*where, key)) for key, value in node.items()}
    if isinstance(node, list):
        return [_meant(one, path, presupposed, where) for one in node]
    if not isinstance(node, str):
        return node
    if where[-1:] == ("location",) and node.endswith("euap"):  # Microsoft's own regions
        return REGION
    if node != PLACEHOLDER:
        return node
    names = (".".join(where[-2:]), where[-1])
    workspace = re.match(r".*/workspaces/[^/]+", path)
    home = workspace[0] if workspace else ""
    for name in names:
        if name in MADE:
            return presupposed.ensure(f"{home}/{MADE[name]}")
        if name in MEANT:
            return MEANT[name]
        if name == "secrets.key":
            return presupposed.account_key()
        if name == "modelUri":
            return presupposed.uploaded(home, "model.txt", "a model")
    return node
