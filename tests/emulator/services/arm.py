"""Calls of Resource Manager that MLClient does not make, as plain HTTP."""

from __future__ import annotations

import os
from functools import cache
from typing import Any

import requests
from azure.identity import DefaultAzureCredential

from emulator.defaults import RESOURCE_GROUP, SUBSCRIPTION, WORKSPACE
from tests.api_versions import api_version

GROUP = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{RESOURCE_GROUP}"
WORKSPACES = f"{GROUP}/providers/Microsoft.MachineLearningServices/workspaces"
HOME = f"{WORKSPACES}/{WORKSPACE}"


@cache
def _credential(secret: str) -> DefaultAzureCredential:
    """One for each emulator, since each has a secret of its own; it keeps its token."""
    return DefaultAzureCredential()


def call(method: str, path: str, body: Any = None, **query: str) -> requests.Response:
    credential = _credential(os.environ["AZURE_CLIENT_SECRET"])
    token = credential.get_token("https://management.azure.com/.default").token
    return requests.request(
        method,
        f"https://management.azure.com{path}",
        json=body,
        params={"api-version": api_version(path), **query},
        headers={"Authorization": f"Bearer {token}"},
        timeout=30,
    )


class NoBlobs:
    """Stands for blob storage where a test is not about it: there is none."""

    def account_key(self, account: str) -> str:
        raise LookupError(account)

    def create_container(self, account: str, name: str) -> None: ...

    def container_sas(self, account: str, container: str, permissions: str, hours: float) -> str:
        raise LookupError(account)

    def exists(self, account: str, container: str, path: str) -> bool:
        return False

    def read(self, account: str, container: str, path: str, most: int) -> bytes | None:
        return None
