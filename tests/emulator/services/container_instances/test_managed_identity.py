"""A container group calls Azure as its managed identity, with azure-identity in the container."""

from __future__ import annotations

import json
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError

from emulator.defaults import RESOURCE_GROUP, STORAGE_ACCOUNT
from tests.emulator.services import identity_image
from tests.emulator.services.arm import call
from tests.emulator.services.container_machine import Machine
from tests.emulator.services.managed_identities import IDENTITIES, Identities
from tests.waiting import until

# Tells what becomes of it, once, and ends. Its arguments are client ids.
CODE = f"""
import json, sys
import requests
from azure.identity import DefaultAzureCredential, ManagedIdentityCredential

STORAGE = "https://storage.azure.com/.default"

def token(client_id=None):
    try:
        return ManagedIdentityCredential(client_id=client_id).get_token(STORAGE).token
    except Exception as error:
        return f"{{type(error).__name__}}: {{error}}"

bearer = DefaultAzureCredential().get_token(STORAGE).token
answer = requests.get(
    "https://{STORAGE_ACCOUNT}.blob.core.windows.net/?comp=list",
    headers={{"Authorization": f"Bearer {{bearer}}", "x-ms-version": "2023-11-03"}},
    timeout=20,
)
found = {{"own": token(), "others": [token(one) for one in sys.argv[1:]]}}
print(json.dumps({{**found, "blobs": answer.status_code}}))
"""


def group(machine: Machine, identity: dict[str, Any], *client_ids: str) -> dict[str, Any]:
    image = identity_image.build(machine)
    container = {
        "name": "call",
        "properties": {
            "image": image,
            "command": ["python", "-c", CODE, *client_ids],
            "resources": {"requests": {"cpu": 1, "memoryInGB": 1}},
        },
    }
    credentials = [machine.credentials(identity_image.REGISTRY)]
    body = machine.group(container, imageRegistryCredentials=credentials, restartPolicy="Never")
    return {**body, "identity": identity}


def said(machine: Machine, name: str) -> dict[str, Any]:
    until(lambda: machine.view(name).current_state.state == "Terminated")

    def last_word() -> str:
        """Its JSON. What libraries log comes by another stream, so before it or after it."""
        lines = machine.logs(name, "call").splitlines()
        return next((line for line in lines if line.startswith("{")), "")

    found: dict[str, Any] = json.loads(until(last_word))
    return found


def test_a_group_calls_azure_as_itself(machine: Machine, unique: str):
    identities = Identities(unique)
    mine, other = identities.create("mine"), identities.create("other")
    ids = [one["properties"]["clientId"] for one in (mine, other)]
    name = f"calls-{unique}"
    both = {"type": "SystemAssigned, UserAssigned", "userAssignedIdentities": {mine["id"]: {}}}
    made = machine.create(name, group(machine, both, *ids))
    assert made.identity.type == "SystemAssigned, UserAssigned"
    assert list(made.identity.user_assigned_identities) == [mine["id"]]
    found = said(machine, name)
    assert identity_image.claims(found["own"])["oid"] == made.identity.principal_id
    assert found["blobs"] == 200
    token, refused = found["others"]
    assert identity_image.claims(token)["oid"] == mine["properties"]["principalId"]
    assert "Identity not found" in refused

    # Another identity restarts the group; its own principal goes with it.
    changed = machine.create(name, group(machine, {"type": "SystemAssigned"}, *ids))
    assert changed.identity.principal_id == made.identity.principal_id
    assert changed.identity.user_assigned_identities is None
    assert all("Identity not found" in one for one in said(machine, name)["others"])
    machine.groups.begin_delete(RESOURCE_GROUP, name).result()
    identities.clean()


def test_a_group_without_an_identity_shows_none(machine: Machine, unique: str):
    name = f"plain-{unique}"
    container = machine.script("web", "import os; print(sorted(os.environ))")
    machine.create(name, machine.group(container, restartPolicy="Never"))
    assert "identity" not in call("GET", machine.get(name).id).json()
    until(lambda: machine.view(name).current_state.state == "Terminated")
    assert "HTTPS_PROXY" not in machine.logs(name)
    machine.groups.begin_delete(RESOURCE_GROUP, name).result()


def test_an_identity_that_does_not_exist_is_refused(machine: Machine, unique: str):
    nobody = {"type": "UserAssigned", "userAssignedIdentities": {f"{IDENTITIES}/nobody": {}}}
    with pytest.raises(HttpResponseError) as refused:
        machine.create(f"bad-{unique}", machine.group() | {"identity": nobody})
    assert refused.value.error.code == "FailedIdentityOperation"
