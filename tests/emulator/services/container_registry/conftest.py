"""What the tests of a registry share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from emulator.defaults import RESOURCE_GROUP
from tests.emulator.services.container_machine import Machine


@pytest.fixture
def name(machine: Machine, unique: str) -> Iterator[str]:
    """The name of a registry of the test's own."""
    machine.registry(f"reg{unique}")
    yield f"reg{unique}"
    machine.registries.begin_delete(RESOURCE_GROUP, f"reg{unique}").result()
