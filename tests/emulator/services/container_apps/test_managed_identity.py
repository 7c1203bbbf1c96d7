"""An app and a job call Azure as their managed identities, with azure-identity in the container."""

from __future__ import annotations

from typing import Any

import jwt
import pytest
import requests

from emulator.defaults import REGION, RESOURCE_GROUP, STORAGE_ACCOUNT
from tests.emulator.services.apps_bench import REGISTRY, AppsBench
from tests.emulator.services.arm import call
from tests.emulator.services.managed_identities import IDENTITIES, Identities

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


def claims(token: str) -> dict[str, Any]:
    found: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return found


@pytest.fixture
def image(apps: AppsBench) -> str:
    reference = f"{REGISTRY}.azurecr.io/identity:1"
    apps.machine.registry(REGISTRY)
    files = {"Dockerfile": DOCKERFILE, "identity.py": SCRIPT}
    run = apps.machine.schedule(REGISTRY, "identity:1", files)
    done = apps.machine.run(REGISTRY, run.run_id)
    assert done.status == "Succeeded", done.run_error_message
    return reference


def ask(host: str, name: str = "", *arguments: str) -> Any:
    answer = requests.get(f"https://{host}/{name}", {"argument": arguments}, timeout=40)
    assert answer.status_code == 200, answer.text
    return answer.json()


def assign(apps: AppsBench, identity: dict[str, Any]) -> None:
    body = {"location": REGION, "identity": identity}
    apps.apps.begin_update(RESOURCE_GROUP, apps.name, body).result()


def test_an_app_calls_azure_as_itself(apps: AppsBench, image: str, unique: str):
    identities = Identities(unique)
    mine, other = identities.create("mine"), identities.create("other")
    body = apps.body(apps.container(image=image), configuration={"ingress": {"external": True}})
    app = apps.put(body)
    host = app.configuration.ingress.fqdn
    assert "IDENTITY_ENDPOINT" not in ask(host)
    assert "Identity not found" in ask(host, "token")

    # As `az containerapp identity assign` has it; the replicas are renewed, without a revision.
    assign(apps, {"type": "SystemAssigned"})
    shown = call("GET", app.id).json()
    principal = shown["identity"]["principalId"]
    assert shown["properties"]["latestRevisionName"] == app.latest_revision_name
    told = ask(host)
    assert {"IDENTITY_ENDPOINT", "IDENTITY_HEADER"} <= set(told)
    assert not {"AZURE_CLIENT_SECRET", "AZURE_CLIENT_ID"} & set(told)
    assert claims(ask(host, "token"))["oid"] == principal
    assert ask(host, "containers", STORAGE_ACCOUNT) == 200
    wrong = ask(host, "token", other["properties"]["clientId"])
    assert "No User Assigned or Delegated Managed Identity found" in wrong

    both = {"type": "SystemAssigned,UserAssigned", "userAssignedIdentities": {mine["id"]: {}}}
    assign(apps, both)
    shown = call("GET", app.id).json()["identity"]
    assert shown["principalId"] == principal
    assert list(shown["userAssignedIdentities"]) == [mine["id"]]
    client_id = mine["properties"]["clientId"]
    assert claims(ask(host, "token", client_id))["oid"] == mine["properties"]["principalId"]
    assert claims(ask(host, "token"))["oid"] == principal
    assign(apps, {"type": "None"})
    assert call("GET", app.id).json()["identity"] == {"type": "None"}
    identities.clean()


@pytest.mark.parametrize(
    ("identity", "code"),
    [
        ({"type": "Sometimes"}, "ContainerAppInvalidSchema"),
        ({"typ": "SystemAssigned"}, "ContainerAppInvalidSchema"),
        (
            {"type": "UserAssigned", "userAssignedIdentities": {f"{IDENTITIES}/nobody": {}}},
            "FailedIdentityOperation",
        ),
    ],
)
def test_what_cannot_be_an_apps_identity_is_refused(
    apps: AppsBench, identity: dict[str, Any], code: str
):
    body = apps.body(apps.container()) | {"identity": identity}
    with pytest.raises(Exception, match=code):
        apps.put(body)
