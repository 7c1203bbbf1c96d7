"""Local Azure stops under its clients: each is answered, or finds the connection closed."""

from __future__ import annotations

import threading

import pytest
import requests
from azure.identity import DefaultAzureCredential

from emulator.defaults import SUBSCRIPTION
from tests.conftest import LocalAzure
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
