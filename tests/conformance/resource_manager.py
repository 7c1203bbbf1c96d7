"""Plain HTTP to Resource Manager, with long-running operations polled to their end."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

import requests
from azure.identity import DefaultAzureCredential

from tests.api_versions import api_version

MANAGEMENT = "https://management.azure.com"
LIMIT = 120.0  # seconds that an operation may take
PAUSE = 0.05  # seconds between two polls
ENDED = {"succeeded", "failed", "canceled"}


@dataclass
class Answer:
    """What came of a request. `status` and `body` are those of the first answer.

    `error` is the error with which the operation ended, {} when it did not fail, and `result` what
    the client has in the end: the resource, or what an action answered.
    """

    status: int
    body: Any
    headers: dict[str, str] = field(default_factory=dict)
    error: dict[str, Any] = field(default_factory=dict)
    result: Any = None


class ResourceManager:
    """One emulator's, whose settings must be in os.environ."""

    def __init__(self) -> None:
        self.session = requests.Session()
        self.credential = DefaultAzureCredential()

    def call(self, method: str, path: str, body: Any = None, **query: Any) -> Answer:
        """Send a request, wait until what it began has ended."""
        query = {"api-version": api_version(path), **query}
        response = self._send(method, f"{MANAGEMENT}{path}", body, query)
        answer = Answer(response.status_code, _body(response), dict(response.headers))
        if response.status_code >= 400:
            answer.error = _error(answer.body)
        elif response.status_code in (200, 201, 202):
            self._wait(method, path, query, response, answer)
        return answer

    def _send(
        self, method: str, url: str, body: Any = None, query: dict[str, Any] | None = None
    ) -> requests.Response:
        token = self.credential.get_token(f"{MANAGEMENT}/.default").token
        headers = {"Authorization": f"Bearer {token}"}
        return self.session.request(
            method, url, json=body, params=query, headers=headers, timeout=LIMIT
        )

    def _wait(
        self,
        method: str,
        path: str,
        query: dict[str, Any],
        first: requests.Response,
        answer: Answer,
    ) -> None:
        answer.result = answer.body
        status = first.headers.get("Azure-AsyncOperation")
        location = first.headers.get("Location")
        if not status and not location:
            return
        deadline = time.monotonic() + LIMIT
        while time.monotonic() < deadline:
            polled = self._send("GET", status or location or "")
            body = _body(polled)
            state = str(body.get("status", "")).lower() if isinstance(body, dict) else ""
            if polled.status_code >= 400 or state in ENDED - {"succeeded"}:
                answer.error = _error(body) or {"code": state, "message": ""}
                return
            if state == "succeeded" if status else polled.status_code != 202:
                if method in ("PUT", "PATCH"):
                    found = self._send("GET", f"{MANAGEMENT}{path}", None, query)
                    answer.result = _body(found)
                elif location:
                    answer.result = _body(self._send("GET", location))
                return
            time.sleep(PAUSE)
        answer.error = {"code": "Timeout", "message": f"still under way after {LIMIT:g} seconds"}


def _body(response: requests.Response) -> Any:
    if not response.content:
        return None
    try:
        return response.json()
    except ValueError:
        return response.text


def _error(body: Any) -> dict[str, Any]:
    found = body.get("error") if isinstance(body, dict) else None
    return found if isinstance(found, dict) else {}
