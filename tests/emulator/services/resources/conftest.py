"""Raw calls of Resource Manager, beside what its SDK sends."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import requests
from azure.identity import DefaultAzureCredential
from azure.mgmt.resource.resources import ResourceManagementClient

from emulator.defaults import SUBSCRIPTION

Call = Callable[..., requests.Response]


@pytest.fixture
def client(local_azure) -> ResourceManagementClient:
    return ResourceManagementClient(DefaultAzureCredential(), SUBSCRIPTION)


@pytest.fixture
def call(local_azure) -> Call:
    """`call(method, path, body, version=, **query)`, signed in."""
    token = DefaultAzureCredential().get_token("https://management.azure.com/.default").token

    def send(
        method: str, path: str, body: Any = None, *, version: str = "2021-04-01", **query: str
    ) -> requests.Response:
        return requests.request(
            method,
            f"https://management.azure.com{path}",
            params={"api-version": version, **{f"${name}": query[name] for name in query}},
            json=body,
            headers={"Authorization": f"Bearer {token}"},
            timeout=30,
        )

    return send
