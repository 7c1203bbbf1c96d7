"""What of a body is against its model, and what Azure may do all the same."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conformance.models import Models
from tests.conformance.specs import Specs

GOOD = {"location": "westus"}


def schema(specs: Specs) -> dict[str, Any]:
    found = specs.operations[0].responses["200"]
    assert found is not None
    return found


@pytest.mark.parametrize(
    "more",
    [
        {"size": "LARGE"},
        {"made": None},
        {"later": "than the model"},
        {"made": "2026-11-28T01:02:03.1234567Z"},
        {"shape": {"kind": "circle", "radius": 1}},
        {"shape": {"kind": "of a later version", "radius": "any"}},
        {"tags": {}},
    ],
)
def test_what_azure_may_do_is_not_against_the_model(specs: Specs, more: dict[str, Any]) -> None:
    assert Models(specs).problems(schema(specs), {**GOOD, **more}) == []


@pytest.mark.parametrize(
    ("body", "where"),
    [
        ({}, "the body"),
        ([], "the body"),
        ({"location": 1}, "location"),
        ({**GOOD, "size": "Medium"}, "size"),
        ({**GOOD, "made": "yesterday"}, "made"),
        ({**GOOD, "shape": {}}, "shape"),
        ({**GOOD, "shape": {"kind": "Circle", "radius": "one"}}, "shape.radius"),
        ({**GOOD, "tags": {"a": 1}}, "tags.a"),
    ],
)
def test_what_is_against_the_model_is_said_with_its_path(
    specs: Specs, body: Any, where: str
) -> None:
    found = Models(specs).problems(schema(specs), body)
    assert [one.partition(":")[0] for one in found] == [where]


def test_what_azure_alone_writes_may_not_be_missing(specs: Specs) -> None:
    example = {"id": "1", "location": "a", "size": "Small", "shape": {"kind": "circle", "id": "2"}}
    lacking = Models(specs).written_by_azure(schema(specs), example, {"shape": {"kind": "circle"}})
    assert lacking == ["id", "shape.id"]


def test_an_operation_is_found_by_its_path_in_the_version_nearest(specs: Specs) -> None:
    path = "/subscriptions/1/resourceGroups/any"
    found = specs.find("GET", path, "2030-01-01")
    assert found is not None
    assert (found.name, found.version) == ("Groups_Get", "2021-04-01")
    assert specs.find("DELETE", path, "2021-04-01") is None
    assert specs.find("GET", f"{path}/other", "2021-04-01") is None
