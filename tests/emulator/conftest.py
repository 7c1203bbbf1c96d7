"""What all tests of local Azure share: the event loop that it runs in."""

from __future__ import annotations

import sys

import pytest


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, bool]]:
    return "asyncio", {"use_uvloop": sys.platform != "win32"}
