"""What the tests' clients are answered is held to Microsoft's models on its way."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest
import requests
from requests.adapters import HTTPAdapter

from tests.azure import LocalAzure
from tests.conformance.recording import Recording
from tests.conformance.specs import Specs
from tests.emulator.services.arm import GROUP, call


@pytest.fixture
def recording(specs: Specs, monkeypatch: pytest.MonkeyPatch) -> Recording:
    monkeypatch.setattr(HTTPAdapter, "send", HTTPAdapter.send)  # as it is when the test is over
    found = Recording(specs.folder)
    found.install()
    found.pytest_runtest_logstart("this test")
    return found


def test_answers_are_held_to_their_model(recording: Recording, local_azure: LocalAzure) -> None:
    assert call("GET", GROUP).json()["name"]
    call("GET", f"{GROUP}/resources")
    call("GET", f"{GROUP}/nothing")
    counts = {"held to a model": 1, "without a model": 1, "501": 1}
    assert (dict(recording.counts), recording.problems) == (counts, {})


def test_one_that_is_not_as_its_model_says_is_found(
    recording: Recording, local_azure: LocalAzure
) -> None:
    document = next(one for one in recording.specs.documents.values() if "paths" in one)
    document["definitions"]["Group"]["properties"]["name"]["type"] = "integer"
    call("GET", GROUP)
    assert list(recording.problems.values()) == ["this test"]
    assert "200 name: 'rg-deploying-models' is not of type 'integer'" in next(
        iter(recording.problems)
    )
    assert recording.wrong == {"Groups_Get": 1}


def test_other_hosts_are_not_looked_at(recording: Recording, local_azure: LocalAzure) -> None:
    answer = requests.get("https://prices.azure.com/api/retail/prices", timeout=30)
    assert json.loads(answer.content)
    assert not recording.counts


def test_what_a_worker_finds_is_taken_over(recording: Recording, specs: Specs) -> None:
    output = {"CONFORMANCE_SPECS": [{"501": 2}, {"Groups_Get": 1}, {"a": "one"}]}
    recording.pytest_testnodedown(SimpleNamespace(workeroutput=output))
    assert (recording.counts, recording.wrong) == ({"501": 2}, {"Groups_Get": 1})
    assert recording.problems == {"a": "one"}
