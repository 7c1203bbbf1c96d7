"""The client: it asks again where that helps, waits longer each time, and gives up in the end."""

from __future__ import annotations

import time

import requests

AGAIN = (408, 429, 502, 503, 504)
TRIES = 30
LONGEST = 10.0  # seconds between two tries


class WineClient:
    def __init__(self, url: str, key: str) -> None:
        self.url = url
        self.headers = {"Authorization": f"Bearer {key}"}

    def classify(self, rows: list[list[float]]) -> list[str]:
        """Return the grower of each wine. Raises RuntimeError with what was answered last."""
        problem = ""
        for number in range(TRIES):
            if number:
                time.sleep(min(LONGEST, 0.2 * 2**number))
            try:
                answer = requests.post(
                    self.url, json={"data": rows}, headers=self.headers, timeout=30
                )
            except (requests.ConnectionError, requests.Timeout) as error:
                problem = type(error).__name__
                continue
            if answer.status_code == 200:
                growers: list[str] = answer.json()["growers"]
                return growers
            problem = f"{answer.status_code} {answer.text[:200]}"
            if answer.status_code not in AGAIN:
                break
        raise RuntimeError(f"No answer from {self.url}: {problem}")
