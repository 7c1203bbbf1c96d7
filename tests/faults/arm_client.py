"""Resource Manager as plain HTTP, for clients that go on when the emulator is killed."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import requests

from emulator.defaults import CLIENT_ID, TENANT
from tests.api_versions import api_version

TIMEOUT = 60.0  # seconds until a request is said to hang
_SIGN_IN = f"https://login.microsoftonline.com/{TENANT}/oauth2/v2.0/token"


@dataclass
class Answer:
    """`status` 0: the connection was lost, so nobody knows what came of the request.

    `error` then says how; `hung` that nothing came for TIMEOUT seconds.
    """

    status: int = 0
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    error: str = ""
    hung: bool = False

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300

    @property
    def code(self) -> str:
        """Azure's error code."""
        error = self.body.get("error") if isinstance(self.body, dict) else None
        return str(error.get("code")) if isinstance(error, dict) else ""


class ArmClient:
    """`environment` is what `python -m emulator env` prints. Each thread has its connections."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.environment = environment
        self.threads = threading.local()
        form = {
            "grant_type": "client_credentials",
            "client_id": CLIENT_ID,
            "client_secret": environment["AZURE_CLIENT_SECRET"],
            "scope": "https://management.azure.com/.default",
        }
        answer = self.session.post(_SIGN_IN, data=form, timeout=TIMEOUT)
        self.token = answer.json()["access_token"]

    @property
    def session(self) -> requests.Session:
        if not hasattr(self.threads, "session"):
            session = requests.Session()
            session.trust_env = False
            proxy = self.environment["HTTPS_PROXY"]
            session.proxies = {"http": proxy, "https": proxy}
            session.verify = self.environment["SSL_CERT_FILE"]
            self.threads.session = session
        found: requests.Session = self.threads.session
        return found

    def call(self, method: str, path: str, body: Any = None) -> Answer:
        """A call of Resource Manager; `path` may be a whole URL, as an operation's is."""
        url = path if path.startswith("https://") else f"https://management.azure.com{path}"
        query = {} if "api-version=" in url else {"api-version": api_version(path)}
        headers = {"Authorization": f"Bearer {self.token}"}
        return self.send(method, url, json=body, params=query, headers=headers)

    def send(self, method: str, url: str, **more: Any) -> Answer:
        try:
            answer = self.session.request(method, url, timeout=TIMEOUT, **more)
        except requests.ReadTimeout as error:
            return Answer(error=str(error), hung=True)
        except requests.RequestException as error:
            return Answer(error=str(error))
        try:
            body = answer.json()
        except ValueError:
            body = answer.text
        return Answer(answer.status_code, body, answer.headers)
