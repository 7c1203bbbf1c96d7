"""What `emulator status` lists: made through the clients, and as it says it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from azure.ai.ml.entities import ManagedOnlineEndpoint, Model
from azure.identity import DefaultAzureCredential
from azure.mgmt.appcontainers import ContainerAppsAPIClient
from azure.mgmt.containerinstance import ContainerInstanceManagementClient
from azure.mgmt.containerregistry import ContainerRegistryManagementClient

from emulator.defaults import REGION, RESOURCE_GROUP, SUBSCRIPTION, WORKSPACE
from emulator.inventory import inventory
from tests.azure import LocalAzure, azure_in, course_client
from tests.emulator.services.container_instances.test_stand_ins import container, group

from .command import command

HELLO = "mcr.microsoft.com/azuredocs/aci-helloworld"


@pytest.fixture(scope="module")
def azure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAzure]:
    """Without an engine, which would fetch the image from the internet."""
    folder = tmp_path_factory.mktemp("listed")
    with azure_in(folder, {"AZURE_LOCAL_CONTAINERS": "process"}) as azure:
        yield azure


@pytest.fixture(scope="module")
def made(azure: LocalAzure, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home of a local Azure in which one of each kind has been made."""
    ml_client = course_client()
    file = tmp_path_factory.mktemp("model") / "model.txt"
    file.write_text("1")
    for _ in range(2):
        ml_client.models.create_or_update(Model(path=str(file), name="listed"))
    ml_client.online_endpoints.begin_create_or_update(
        ManagedOnlineEndpoint(name="listed-e")
    ).result()
    who = (DefaultAzureCredential(), SUBSCRIPTION)
    ContainerRegistryManagementClient(*who).registries.begin_create(
        RESOURCE_GROUP, "listedregistry", {"location": REGION, "sku": {"name": "Basic"}}
    ).result()
    groups = ContainerInstanceManagementClient(*who).container_groups
    body = group(container("one", HELLO))
    ports = [{"port": 80}, {"port": 5000}]
    address = {"type": "Public", "ports": ports, "dnsNameLabel": "listed-label"}
    body["properties"]["ipAddress"] = address
    body["properties"]["containers"][0]["properties"]["ports"] = ports
    groups.begin_create_or_update(RESOURCE_GROUP, "listed-group", body).result()
    apps = ContainerAppsAPIClient(*who)
    environment = apps.managed_environments.begin_create_or_update(
        RESOURCE_GROUP, "listed-env", {"location": REGION, "properties": {}}
    ).result()
    template = {"containers": [{"name": "one", "image": HELLO}], "scale": {"minReplicas": 0}}
    ingress = {"external": True, "targetPort": 80}
    app = {
        "location": REGION,
        "properties": {
            "managedEnvironmentId": environment.id,
            "configuration": {"ingress": ingress},
            "template": template,
        },
    }
    apps.container_apps.begin_create_or_update(RESOURCE_GROUP, "listed-app", app).result()
    return azure.home.root


def test_names_states_and_addresses_are_listed(made: Path) -> None:
    report = json.loads(command(made, "status", "--json").stdout)
    entries = {
        (one["type"].partition("/")[2], one["name"]): (one["state"], one["address"])
        for one in report["resources"]
    }
    scoring = "https://listed-e.westeurope.inference.ml.azure.com/score"
    assert entries["workspaces/onlineEndpoints", "listed-e"] == ("Succeeded", scoring)
    assert entries["registries", "listedregistry"] == ("Succeeded", "listedregistry.azurecr.io")
    host = "listed-label.westeurope.azurecontainer.io"
    assert entries["containerGroups", "listed-group"] == ("Running", f"http://{host} {host}:5000")
    domain = entries["managedEnvironments", "listed-env"][1]
    assert entries["containerApps", "listed-app"] == ("Running", f"https://listed-app.{domain}")
    [model] = [one for one in report["resources"] if one["name"] == "listed"]
    assert model["versions"] == 2
    assert not any(one["name"].startswith("AzureML-") for one in report["resources"])


def test_people_get_the_same_as_a_table(made: Path) -> None:
    shown = command(made, "status").stdout
    lines = [line.split() for line in shown.splitlines()]
    scoring = "https://listed-e.westeurope.inference.ml.azure.com/score"
    assert ["listed-e", "Succeeded", scoring] in lines
    assert ["listed", "2", "versions"] in lines
    assert ["Microsoft.ContainerInstance/containerGroups"] in lines
    assert f"{WORKSPACE}/listed" not in shown  # there is but the one


def test_nothing_is_listed_where_nothing_was_ever_made(tmp_path: Path) -> None:
    assert inventory(tmp_path / "state.db") == []
