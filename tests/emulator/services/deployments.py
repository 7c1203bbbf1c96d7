"""Small deployments for the tests: a model in a file and a script of a few lines."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import requests
from azure.ai.ml import MLClient
from azure.ai.ml.entities import (
    CodeConfiguration,
    Environment,
    ManagedOnlineDeployment,
    ManagedOnlineEndpoint,
    Model,
)

from tests.azure import LocalAzure

# Answers with what it was given, and with how it was deployed.
ECHO = """
import json, os, time, signal, sys

def init():
    global greeting
    folder = os.environ["AZUREML_MODEL_DIR"]
    with open(os.path.join(folder, "greeting.txt")) as file:
        greeting = file.read()
    print("init has read the model")

def run(raw_data):
    asked = json.loads(raw_data)
    if "sleep" in asked:
        time.sleep(asked["sleep"])
    if asked.get("raise"):
        raise ValueError("run was asked to raise")
    if asked.get("die"):
        os.killpg(0, signal.SIGKILL)
    print("run was called with", sorted(asked))
    return {"greeting": greeting, "asked": asked, "name": os.environ.get("DEPLOYED_AS")}
"""
CONDA = "dependencies:\n- python=3.11\n- pip:\n  - azureml-inference-server-http\n"
IMAGE = "mcr.microsoft.com/azureml/minimal-ubuntu22.04-py311-cpu-inference:latest"


@dataclass
class Workbench:
    """Makes endpoints and deployments, and deletes the endpoints when the test is over."""

    client: MLClient
    folder: Path
    suffix: str
    endpoints: list[str] = field(default_factory=list)

    def endpoint(self, auth_mode: str = "key", **extra: Any) -> ManagedOnlineEndpoint:
        name = f"e{self.suffix}-{len(self.endpoints)}"
        self.endpoints.append(name)
        wanted = ManagedOnlineEndpoint(name=name, auth_mode=auth_mode, **extra)
        return self.client.online_endpoints.begin_create_or_update(wanted).result()

    def code(self, script: str = ECHO, file: str = "score.py") -> CodeConfiguration:
        folder = self.folder / f"code-{abs(hash(script)):x}"
        folder.mkdir(exist_ok=True)
        (folder / file).write_text(script)
        return CodeConfiguration(code=str(folder), scoring_script=file)

    def model(self) -> Model:
        path = self.folder / "greeting.txt"
        path.write_text("hello")
        return Model(path=str(path), name="greeting", version="1")

    def environment(self, conda: str = CONDA) -> Environment:
        path = self.folder / f"conda-{abs(hash(conda)):x}.yaml"
        path.write_text(conda)
        return Environment(image=IMAGE, conda_file=str(path))

    def wanted(
        self, endpoint: str, name: str = "blue", *, script: str = ECHO, **extra: Any
    ) -> ManagedOnlineDeployment:
        settings: dict[str, Any] = {
            "model": self.model(),
            "environment": self.environment(),
            "code_configuration": self.code(script),
            "instance_type": "Standard_D4as_v4",
            "instance_count": 1,
            "environment_variables": {"DEPLOYED_AS": name},
            **extra,
        }
        return ManagedOnlineDeployment(name=name, endpoint_name=endpoint, **settings)

    def deploy(self, endpoint: str, name: str = "blue", **extra: Any) -> ManagedOnlineDeployment:
        wanted = self.wanted(endpoint, name, **extra)
        return self.client.online_deployments.begin_create_or_update(wanted).result()

    def send_traffic(self, endpoint: str, **shares: int) -> ManagedOnlineEndpoint:
        found = self.client.online_endpoints.get(endpoint)
        found.traffic = shares
        return self.client.online_endpoints.begin_create_or_update(found).result()

    def caller(self, endpoint: str) -> Callable[..., requests.Response]:
        """Calls the endpoint with plain HTTP and its primary key."""
        url = self.client.online_endpoints.get(endpoint).scoring_uri
        key = self.client.online_endpoints.get_keys(endpoint).primary_key
        session = requests.Session()

        def call(
            body: Any = None, *, key: str = key, headers: dict[str, str] | None = None
        ) -> requests.Response:
            return session.post(
                url,
                json={} if body is None else body,
                headers={"Authorization": f"Bearer {key}", **(headers or {})},
                timeout=60,
            )

        return call

    def clean(self) -> None:
        for name in self.endpoints:
            self.client.online_endpoints.begin_delete(name).result()


def inference_servers(azure: LocalAzure) -> set[int]:
    """The ports on which what this emulator has started listens."""
    found = set()
    for process in psutil.Process(azure.process.pid).children(recursive=True):
        try:
            for connection in process.net_connections("tcp"):
                if connection.status == psutil.CONN_LISTEN:
                    found.add(connection.laddr.port)
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return found
