"""Plain HTTP to Container Instances: the clients check some of what is sent themselves."""

from __future__ import annotations

from typing import Any

import requests

from tests.emulator.services import arm

GROUPS = f"{arm.GROUP}/providers/Microsoft.ContainerInstance/containerGroups"


def call(method: str, path: str, body: Any = None) -> requests.Response:
    return arm.call(method, path, body, **{"api-version": "2023-05-01"})
