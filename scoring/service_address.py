"""A service that reads digits, seen from a client: asked, measured, and told to crash."""

import json
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import requests

EXIT = {"exit": True}
PATIENCE = 240  # seconds; Azure may have to start a container first
TRIES = 100


@dataclass(frozen=True)
class ServiceAddress:
    """Where a service is asked for digits, and where it is told to end its process."""

    url: str
    exit_url: str
    headers: dict[str, str] = field(default_factory=dict, repr=False)

    def client(self, body: dict[str, Any]) -> Callable[[], bool]:
        """Return a client with a connection of its own, which it keeps open.

        It is a function that sends `body` once and returns whether a prediction came back. When an
        endpoint has too many requests in this second (429, lesson 05), it waits and asks again.
        """
        session = requests.Session()
        session.headers.update(self.headers | {"Content-Type": "application/json"})
        content = json.dumps(body)  # once: what is measured is the service

        def ask() -> bool:
            try:
                for _ in range(TRIES):
                    answer = session.post(self.url, data=content, timeout=PATIENCE)
                    if answer.status_code != 429:
                        break
                    time.sleep(0.1)
            except requests.RequestException:
                return False
            return answer.status_code == 200

        return ask

    def end_process(self) -> None:
        """Push the emergency exit. There is nobody left to answer that."""
        with suppress(requests.RequestException):
            requests.post(self.exit_url, json=EXIT, headers=self.headers, timeout=PATIENCE)
