"""An image with azure-identity, whose program does what it is asked to, as anybody's would."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jwt

from tests.emulator.services.container_machine import Machine

REGISTRY = "identityregistry"
SCRIPT = """\
import json, os, signal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import requests
from azure.identity import DefaultAzureCredential, ManagedIdentityCredential

def token(client_id=None):
    credential = ManagedIdentityCredential(client_id=client_id)
    return credential.get_token("https://storage.azure.com/.default").token

def containers(account):
    token = DefaultAzureCredential().get_token("https://storage.azure.com/.default").token
    answer = requests.get(
        f"https://{account}.blob.core.windows.net/?comp=list",
        headers={"Authorization": f"Bearer {token}", "x-ms-version": "2023-11-03"},
        timeout=20,
    )
    return answer.status_code

class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        parts = urlsplit(self.path)
        name, arguments = parts.path.strip("/"), parse_qs(parts.query).get("argument", [])
        try:
            found = dict(os.environ) if not name else globals()[name](*arguments)
        except Exception as error:
            found = f"{type(error).__name__}: {error}"
        body = json.dumps(found).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass

signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
host, port = os.environ.get("HOST", "0.0.0.0"), int(os.environ.get("PORT", "80"))
ThreadingHTTPServer((host, port), Handler).serve_forever()
"""
DOCKERFILE = """\
ARG BASE_IMAGE=python:3.11-slim
FROM ${BASE_IMAGE}
RUN pip install requests azure-identity
WORKDIR /app
COPY identity.py .
EXPOSE 80
ENV PYTHONUNBUFFERED=1
CMD ["python", "identity.py"]
"""


_images: set[Path] = set()


def claims(token: str) -> dict[str, Any]:
    found: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return found


def build(machine: Machine) -> str:
    """The image's reference; built once for each emulator."""
    if machine.azure.home.root not in _images:
        machine.registry(REGISTRY)
        files = {"Dockerfile": DOCKERFILE, "identity.py": SCRIPT}
        run = machine.schedule(REGISTRY, "identity:1", files)
        done = machine.run(REGISTRY, run.run_id)
        assert done.status == "Succeeded", done.run_error_message
        _images.add(machine.azure.home.root)
    return f"{REGISTRY}.azurecr.io/identity:1"
