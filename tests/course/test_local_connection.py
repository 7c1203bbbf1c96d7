"""A notebook that stays open while local Azure is stopped, killed, moved and reset."""

from __future__ import annotations

import os
import signal
import socket
from pathlib import Path

import pytest

from course import local_connection
from emulator import daemon
from emulator.home import Home
from tests.waiting import until

from .cells import started

CONNECT = """
import os
from azure.ai.ml import MLClient
from azure.ai.ml.entities import ManagedOnlineEndpoint
from azure.identity import DefaultAzureCredential
place = [os.environ[name] for name in
         ("AZURE_SUBSCRIPTION_ID", "AZURE_RESOURCE_GROUP", "AZUREML_WORKSPACE")]
ml_client = MLClient(DefaultAzureCredential(), *place)
"""
LIST = "print([endpoint.name for endpoint in ml_client.online_endpoints.list()])"
MAKE = """
poller = ml_client.online_endpoints.begin_create_or_update(ManagedOnlineEndpoint(name="digits-ada"))
print(poller.result().name)
"""


def kill(home: Home) -> None:
    found = daemon.running(home)
    assert found
    os.kill(found.pid, signal.SIGKILL)
    until(lambda: daemon.running(home) is None)


def move(home: Home) -> None:
    """Stop it, and start it while another program has its port."""
    daemon.down(home)
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", int(home.port_file.read_text())))
        taken.listen()
        daemon.up(home)


@pytest.mark.usefixtures("kernelspecs")
def test_an_open_notebook_goes_on_by_itself(home: Home, tmp_path: Path) -> None:
    with started("azure-local", tmp_path) as kernel:
        assert kernel.run(CONNECT + MAKE).printed == "digits-ada\n"

        kill(home)
        told = kernel.run(LIST)
        assert (told.printed, told.error) == (f"{local_connection.STARTED}\n['digits-ada']\n", "")
        assert kernel.run(LIST).printed == "['digits-ada']\n", "it is told once"

        move(home)
        told = kernel.run(LIST)
        assert (told.printed, told.error) == (f"{local_connection.MOVED}\n['digits-ada']\n", "")

        daemon.down(home)
        daemon.up(home)  # by somebody else, as it was
        assert kernel.run(LIST).printed == "['digits-ada']\n"

        daemon.reset(home)
        told = kernel.run(LIST)
        assert told.printed == f"{local_connection.RESET}\n"
        assert told.displays[0]["text/plain"].startswith("Azure says: InvalidAuthenticationToken\n")
        assert "docs/troubleshooting.md#aadsts7000215" in told.displays[0]["text/plain"]
        assert kernel.run(CONNECT + LIST).printed == "[]\n"


@pytest.mark.usefixtures("kernelspecs")
def test_what_cannot_be_started_again_is_said_in_place_of_the_cell(
    home: Home, tmp_path: Path
) -> None:
    with started("azure-local", tmp_path) as kernel:
        daemon.reset(home)
        home.root.write_text("a file where the folder should be")
        told = kernel.run("print('ran')")
        assert told.printed == ""
        assert told.error.startswith("Local Azure did not start: ")
        home.root.unlink()
        assert kernel.run("print('ran')").printed == f"{local_connection.RESET}\nran\n"


def test_what_the_learner_has_set_stays(home: Home) -> None:
    environment = dict(os.environ)
    connection = local_connection.LocalConnection(environment)
    assert connection.ensure() == ""
    environment["AZURE_RESOURCE_GROUP"] = "mine"
    kill(home)
    assert connection.ensure() == local_connection.STARTED
    assert environment["AZURE_RESOURCE_GROUP"] == "mine"
    assert environment["AZURE_LOCAL_PROXY"].endswith(f":{daemon.running(home).port}")


def test_the_emulator_that_it_starts_has_none_of_its_clients_settings(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or else a proxy that was there before would be lost: the kernel has local Azure's instead."""
    given: list[dict[str, str]] = []
    up = daemon.up
    monkeypatch.setattr(
        daemon, "up", lambda home, environment: given.append(dict(environment)) or up(home)
    )
    environment = {**os.environ, "HTTPS_PROXY": "http://proxy.example:8080"}
    connection = local_connection.LocalConnection(environment)
    connection.ensure()
    assert environment["HTTPS_PROXY"] == environment["AZURE_LOCAL_PROXY"]
    kill(home)
    connection.ensure()
    assert [each["HTTPS_PROXY"] for each in given] == ["http://proxy.example:8080"] * 2
