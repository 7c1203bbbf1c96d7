"""Local Azure stops under its clients: each is answered, or finds the connection closed."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from pathlib import Path

import pytest
import requests
from azure.identity import DefaultAzureCredential

from emulator.app import Emulator
from emulator.containers.choice import choose_runtime
from emulator.defaults import SUBSCRIPTION
from emulator.home import Home
from tests.azure import azure_in, course_client
from tests.conftest import LocalAzure
from tests.emulator.services.apps_bench import AppsBench
from tests.emulator.services.container_machine import Machine, settings
from tests.emulator.services.deployments import Workbench
from tests.waiting import until

CLIENTS = 6
URL = f"https://management.azure.com/subscriptions/{SUBSCRIPTION}/resourceGroups"


def test_no_request_is_answered_by_what_is_closed(
    another_azure: LocalAzure, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in another_azure.environment.items():
        monkeypatch.setenv(name, value)
    token = DefaultAzureCredential().get_token("https://management.azure.com/.default").token
    statuses: list[int] = []
    lost: list[Exception] = []

    def ask() -> None:
        with requests.Session() as session:
            while True:
                try:
                    answer = session.get(
                        URL,
                        params={"api-version": "2021-04-01"},
                        headers={"Authorization": f"Bearer {token}"},
                        timeout=30,
                    )
                except requests.RequestException as error:
                    lost.append(error)
                    return
                statuses.append(answer.status_code)

    clients = [threading.Thread(target=ask, daemon=True) for _ in range(CLIENTS)]
    for client in clients:
        client.start()
    until(lambda: len(statuses) > 10 * CLIENTS)
    another_azure.stop()
    for client in clients:
        client.join(60)
    assert len(lost) == CLIENTS
    assert set(statuses) == {200}
    log = (another_azure.home.log).read_text()
    assert "Traceback" not in log


def test_a_poll_that_is_held_is_answered(tmp_path: Path) -> None:
    (tmp_path / "work").mkdir()
    with azure_in(tmp_path / "home") as azure:
        bench = Workbench(course_client(), tmp_path / "work", "stop")
        name = bench.endpoint().name
        slow = "import time\n\ndef init():\n    time.sleep(60)\n\ndef run(data):\n    return data\n"
        poller = bench.client.online_deployments.begin_create_or_update(
            bench.wanted(name, script=slow)
        )
        first = poller.polling_method()._initial_response.http_response
        token = DefaultAzureCredential().get_token("https://management.azure.com/.default").token
        answers: list[requests.Response] = []

        def poll() -> None:
            url = first.headers["Azure-AsyncOperation"]
            headers = {"Authorization": f"Bearer {token}"}
            with requests.Session() as session:
                try:
                    while True:
                        answers.append(session.get(url, headers=headers, timeout=30))
                except requests.RequestException:
                    return  # it has stopped

        polling = threading.Thread(target=poll, daemon=True)
        polling.start()
        until(lambda: answers)
        azure.stop()
        polling.join(60)
        assert {answer.status_code for answer in answers} == {200}
        assert {answer.json()["status"] for answer in answers} == {"InProgress"}
        assert "Traceback" not in azure.home.log.read_text()


def test_a_log_that_is_followed_ends(tmp_path: Path) -> None:
    with azure_in(tmp_path, settings("process")) as azure:
        apps = AppsBench(Machine("process", azure), "stop")
        apps.put(apps.body())
        stream = apps.list_replicas()[0].containers[0].log_stream_endpoint
        headers = {"Authorization": f"Bearer {apps.token()}"}
        with requests.get(
            f"{stream}?follow=true", headers=headers, stream=True, timeout=30
        ) as followed:
            lines = followed.iter_lines()
            assert b"Connecting" in next(lines)
            azure.stop()
            with pytest.raises(requests.RequestException):
                list(lines)
        assert "Traceback" not in azure.home.log.read_text()


def test_a_part_that_cannot_be_ended_keeps_no_other_from_its_end(tmp_path: Path) -> None:
    async def start_and_stop() -> tuple[Emulator, int]:
        chosen = await choose_runtime(tmp_path / "runtime", {"AZURE_LOCAL_CONTAINERS": "process"})
        home = Home(tmp_path)
        home.create()
        emulator = Emulator(home, chosen)
        port = await emulator.start(0)

        async def fail() -> None:
            raise OSError("the engine has gone")

        emulator.containers.close = fail
        with pytest.raises(OSError, match="the engine has gone"):
            await emulator.stop()
        return emulator, port

    emulator, port = asyncio.run(start_and_stop())
    with pytest.raises(sqlite3.ProgrammingError):
        emulator.store.query("SELECT 1")
    with pytest.raises(requests.ConnectionError):
        requests.get(f"http://127.0.0.1:{port}", timeout=5)
