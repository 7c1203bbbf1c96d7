"""What people write by mistake is refused, and the answer says where the mistake is."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
import requests

from emulator.defaults import REGION
from tests.api_versions import api_version
from tests.emulator.services.arm import GROUP, HOME
from tests.emulator.services.arm import call as send

PROVIDERS = f"{GROUP}/providers"
CONTAINER_GROUP = f"{PROVIDERS}/Microsoft.ContainerInstance/containerGroups/mistake"
REGISTRY = f"{PROVIDERS}/Microsoft.ContainerRegistry/registries/mistakes"
APP = f"{PROVIDERS}/Microsoft.App/containerApps/mistake"
ENVIRONMENT = f"{PROVIDERS}/Microsoft.App/managedEnvironments/mistakes"
STORAGE = f"{PROVIDERS}/Microsoft.Storage/storageAccounts/mistakes"
LOGS = f"{PROVIDERS}/Microsoft.OperationalInsights/workspaces/mistakes"
ENDPOINT = f"{HOME}/onlineEndpoints/mistakes"
GROUND = f"{PROVIDERS}/Microsoft.ContainerRegistry/registries/mistakesground"
RUN = f"{GROUND}/scheduleRun"  # an action: POST
DEPLOYMENT = f"{ENDPOINT}/deployments/blue"

_SIZE = {"requests": {"cpu": 1, "memoryInGB": 1}}
_CONTAINER = {"name": "web", "properties": {"image": "nginx", "resources": _SIZE}}
_APP_CONTAINER = {"name": "web", "image": "nginx"}
RIGHT: dict[str, dict[str, Any]] = {
    CONTAINER_GROUP: {
        "location": REGION,
        "properties": {"osType": "Linux", "containers": [_CONTAINER]},
    },
    REGISTRY: {"location": REGION, "sku": {"name": "Basic"}, "properties": {}},
    APP: {
        "location": REGION,
        "properties": {
            "environmentId": ENVIRONMENT,
            "configuration": {"ingress": {"targetPort": 80}},
            "template": {"containers": [_APP_CONTAINER], "scale": {}},
        },
    },
    ENVIRONMENT: {"location": REGION, "properties": {}},
    STORAGE: {"location": REGION, "kind": "StorageV2", "sku": {"name": "Standard_LRS"}},
    LOGS: {"location": REGION, "properties": {"sku": {"name": "PerGB2018"}}},
    ENDPOINT: {"location": REGION, "properties": {"authMode": "Key"}},
    RUN: {
        "type": "DockerBuildRequest",
        "dockerFilePath": "Dockerfile",
        "imageNames": ["web:1"],
        "sourceLocation": "source/nothing.tar.gz",
        "platform": {"os": "Linux"},
    },
    DEPLOYMENT: {
        "location": REGION,
        "sku": {"name": "Default", "capacity": 1},
        "properties": {
            "endpointComputeType": "Managed",
            "instanceType": "Standard_DS2_v2",
            "codeConfiguration": {"codeId": f"{HOME}/codes/a/versions/1", "scoringScript": "s.py"},
            "environmentId": f"{HOME}/environments/a/versions/1",
        },
    },
}
_IN_GROUP = "properties.containers.0.properties"
_IN_APP = "properties.template.containers.0"
MISTAKES: list[tuple[str, str, Any]] = [
    (CONTAINER_GROUP, f"{_IN_GROUP}.environmentVariables", {"A": "1"}),
    (CONTAINER_GROUP, f"{_IN_GROUP}.ports", 8080),
    (CONTAINER_GROUP, f"{_IN_GROUP}.ports", [8080]),
    (CONTAINER_GROUP, f"{_IN_GROUP}.command", "python web.py"),
    (CONTAINER_GROUP, f"{_IN_GROUP}.resources", "1 CPU"),
    (CONTAINER_GROUP, f"{_IN_GROUP}.resources.requests.cpu", "many"),
    (CONTAINER_GROUP, f"{_IN_GROUP}.livenessProbe", "/health"),
    (CONTAINER_GROUP, f"{_IN_GROUP}.volumeMounts", {"/data": "data"}),
    (CONTAINER_GROUP, "properties.containers", {"web": {"image": "nginx"}}),
    (CONTAINER_GROUP, "properties.imageRegistryCredentials", {"server": "a", "username": "b"}),
    (CONTAINER_GROUP, "properties.ipAddress", "Public"),
    (CONTAINER_GROUP, "properties.volumes", {"data": {}}),
    (CONTAINER_GROUP, "tags", ["course"]),
    (REGISTRY, "sku", "Basic"),
    (REGISTRY, "properties.adminUserEnabled", {"enabled": True}),
    (REGISTRY, "tags", "course"),
    (RUN, "arguments", {"A": "b"}),
    (RUN, "arguments", ["A=b"]),
    (RUN, "imageNames", "web:1"),
    (RUN, "platform", "Linux"),
    (RUN, "dockerFilePath", ["Dockerfile"]),
    (APP, f"{_IN_APP}.env", {"A": "1"}),
    (APP, f"{_IN_APP}.command", "python web.py"),
    (APP, f"{_IN_APP}.args", {"--port": 80}),
    (APP, f"{_IN_APP}.resources", "0.5"),
    (APP, f"{_IN_APP}.probes", {"type": "Liveness"}),
    (APP, "properties.template.containers", {"web": {"image": "nginx"}}),
    (APP, "properties.template.scale", 3),
    (APP, "properties.template.scale.minReplicas", "few"),
    (APP, "properties.template.scale.rules", {"http": {}}),
    (APP, "properties.configuration.secrets", {"password": "a"}),
    (APP, "properties.configuration.registries", {"server": "a"}),
    (APP, "properties.configuration.ingress", 80),
    (APP, "properties.configuration.ingress.targetPort", "http"),
    (APP, "properties.configuration.ingress.traffic", {"latest": 100}),
    (ENVIRONMENT, "properties.appLogsConfiguration", "log-analytics"),
    (ENVIRONMENT, "properties.workloadProfiles", "Consumption"),
    (STORAGE, "sku", "Standard_LRS"),
    (LOGS, "properties.sku", "PerGB2018"),
    (LOGS, "properties.retentionInDays", "a month"),
    (ENDPOINT, "properties.traffic", [{"blue": 100}]),
    (ENDPOINT, "properties.authMode", ["Key"]),
    (ENDPOINT, "identity", "SystemAssigned"),
    (ENDPOINT, "tags", ["course"]),
    (DEPLOYMENT, "sku", "Default"),
    (DEPLOYMENT, "sku.capacity", "several"),
    (DEPLOYMENT, "properties.codeConfiguration", "score.py"),
    (DEPLOYMENT, "properties.environmentId", {"name": "a"}),
    (DEPLOYMENT, "properties.environmentVariables", [{"name": "A", "value": "1"}]),
    (DEPLOYMENT, "properties.requestSettings", "PT5S"),
    (DEPLOYMENT, "properties.livenessProbe", {"period": 10, "timeout": "soon"}),
]


def call(method: str, path: str, body: Any = None) -> requests.Response:
    return send(method, path, body, **{"api-version": api_version(path)})


def with_mistake(body: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    changed: Any = deepcopy(body)
    *holders, last = path.split(".")
    found = changed
    for name in holders:
        found = found[int(name)] if name.isdecimal() else found.setdefault(name, {})
    found[last] = value
    result: dict[str, Any] = changed
    return result


@pytest.fixture(scope="module")
def ground(local_azure: object) -> None:
    """What an app, a deployment and a run are in."""
    assert call("PUT", GROUND, RIGHT[REGISTRY]).ok
    made = call("PUT", ENVIRONMENT, RIGHT[ENVIRONMENT])
    assert made.ok, made.text
    assert call("PUT", ENDPOINT, RIGHT[ENDPOINT]).ok


@pytest.mark.parametrize(
    ("resource", "path", "value"),
    [
        pytest.param(*one, id=f"{one[0].rpartition('/')[0].rpartition('/')[2]}-{one[1]}")
        for one in MISTAKES
    ],
)
def test_a_mistake_is_refused_by_its_name(
    ground: None, resource: str, path: str, value: Any
) -> None:
    before = call("GET", resource)
    method = "POST" if resource == RUN else "PUT"
    answer = call(method, resource, with_mistake(RIGHT[resource], path, value))
    assert answer.status_code == 400, answer.text
    field = path.rpartition(".")[2]
    assert field.lower() in answer.text.lower(), answer.text
    after = call("GET", resource)
    assert (after.status_code, after.text) == (before.status_code, before.text)
