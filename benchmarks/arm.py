"""Resource Manager without the SDK, whose waiting between polls would be measured too."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout

import requests
from azure.identity import DefaultAzureCredential

from emulator.defaults import RESOURCE_GROUP, SUBSCRIPTION

GROUP_URL = (
    f"https://management.azure.com/subscriptions/{SUBSCRIPTION}/resourceGroups/{RESOURCE_GROUP}"
)


def arm() -> requests.Session:
    """A session with a token, in local Azure's environment."""
    token = DefaultAzureCredential().get_token("https://management.azure.com/.default").token
    session = requests.Session()
    session.headers["Authorization"] = f"Bearer {token}"
    session.verify = os.environ["REQUESTS_CA_BUNDLE"]
    return session


@contextmanager
def quiet() -> Iterator[None]:
    """What is prepared, with the SDK, prints and draws bars for what it uploads."""
    with open(os.devnull, "w") as nowhere, redirect_stdout(nowhere), redirect_stderr(nowhere):
        yield
