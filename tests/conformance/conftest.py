"""A small specification in Microsoft's form, with an example of each kind."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.specs import Specs, load

GROUPS = "/subscriptions/{subscriptionId}/resourcegroups"
SHAPE = {
    "type": "object",
    "required": ["kind"],
    "properties": {"kind": {"type": "string"}, "id": {"type": "string", "readOnly": True}},
    "discriminator": "kind",
}
CIRCLE = {
    "allOf": [{"$ref": "#/definitions/Shape"}],
    "properties": {"radius": {"type": "integer"}},
    "x-ms-discriminator-value": "Circle",
}
GROUP = {
    "type": "object",
    "required": ["location", "key"],
    "properties": {
        "id": {"type": "string", "readOnly": True},
        "name": {"type": "string", "readOnly": True},
        "location": {"type": "string"},
        "key": {"type": "string", "x-ms-secret": True},
        "size": {"type": "string", "enum": ["Small", "Large"]},
        "made": {"type": "string", "format": "date-time"},
        "shape": {"$ref": "common/shapes.json#/definitions/Shape"},
        "tags": {"type": "object", "additionalProperties": {"type": "string"}},
    },
    "additionalProperties": False,
}
PARAMETERS = [
    {"name": "subscriptionId", "in": "path", "type": "string"},
    {"name": "resourceGroupName", "in": "path", "type": "string"},
    {"name": "parameters", "in": "body", "schema": {"$ref": "#/definitions/Group"}},
]


SHOWN = {"id": "/an/id", "name": "rg", "location": "westus", "key": "a"}


def operation(name: str, *examples: str) -> dict[str, Any]:
    schema = {"$ref": "#/definitions/Group"}
    return {
        "operationId": name,
        "parameters": PARAMETERS,
        "responses": {status: {"schema": schema} for status in ("200", "201")},
        "x-ms-examples": {title: {"$ref": f"./examples/{title}.json"} for title in examples},
    }


@pytest.fixture
def specs(tmp_path: Path, unique: str) -> Specs:
    given = {"subscriptionId": "any", "resourceGroupName": f"conformance-{unique}"}
    examples = {
        "Put": {**given, "parameters": {"location": "West US", "tags": {"a": "b"}}},
        "Lost": {**given, "parameters": {"location": "westus", "size": "Large"}},
        "Refused": {**given, "parameters": {"location": "mars"}},
        "Get": given,
        "Missing": given,
    }
    path = f"{GROUPS}/{{resourceGroupName}}"
    document = {
        "info": {"version": "2021-04-01"},
        "paths": {
            path: {
                "put": operation("Groups_Put", "Put", "Lost", "Refused"),
                "get": operation("Groups_Get", "Get"),
            },
            f"{path}/nothing": {"get": operation("Groups_GetNothing", "Missing")},
        },
        "definitions": {"Group": GROUP},
    }
    files = {
        "groups.json": document,
        "common/shapes.json": {"definitions": {"Shape": SHAPE, "Circle": CIRCLE}},
    }
    for title, parameters in examples.items():
        responses = {"200": {"body": SHOWN}}
        files[f"examples/{title}.json"] = {"parameters": parameters, "responses": responses}
    folder = tmp_path / "specs"
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(json.dumps(content))
    return load(folder)
