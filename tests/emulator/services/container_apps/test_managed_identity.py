"""An app and a job call Azure as their managed identities, with azure-identity in the container."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from emulator.defaults import REGION, RESOURCE_GROUP, STORAGE_ACCOUNT
from tests.emulator.services.apps_bench import AppsBench
from tests.emulator.services.arm import call
from tests.emulator.services.identity_image import REGISTRY, build, claims
from tests.emulator.services.managed_identities import IDENTITIES, Identities


def ask(host: str, name: str = "", *arguments: str) -> Any:
    answer = requests.get(f"https://{host}/{name}", {"argument": arguments}, timeout=40)
    assert answer.status_code == 200, answer.text
    return answer.json()


def assign(apps: AppsBench, identity: dict[str, Any]) -> None:
    body = {"location": REGION, "identity": identity}
    apps.apps.begin_update(RESOURCE_GROUP, apps.name, body).result()


def test_an_app_calls_azure_as_itself(apps: AppsBench, unique: str):
    identities = Identities(unique)
    mine, other = identities.create("mine"), identities.create("other")
    container = apps.container(image=build(apps.machine))
    password = apps.machine.credentials(REGISTRY)
    registry = {"server": password["server"], "username": password["username"]}
    configuration = {
        "secrets": [{"name": "identity-password", "value": password["password"]}],
        "registries": [{**registry, "passwordSecretRef": "identity-password"}],
    }
    body = apps.body(container)
    body["properties"]["configuration"] |= configuration
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
