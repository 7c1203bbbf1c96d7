"""The fuzz itself: it sees what is wrong, and the same seed gives the same requests."""

from __future__ import annotations

import json
from http.client import HTTPMessage
from random import Random

import pytest

from tests.fuzz.emulator_log import exceptions_in
from tests.fuzz.findings import Findings
from tests.fuzz.message import Message
from tests.fuzz.mutations import dump, mutate, places
from tests.fuzz.odd_values import Raw
from tests.fuzz.oracle import differences, problems
from tests.fuzz.wire import Answer

GET = Message("GET", "management.azure.com", "/tenants")
PUT = Message(
    "PUT",
    "management.azure.com",
    "/subscriptions/1/resourceGroups/a",
    (("api-version", "2021-04-01"),),
    (("Content-Type", "application/json"), ("Authorization", "Bearer secret")),
    b'{"location": "westeurope", "tags": {"a": ["b", 1]}}',
)
TRACEBACK = """\
2026-01-01 10:00:00,000 ERROR emulator.arm.http: PUT /x
Traceback (most recent call last):
  File "/x/emulator/arm/http.py", line 160, in __call__
    answer = await self.answer(request)
  File "/x/emulator/services/some_service/things.py", line 7, in put
    body["a"].get("b")
AttributeError: 'str' object has no attribute 'get'
2026-01-01 10:00:01,000 INFO emulator: all is well
"""


def answer(status: int, body: bytes = b"", **headers: str) -> Answer:
    message = HTTPMessage()
    for name, value in headers.items():
        message[name.replace("_", "-")] = value
    return Answer(status, message, body)


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        (answer(200, b"{}", Content_Type="application/json"), ""),
        (answer(204), ""),
        (answer(501, b'{"error": {}}', Content_Type="application/json"), ""),
        (answer(500), "answered 500"),
        (answer(502), "answered 502"),
        (answer(200, b"[NaN]", Content_Type="application/json"), "not JSON"),
        (answer(200, b'{"a": Infinity}', Content_Type="application/json"), "not JSON"),
        (answer(200, b'"\xff"', Content_Type="application/json"), "not JSON"),
        (answer(200, b"", Content_Type="application/json"), "not JSON"),
        (answer(200, b"<html>", Content_Type="text/html"), ""),
        (answer(200, X_Injected="yes"), "client's own making"),
        (Answer(problem="dropped after 0.1 seconds: ConnectionResetError()"), "dropped"),
        (Answer(problem="no answer within 30 seconds"), "no answer"),
    ],
)
def test_what_is_wrong_with_an_answer_is_seen(given: Answer, problem: str) -> None:
    found = list(problems(GET, given))
    assert len(found) == bool(problem)
    assert problem in "".join(found)


def test_what_changed_is_seen() -> None:
    before, after = {"a": 1, "b": 2, "c": 3}, {"a": 1, "b": 5, "d": 4}
    assert differences(before, after) == ["changed b", "gone c", "made d"]
    assert differences(before, before) == []


def test_an_exception_is_told_by_the_line_of_ours_that_raised_it() -> None:
    cause = "emulator/services/some_service/things.py:7 in put: AttributeError: "
    (found,) = exceptions_in(TRACEBACK)
    assert found == f"{cause}'str' object has no attribute 'get'"
    assert exceptions_in("2026-01-01 10:00:01,000 INFO emulator: all is well\n") == []


def test_the_same_fault_is_one_finding() -> None:
    findings = Findings()
    (cause,) = exceptions_in(TRACEBACK)
    for number in range(5):
        findings.add("PUT /x", "answered 500", cause, f"case {number}")
    findings.add("PUT /y", "answered 500", cause, "case 5")
    assert len(findings) == 2
    assert findings.report().count("###") == 1
    assert "(6)" in findings.report()


def test_the_same_seed_changes_a_request_in_the_same_way() -> None:
    changed = [mutate(PUT, Random(seed)) for seed in range(300)]
    assert [mutate(PUT, Random(seed)) for seed in range(300)] == changed
    assert len({(one.target, one.headers, one.body) for one in changed}) > 200
    assert all(one.method == "PUT" and one.host == PUT.host for one in changed)


def test_places_are_all_values_of_a_body() -> None:
    # location, tags, a, and the two in its list
    assert places(PUT) == 5
    assert places(GET) == 0


def test_raw_text_stands_in_the_body_as_it_is() -> None:
    assert dump({"a": Raw("NaN"), Raw('"a"'): [Raw("1e400")]}) == '{"a": NaN, "a": [1e400]}'
    value = {"a": [1, None, "é\0"], "": {"b": 1.5}}
    assert json.loads(dump(value)) == value


def test_a_case_is_shown_without_its_token() -> None:
    shown = PUT.curl()
    assert "secret" not in shown
    assert "https://management.azure.com/subscriptions/1/resourceGroups/a?api-version=" in shown
    long = Message("PUT", "a", "/", body=b"[" * 5_000).curl()
    assert "[<x5000>" in long
