"""Holds every answer of Resource Manager's that the tests get to Microsoft's models.

    CONFORMANCE_SPECS=folder pytest

What the clients in the tests' own process are answered is looked at where it arrives, so local
Azure knows nothing of it, and nothing of it is there without the variable. At the end it is said
how many answers were looked at and which are not as their model says; these let the run fail.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
import requests
from requests.adapters import HTTPAdapter

from tests.conformance.beyond_specs import AGAINST_MODEL
from tests.conformance.models import Models
from tests.conformance.specs import load
from tests.conformance.verdicts import against

VARIABLE = "CONFORMANCE_SPECS"
MANAGEMENT = "management.azure.com"
CHECKED, WITHOUT_MODEL, NOT_EMULATED = "held to a model", "without a model", "501"


class Recording:
    """A plugin of pytest's. `problems` has, by what is wrong, the test in which it was first."""

    def __init__(self, folder: Path) -> None:
        self.specs = load(folder)
        self.models = Models(self.specs)
        self.counts: Counter[str] = Counter()
        self.wrong: Counter[str] = Counter()
        self.problems: dict[str, str] = {}
        self.test = ""
        self._send = HTTPAdapter.send

    def install(self) -> None:
        send, look = self._send, self.look

        def recorded(
            self: HTTPAdapter, request: requests.PreparedRequest, *args: Any, **more: Any
        ) -> requests.Response:
            response = send(self, request, *args, **more)
            if urlsplit(request.url or "").hostname == MANAGEMENT:
                look(request, response)
            return response

        HTTPAdapter.send = recorded  # type: ignore[method-assign]

    def look(self, request: requests.PreparedRequest, response: requests.Response) -> None:
        url = urlsplit(request.url or "")
        version = parse_qs(url.query).get("api-version", [""])[0]
        operation = self.specs.find(request.method or "", unquote(url.path), version)
        if response.status_code == 501:
            self.counts[NOT_EMULATED] += 1
            return
        if operation is None:
            self.counts[WITHOUT_MODEL] += 1
            return
        self.counts[CHECKED] += 1
        status = response.status_code
        body = response.json() if response.content else None
        if status >= 400:
            schema = operation.responses.get(str(status)) or operation.responses.get("default")
            found = self.models.problems(schema, body) if schema else []
        elif str(status) not in operation.responses:
            found = [f"the status is none of {', '.join(operation.responses)}"]
        else:
            found = against(operation, status, body, self.models)
        found = [one for one in found if (operation.name, one) not in AGAINST_MODEL]
        for problem in found:
            said = f"{operation.name} ({version}, held to {operation.version}): {status} {problem}"
            self.problems.setdefault(said, self.test)
        if found:
            self.wrong[operation.name] += 1

    # Hooks

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        self.test = nodeid

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        output = getattr(session.config, "workeroutput", None)
        if output is not None:
            output[VARIABLE] = [dict(self.counts), dict(self.wrong), self.problems]
        elif self.problems and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """What a worker of xdist's has found."""
        counts, wrong, problems = getattr(node, "workeroutput", {}).get(VARIABLE, ({}, {}, {}))
        self.counts.update(counts)
        self.wrong.update(wrong)
        self.problems = {**problems, **self.problems}

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        terminalreporter.section("answers held to Microsoft's models")
        for problem, test in sorted(self.problems.items()):
            terminalreporter.line(f"{problem} [{test}]")
        said = ", ".join(f"{count} {name}" for name, count in sorted(self.counts.items()))
        terminalreporter.line(f"{said}; {self.wrong.total()} not as it says")
