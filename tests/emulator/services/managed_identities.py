"""User-assigned managed identities for the tests, as plain HTTP: no client of them is installed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from emulator.defaults import REGION
from tests.emulator.services.arm import GROUP, call

IDENTITIES = f"{GROUP}/providers/Microsoft.ManagedIdentity/userAssignedIdentities"


@dataclass
class Identities:
    """Makes identities, and deletes them when the test is over."""

    suffix: str
    made: list[str] = field(default_factory=list)

    def create(self, name: str) -> dict[str, Any]:
        path = f"{IDENTITIES}/{name}-{self.suffix}"
        answer = call("PUT", path, {"location": REGION})
        assert answer.status_code == 201, answer.text
        self.made.append(path)
        found: dict[str, Any] = answer.json()
        return found

    def delete(self, identity: dict[str, Any]) -> None:
        answer = call("DELETE", identity["id"])
        assert answer.status_code == 200, answer.text

    def clean(self) -> None:
        for path in self.made:
            call("DELETE", path)
