"""The portal behind Jupyter's proxy, which is started once and outlives local Azure."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest
import requests

from course.lessons import ROOT
from emulator import daemon
from emulator.defaults import RESOURCE_GROUP
from portal.settings import PROXY_SECRET
from tests.azure import LocalAzure
from tests.waiting import until

OTHERS = ("AZURE_", "AZUREML_", "HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy")


@pytest.fixture
def url(another_azure: LocalAzure) -> Iterator[str]:
    """The address of a portal of `another_azure`, as jupyter-server-proxy starts it."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    kept = {name: value for name, value in os.environ.items() if not name.startswith(OTHERS)}
    home = {"AZURE_LOCAL_HOME": str(another_azure.home.root), PROXY_SECRET: "let-in"}
    words = ["-m", "course", "portal", "--kernel", "azure-local", "--behind-jupyter", str(port)]
    process = subprocess.Popen([sys.executable, *words], cwd=ROOT, env={**kept, **home})
    yield f"http://127.0.0.1:{port}/"
    process.terminate()
    process.wait(timeout=30)


def test_it_shows_what_is_there_after_a_reset(another_azure: LocalAzure, url: str) -> None:
    def home() -> str | None:
        with requests.Session() as session:
            session.trust_env = False
            try:
                answer = session.get(url, headers={"X-Portal-Secret": "let-in"}, timeout=30)
            except requests.ConnectionError:  # not up yet
                return None
        return answer.text if answer.status_code == 200 else None

    assert RESOURCE_GROUP in until(home, 120)
    daemon.reset(another_azure.home)
    another_azure.start()  # with another secret for its clients
    assert RESOURCE_GROUP in until(home, 120)
