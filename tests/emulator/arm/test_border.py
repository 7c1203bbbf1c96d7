"""What never gets to a service: bodies that are no JSON, versions and paths that are no text."""

from __future__ import annotations

import pytest
import requests
from azure.identity import DefaultAzureCredential

from emulator.arm.bodies import DEEPEST
from emulator.defaults import SUBSCRIPTION
from tests.azure import LocalAzure

GROUP = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/border"
MANAGEMENT = "https://management.azure.com"


def put(content: bytes, path: str = GROUP, version: str = "2024-03-01") -> requests.Response:
    token = DefaultAzureCredential().get_token(f"{MANAGEMENT}/.default").token
    return requests.put(
        f"{MANAGEMENT}{path}?api-version={version}",
        data=content,
        headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
        timeout=30,
    )


@pytest.mark.parametrize(
    "content",
    [
        b'{"location": "westeurope", "tags": {"a": NaN}}',
        b'{"location": "westeurope", "tags": {"a": -Infinity}}',
        b'{"location": "westeurope", "tags": {"a": 1e999}}',
        b'{"location": "westeurope", "tags": {"a": "\\ud800"}}',
        b'{"location": "westeurope", "tags": {"a": ' + b"9" * 5000 + b"}}",
        b"[" * 100_000,
        b'{"a":' * (DEEPEST + 1) + b"1" + b"}" * (DEEPEST + 1),
        b"\xff\xfe{}",
        b"{",
        b"[]",
        b'"text"',
        b'{"location": ["westeurope"]}',
        b'{"location": "westeurope", "tags": ["a"]}',
        b'{"location": "westeurope", "tags": {"a": ["b"]}}',
    ],
    ids=lambda content: content[:40].decode("latin-1"),
)
def test_a_body_that_does_not_fit_is_400_and_changes_nothing(
    local_azure: LocalAzure, content: bytes
) -> None:
    answer = put(content)
    assert answer.status_code == 400, answer.text
    assert answer.json()["error"]["message"]
    found = requests.get(
        f"{MANAGEMENT}{GROUP}?api-version=2024-03-01",
        headers=dict(answer.request.headers) | {"Content-Length": "0"},
        timeout=30,
    )
    assert found.status_code == 404


@pytest.mark.parametrize(
    "version", ["2024-03-01%0d%0ax: y", "latest", "2024", "%00", "2024-03-\u0663\u0661"]
)
def test_an_api_version_is_a_date(local_azure: LocalAzure, version: str) -> None:
    answer = put(b'{"location": "westeurope"}', version=version)
    assert (answer.status_code, answer.json()["error"]["code"]) == (
        400,
        "InvalidApiVersionParameter",
    )


def test_a_path_is_text(local_azure: LocalAzure) -> None:
    answer = put(b'{"location": "westeurope"}', f"{GROUP}%0d%0aSet-Cookie:x")
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "InvalidRequestUri")


@pytest.mark.parametrize("top", ["9" * 5000, "-1", "x", "1.5", "٣", ""])
def test_top_is_a_number(local_azure: LocalAzure, top: str) -> None:
    token = DefaultAzureCredential().get_token(f"{MANAGEMENT}/.default").token
    answer = requests.get(
        f"{MANAGEMENT}/subscriptions/{SUBSCRIPTION}/resourceGroups",
        params={"api-version": "2024-03-01", "$top": top},
        headers={"Authorization": f"Bearer {token}"},
        timeout=30,
    )
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "InvalidQueryParameter")
