"""Calls of Resource Manager that MLClient does not make, as plain HTTP."""

from __future__ import annotations

from typing import Any

import requests
from azure.identity import DefaultAzureCredential

from emulator.defaults import RESOURCE_GROUP, SUBSCRIPTION, WORKSPACE

GROUP = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{RESOURCE_GROUP}"
WORKSPACES = f"{GROUP}/providers/Microsoft.MachineLearningServices/workspaces"
HOME = f"{WORKSPACES}/{WORKSPACE}"


def call(method: str, path: str, body: Any = None, **query: str) -> requests.Response:
    token = DefaultAzureCredential().get_token("https://management.azure.com/.default").token
    return requests.request(
        method,
        f"https://management.azure.com{path}",
        json=body,
        params={"api-version": "2024-10-01", **query},
        headers={"Authorization": f"Bearer {token}"},
        timeout=30,
    )
