"""Raw calls of Resource Manager, beside what its SDK sends."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import requests
from azure.identity import DefaultAzureCredential
from azure.mgmt.resource.resources import ResourceManagementClient

from emulator.defaults import SUBSCRIPTION
from tests.emulator.services import arm

Call = Callable[..., requests.Response]


@pytest.fixture
def client(local_azure) -> ResourceManagementClient:
    return ResourceManagementClient(DefaultAzureCredential(), SUBSCRIPTION)


@pytest.fixture
def call(local_azure) -> Call:
    """`call(method, path, body, version=, **query)`, signed in."""

    def send(
        method: str, path: str, body: Any = None, *, version: str = "2021-04-01", **query: str
    ) -> requests.Response:
        asked = {f"${name}": value for name, value in query.items()}
        return arm.call(method, path, body, **{"api-version": version, **asked})

    return send
