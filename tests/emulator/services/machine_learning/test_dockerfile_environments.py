"""Deployments whose environment is a Dockerfile: built and run by an engine, 501 without one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from azure.ai.ml import MLClient
from azure.ai.ml.entities import BuildContext, Environment
from azure.core.exceptions import HttpResponseError
from azure.identity import DefaultAzureCredential

from emulator.defaults import RESOURCE_GROUP, SUBSCRIPTION, WORKSPACE
from tests.emulator.services.container_machine import Machine
from tests.emulator.services.deployments import Workbench

# A server of one's own, as the one of Azure's images is: on port 5001, told by variables.
SERVER = """\
import json, os
from http.server import BaseHTTPRequestHandler, HTTPServer

def read(folder, name):
    with open(os.path.join(os.environ[folder], name)) as file:
        return file.read()

class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.answer({})
    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        self.answer({
            "path": self.path,
            "model": read("AZUREML_MODEL_DIR", "greeting.txt"),
            "script": read("AML_APP_ROOT", os.environ["AZUREML_ENTRY_SCRIPT"]),
            "name": os.environ["DEPLOYED_AS"],
            "file": os.path.exists("/in-the-image"),
        })
    def answer(self, content):
        body = json.dumps(content).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

print("serving", flush=True)
HTTPServer(("0.0.0.0", 5001), Handler).serve_forever()
"""


@pytest.fixture
def workbench(machine: Machine, tmp_path: Path, unique: str) -> Iterator[Workbench]:
    client = MLClient(DefaultAzureCredential(), SUBSCRIPTION, RESOURCE_GROUP, WORKSPACE)
    workbench = Workbench(client, tmp_path, unique)
    yield workbench
    workbench.clean()


def environment(machine: Machine, folder: Path, *more: str) -> Environment:
    context = folder / "context"
    context.mkdir(exist_ok=True)
    (context / "server.py").write_text(SERVER)
    lines = [f"FROM {machine.base}", "COPY server.py /in-the-image", *more]
    (context / "Dockerfile").write_text("\n".join(lines) + "\n")
    return Environment(build=BuildContext(path=str(context)))


def test_it_is_built_and_serves(machine: Machine, workbench: Workbench, tmp_path: Path) -> None:
    name = workbench.endpoint().name
    wanted = environment(machine, tmp_path, 'CMD ["python3", "/in-the-image"]')
    if machine.kind == "process":
        with pytest.raises(HttpResponseError, match="without a container engine") as refused:
            workbench.deploy(name, "blue", environment=wanted)
        assert refused.value.status_code == 501
        return
    workbench.deploy(name, "blue", environment=wanted, script="# the script\n")
    answer = workbench.caller(name)(headers={"azureml-model-deployment": "blue"})
    assert answer.json() == {
        "path": "/score",
        "model": "hello",
        "script": "# the script\n",
        "name": "blue",
        "file": True,
    }
    logs = workbench.client.online_deployments.get_logs("blue", name, 50)
    assert "UserContainerImagePull: Succeeded" in logs
    assert "serving" in logs


@pytest.mark.parametrize(
    ("line", "code", "said"),
    [
        ("RUN echo not today && exit 7", "ImageBuildFailure", "not today"),
        ('CMD ["sh", "-c", "echo no server here; exit 3"]', "ResourceNotReady", "no server here"),
    ],
    ids=["fails to build", "ends at once"],
)
def test_one_that_does_not_come_up(
    machine: Machine, workbench: Workbench, tmp_path: Path, line: str, code: str, said: str
) -> None:
    if machine.kind == "process":
        pytest.skip("refused before it is built")
    name = workbench.endpoint().name
    with pytest.raises(HttpResponseError) as failed:
        workbench.deploy(name, "blue", environment=environment(machine, tmp_path, line))
    assert failed.value.error.code == code
    assert said in workbench.client.online_deployments.get_logs("blue", name, 50)
