"""Local Azure on each container runtime that this machine has, and the real clients of it."""

from __future__ import annotations

import asyncio
import io
import os
import tarfile
import tempfile
import time
from functools import cache
from pathlib import Path
from typing import Any

import requests
from azure.identity import DefaultAzureCredential
from azure.mgmt.containerinstance import ContainerInstanceManagementClient
from azure.mgmt.containerinstance.models import ContainerGroup
from azure.mgmt.containerregistry import ContainerRegistryManagementClient
from azure.mgmt.containerregistrytasks import ContainerRegistryTasksMgmtClient
from azure.mgmt.containerregistrytasks.models import Run
from azure.storage.blob import BlobClient

from emulator.containers.choice import choose_runtime
from emulator.containers.engine import discovery
from emulator.defaults import REGION, RESOURCE_GROUP, SUBSCRIPTION
from tests.conftest import LocalAzure
from tests.waiting import until

# What an engine has for FROM without an internet: .ci/containers makes it.
ENGINE_BASE = os.environ.get("AZURE_LOCAL_TEST_BASE_IMAGE", "localhost/python:3.11-debian")
DOCKERFILE = """\
ARG BASE_IMAGE=python:3.11-slim
FROM ${BASE_IMAGE}
WORKDIR /app
COPY serve.py .
EXPOSE 80 8080
ENV PYTHONUNBUFFERED=1
CMD ["python", "serve.py"]
"""
# GET /die/3 ends the program with exit code 3; anything else answers what it knows of itself.
SERVE = """\
import json, os, signal, sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path.startswith("/die/"):
            print("dying", flush=True)
            os._exit(int(self.path.rpartition("/")[2]))
        body = json.dumps({"path": self.path, "pid": os.getpid(), "env": dict(os.environ)}).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass

signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
host, port = os.environ.get("HOST", "0.0.0.0"), int(os.environ.get("PORT", "80"))
server = ThreadingHTTPServer((host, port), Handler)
print("listening", flush=True)
server.serve_forever()
"""
QUICK = {  # seconds
    "AZURE_LOCAL_BACK_OFF": "1",
    "AZURE_LOCAL_METRICS_PERIOD": "1",
    "AZURE_LOCAL_SCALE_COOLDOWN": "6",
}
# Some Python that waits for ever and stops when it is told to, also as the first process of a
# container, which ignores what it has no handler for.
WAIT = "import os, signal; signal.signal(15, lambda *_: os._exit(0)); signal.pause()"
_images: dict[Path, str] = {}


def settings(kind: str) -> dict[str, str]:
    """The variables with which an emulator runs containers that way."""
    return {"AZURE_LOCAL_CONTAINERS": kind, **QUICK}


@cache
def problem(kind: str) -> str:
    """Why this machine cannot run containers that way, "" if it can."""
    if kind == "process":
        return ""
    found = discovery.find({**os.environ, **settings(kind)})
    if found.engine is None:
        return found.description
    if asyncio.run(_has_base_image()):
        return ""
    return f"the engine has no image {ENGINE_BASE}: run .ci/containers"


async def _has_base_image() -> bool:
    with tempfile.TemporaryDirectory() as folder:
        runtime = await choose_runtime(Path(folder), {**os.environ, **settings("engine")})
        try:
            return await runtime.image(ENGINE_BASE) is not None
        finally:
            await runtime.close()


