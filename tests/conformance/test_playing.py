"""Each verdict comes of an answer of local Azure's that deserves it."""

from __future__ import annotations

import pytest

from tests.azure import LocalAzure
from tests.conformance import beyond_specs
from tests.conformance.playing import Player
from tests.conformance.resource_manager import ResourceManager
from tests.conformance.specs import Specs
from tests.conformance.verdicts import ANSWERED, NOT_EMULATED, REFUSED, WRONG, Verdict
from tests.emulator.services.apps_bench import AppsBench
from tests.emulator.services.container_machine import Machine


def verdicts(specs: Specs, azure: LocalAzure) -> dict[str, Verdict]:
    player = Player(specs, AppsBench(Machine("process", azure), "unused"))
    return {
        example.title: player.play(operation, example)
        for operation in specs.operations
        for example in operation.examples
    }


def test_each_answer_gets_its_verdict(
    specs: Specs, local_azure: LocalAzure, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = verdicts(specs, local_azure)
    assert {name: one.verdict for name, one in found.items()} == {
        "Put": ANSWERED,
        "Get": ANSWERED,
        "Refused": WRONG,
        "Lost": WRONG,
        "Missing": NOT_EMULATED,
    }
    assert "not shown as it was sent: size" in found["Lost"].reason
    assert "mars" in found["Refused"].reason
    monkeypatch.setitem(beyond_specs.REFUSED, ("Groups_Put", "Refused"), "there is no such region")
    assert verdicts(specs, local_azure)["Refused"].verdict == REFUSED


def test_an_answer_that_is_not_as_the_model_says_is_wrong(
    specs: Specs, local_azure: LocalAzure
) -> None:
    document = next(one for one in specs.documents.values() if "paths" in one)
    document["definitions"]["Group"]["properties"]["location"]["enum"] = ["nowhere"]
    assert "'westus' is not one of ['nowhere']" in verdicts(specs, local_azure)["Get"].reason


def test_nothing_that_was_made_is_left(specs: Specs, local_azure: LocalAzure, unique: str) -> None:
    verdicts(specs, local_azure)
    groups = "/subscriptions/00000000-0000-4000-8000-000000000001/resourceGroups"
    answer = ResourceManager().call("GET", groups)
    assert answer.status == 200
    assert [one for one in answer.body["value"] if unique in one["name"]] == []