def archive(files: dict[str, str]) -> bytes:
    """A .tar.gz of these files."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, text in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(text.encode())
            tar.addfile(member, io.BytesIO(text.encode()))
    return buffer.getvalue()


class Machine:
    """The clients of one emulator. `kind` is "process" or "engine"."""

    def __init__(self, kind: str, azure: LocalAzure) -> None:
        self.kind = kind
        self.azure = azure
        credential = DefaultAzureCredential()
        self.instances = ContainerInstanceManagementClient(credential, SUBSCRIPTION)
        self.groups = self.instances.container_groups
        self.registries = ContainerRegistryManagementClient(credential, SUBSCRIPTION).registries
        self.tasks = ContainerRegistryTasksMgmtClient(credential, SUBSCRIPTION)
        self.base = "python:3.11-slim" if kind == "process" else ENGINE_BASE

    # The registry

    def registry(self, name: str) -> str:
        """Make a registry with an admin user; answers its login server."""
        body = {
            "location": REGION,
            "sku": {"name": "Basic"},
            "properties": {"adminUserEnabled": True},
        }
        return self.registries.begin_create(RESOURCE_GROUP, name, body).result().login_server

    def upload(self, registry: str, content: bytes) -> str:
        place = self.tasks.registries.get_build_source_upload_url(RESOURCE_GROUP, registry)
        BlobClient.from_blob_url(place.upload_url).upload_blob(content, overwrite=True)
        return place.relative_path

    def schedule(self, registry: str, image: str, files: dict[str, str], **more: Any) -> Run:
        source = self.upload(registry, archive(files))
        request = {
            "type": "DockerBuildRequest",
            "dockerFilePath": "Dockerfile",
            "imageNames": [image] if image else [],
            "isPushEnabled": bool(image),
            "sourceLocation": source,
            "platform": {"os": "Linux"},
            "arguments": [{"name": "BASE_IMAGE", "value": self.base}],
            **more,
        }
        return self.tasks.registries.schedule_run(RESOURCE_GROUP, registry, request)

    def log(self, registry: str, run_id: str) -> tuple[str, str]:
        """The whole log of a run and how it says that it ended, read as `az acr build` does."""
        link = self.tasks.runs.get_log_sas_url(RESOURCE_GROUP, registry, run_id).log_link
        blob, seen = BlobClient.from_blob_url(link), b""
        while True:
            found = blob.get_blob_properties()
            if found.size > len(seen):
                seen += blob.download_blob(offset=len(seen), length=4096).readall()
                continue
            ended = [value for key, value in found.metadata.items() if key.lower() == "complete"]
            if ended:
                return seen.decode(), ended[0]
            time.sleep(0.05)

    def run(self, registry: str, run_id: str) -> Run:
        self.log(registry, run_id)
        return self.tasks.runs.get(RESOURCE_GROUP, registry, run_id)

    def build(self, registry: str, image: str, **variables: str) -> str:
        """Build the small web server into the registry; answers the image's reference."""
        files = {"Dockerfile": DOCKERFILE, "serve.py": SERVE}
        run = self.run(registry, self.schedule(registry, image, files).run_id)
        assert run.status == "Succeeded", run.run_error_message
        return f"{registry}.azurecr.io/{image}"

    def credentials(self, registry: str) -> dict[str, str]:
        found = self.registries.list_credentials(RESOURCE_GROUP, registry)
        return {
            "server": f"{registry}.azurecr.io",
            "username": found.username,
            "password": found.passwords[0].value,
        }

    # Container groups

    def web(self, name: str, **properties: Any) -> dict[str, Any]:
        """A container that runs the small web server, or a command with its image.

        The image is built once for each emulator.
        """
        if self.azure.home.root not in _images:
            self.registry("shared")
            _images[self.azure.home.root] = self.build("shared", "web:1")
        return {
            "name": name,
            "properties": {
                "image": _images[self.azure.home.root],
                "resources": {"requests": {"cpu": 1, "memoryInGB": 1}},
                **properties,
            },
        }

    def script(self, name: str, code: str, **properties: Any) -> dict[str, Any]:
        """A container that runs some Python."""
        return self.web(name, command=["python", "-u", "-c", code], **properties)

    def group(self, *containers: dict[str, Any], **properties: Any) -> dict[str, Any]:
        """A group of these containers, by default one web server with a public address."""
        web = self.web("web", ports=[{"port": 80}])
        if not containers:
            properties.setdefault("ipAddress", {"type": "Public", "ports": [{"port": 80}]})
        return {
            "location": REGION,
            "properties": {
                "osType": "Linux",
                "containers": list(containers) or [web],
                "imageRegistryCredentials": [self.credentials("shared")],
                **properties,
            },
        }

    def create(self, name: str, body: dict[str, Any]) -> ContainerGroup:
        return self.groups.begin_create_or_update(RESOURCE_GROUP, name, body).result()

    def get(self, name: str) -> ContainerGroup:
        return self.groups.get(RESOURCE_GROUP, name)

    def view(self, name: str, container: int = 0) -> Any:
        return self.get(name).containers[container].instance_view

    def logs(self, name: str, container: str = "web", **query: Any) -> str:
        found = self.instances.containers.list_logs(RESOURCE_GROUP, name, container, **query)
        return found.content

    def answer(self, group: ContainerGroup, path: str = "/") -> dict[str, Any]:
        """What the group's web server says, once it listens."""
        url = f"http://{group.ip_address.ip}{path}"

        def ask() -> requests.Response | None:
            try:
                answer = requests.get(url, timeout=3)
            except (requests.ConnectionError, requests.Timeout):  # it died while it was asked
                return None
            return answer if answer.status_code == 200 else None

        return until(ask).json()

    def die(self, group: ContainerGroup, code: int) -> None:
        self.answer(group)
        try:
            requests.get(f"http://{group.ip_address.ip}/die/{code}", timeout=10)
        except requests.ConnectionError:
            return
        raise AssertionError("it did not die")
