"""What an app may be: each mistake is answered with Azure's code and names the field."""

from __future__ import annotations

from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.identity import DefaultAzureCredential
from azure.mgmt.resource.resources import ResourceManagementClient

from emulator.defaults import REGION, RESOURCE_GROUP, SUBSCRIPTION
from tests.emulator.services.apps_bench import AppsBench


def refused(apps: AppsBench, body: dict[str, Any], name: str = "") -> HttpResponseError:
    with pytest.raises(HttpResponseError) as error:
        apps.put(body, name)
    return error.value


def changed(apps: AppsBench, path: str, value: Any) -> dict[str, Any]:
    """A good body with one thing put in its place, or taken away (None)."""
    body = apps.body()
    *parents, last = path.split(".")
    place: Any = body
    for key in parents:
        place = place[int(key)] if key.isdigit() else place.setdefault(key, {})
    if value is None:
        del place[last]
    else:
        place[last] = value
    return body


CONTAINER = "properties.template.containers.0"
INGRESS = "properties.configuration.ingress"
AUTH = {"secretRef": "nobody", "triggerParameter": "connection"}
HTTP = {"httpGet": {"path": "/", "port": 80}}


@pytest.mark.parametrize(
    ("path", "value", "code", "target"),
    [
        ("location", None, "LocationRequired", "location"),
        ("location", "mars", "LocationNotAvailableForResourceType", "location"),
        ("location", "eastus", "InvalidContainerAppLocation", "location"),
        ("properties.environmentId", None, "InvalidManagedEnvironmentId", "environmentId"),
        ("properties.template.containers", [], "ContainerAppContainersRequired", "containers"),
        (f"{CONTAINER}.image", None, "ContainerAppImageRequired", "containers.web.image"),
        (f"{CONTAINER}.name", "Web_1", "InvalidParameterValueInContainerTemplate", "name"),
        (
            f"{CONTAINER}.resources",
            {"cpu": 0.25, "memory": "1Gi"},
            "ContainerAppInvalidResourceTotal",
            "resources",
        ),
        (
            f"{CONTAINER}.resources",
            {"cpu": 0.5},
            "InvalidParameterValueInContainerTemplate",
            "resources.memory",
        ),
        (
            f"{CONTAINER}.env",
            [{"name": "A", "secretRef": "nobody"}],
            "ContainerAppSecretRefNotFound",
            "env.A",
        ),
        (
            f"{CONTAINER}.volumeMounts",
            [{"volumeName": "none", "mountPath": "/a"}],
            "InvalidParameterValueInContainerTemplate",
            "volumeName",
        ),
        (
            f"{CONTAINER}.probes",
            [{"type": "Liveness"}],
            "InvalidParameterValueInContainerTemplate",
            "probes.Liveness",
        ),
        (
            f"{CONTAINER}.probes",
            [{"type": "Liveness", "periodSeconds": 0, **HTTP}],
            "InvalidParameterValueInContainerTemplate",
            "periodSeconds",
        ),
        (
            "properties.template.scale",
            {"minReplicas": 5, "maxReplicas": 2},
            "InvalidParameterValueInContainerTemplate",
            "minReplicas",
        ),
        (
            "properties.template.scale",
            {"maxReplicas": 1001},
            "InvalidParameterValueInContainerTemplate",
            "maxReplicas",
        ),
        (
            "properties.template.scale",
            {"rules": [{"name": "c", "custom": {"type": "cpu", "metadata": {}}}]},
            "InvalidParameterValueInContainerTemplate",
            "rules.c.custom.metadata.value",
        ),
        (
            "properties.template.scale",
            {"rules": [{"name": "c", "custom": {"metadata": {"a": "b"}}}]},
            "InvalidParameterValueInContainerTemplate",
            "rules.c.custom.type",
        ),
        (
            "properties.template.scale",
            {"rules": [{"name": "two", "http": {}, "tcp": {}}]},
            "InvalidParameterValueInContainerTemplate",
            "rules.two",
        ),
        (
            "properties.template.scale",
            {"rules": [{"name": "q", "azureQueue": {"queueName": "q", "auth": [AUTH]}}]},
            "ContainerAppSecretRefNotFound",
            "secretRef",
        ),
        (
            "properties.template.revisionSuffix",
            "Not--good",
            "ContainerAppInvalidRevisionName",
            "revisionSuffix",
        ),
        (f"{INGRESS}.targetPort", 70000, "ContainerAppInvalidIngressTargetPort", "targetPort"),
        (
            f"{INGRESS}.traffic",
            [{"latestRevision": True, "weight": 60}],
            "ContainerAppInvalidTraffic",
            "ingress.traffic",
        ),
        (
            "properties.configuration.secrets",
            [{"name": "empty"}],
            "ContainerAppSecretInvalid",
            "secrets.empty",
        ),
        (
            "properties.configuration.secrets",
            [{"name": "No Good", "value": "x"}],
            "ContainerAppSecretNameInvalid",
            "secrets.name",
        ),
        (
            "properties.configuration.registries",
            [{"server": "a.azurecr.io", "username": "u", "passwordSecretRef": "nobody"}],
            "ContainerAppSecretRefNotFound",
            "passwordSecretRef",
        ),
    ],
)
def test_mistakes_are_named(apps: AppsBench, path: str, value: Any, code: str, target: str):
    error = refused(apps, changed(apps, path, value))
    assert (error.status_code, error.error.code) == (400, code)
    assert error.error.target.endswith(target)
    with pytest.raises(ResourceNotFoundError):
        apps.get()


@pytest.mark.parametrize("name", ["Upper", "1st", "a--b", "ends-", "a", "x" * 33, "dot.ted"])
def test_names(apps: AppsBench, name: str):
    error = refused(apps, apps.body(), name)
    assert (error.status_code, error.error.code) == (400, "ContainerAppInvalidName")


def test_session_affinity_is_for_the_single_mode(apps: AppsBench):
    sticky = {"ingress": {"stickySessions": {"affinity": "sticky"}}}
    body = apps.body(configuration={"activeRevisionsMode": "Multiple", **sticky})
    error = refused(apps, body)
    code = "ContainerAppInvalidIngressStickySessionRevisionMode"
    assert (error.status_code, error.error.code) == (400, code)


def test_an_environment_that_is_not_there(apps: AppsBench):
    body = apps.body()
    body["properties"]["environmentId"] += "-not"
    error = refused(apps, body)
    assert (error.status_code, error.error.code) == (404, "ManagedEnvironmentNotFound")
    assert error.error.target == "properties.environmentId"


def test_an_app_stays_in_its_environment_and_has_its_name_alone(apps: AppsBench, unique: str):
    apps.put(apps.body())
    other = f"other-{unique}"
    apps.environments.begin_create_or_update(RESOURCE_GROUP, other, {"location": REGION}).result()
    body = apps.body()
    body["properties"]["environmentId"] = apps.environment_id.replace(f"env-{unique}", other)
    error = refused(apps, body)
    assert (error.status_code, error.error.code) == (400, "ContainerAppEnvironmentMismatch")
    apps.environments.begin_delete(RESOURCE_GROUP, other).result()
    groups = ResourceManagementClient(DefaultAzureCredential(), SUBSCRIPTION).resource_groups
    groups.create_or_update(f"rg-{unique}", {"location": REGION})
    with pytest.raises(HttpResponseError) as raised:
        apps.apps.begin_create_or_update(f"rg-{unique}", apps.name, apps.body())
    assert raised.value.status_code == 409
    groups.begin_delete(f"rg-{unique}").result()


def test_traffic_to_a_revision_that_is_not_there(apps: AppsBench):
    body = apps.body(configuration={"activeRevisionsMode": "Multiple"})
    share = {"revisionName": f"{apps.name}--none", "weight": 100}
    body["properties"]["configuration"]["ingress"]["traffic"] = [share]
    error = refused(apps, body)
    assert (error.error.code, "--none" in error.message) == ("ContainerAppInvalidTraffic", True)


@pytest.mark.parametrize(
    ("path", "value", "what"),
    [
        ("properties.configuration.dapr", {"enabled": True}, "Dapr"),
        (f"{INGRESS}.transport", "tcp", "tcp"),
        (f"{INGRESS}.transport", "http2", "http2"),
        (f"{INGRESS}.customDomains", [{"name": "a.example"}], "customDomains"),
        ("properties.template.scale", {"minReplicas": 301, "maxReplicas": 400}, "minReplicas"),
        ("properties.template.volumes", [{"name": "f", "storageType": "AzureFile"}], "AzureFile"),
        ("properties.workloadProfileName", "D4", "D4"),
    ],
)
def test_what_is_not_emulated_says_so(apps: AppsBench, path: str, value: Any, what: str):
    error = refused(apps, changed(apps, path, value))
    assert (error.status_code, error.error.code) == (501, "NotEmulated")
    assert what in error.message


def test_environments_that_are_not_emulated(apps: AppsBench):
    logs = {"appLogsConfiguration": {"destination": "azure-monitor"}}
    for properties in (logs, {"zoneRedundant": True}, {"vnetConfiguration": {"internal": True}}):
        body = {"location": REGION, "properties": properties}
        with pytest.raises(HttpResponseError) as error:
            apps.environments.begin_create_or_update(RESOURCE_GROUP, "env-none", body)
        assert error.value.status_code == 501
    with pytest.raises(HttpResponseError) as error:
        apps.apps.list_custom_host_name_analysis(RESOURCE_GROUP, "any")
    assert error.value.status_code == 501


def test_an_image_that_is_not_there_fails_the_operation(apps: AppsBench):
    image = f"{apps.image.rpartition(':')[0]}:none"
    error = refused(apps, apps.body(apps.container(image=image)))
    assert error.error.code == "InvalidParameterValueInContainerTemplate"
    for part in ("template.containers.web.image", image, "MANIFEST_UNKNOWN"):
        assert part in error.message
    app = apps.get()
    assert (app.provisioning_state, app.latest_revision_name) == ("Failed", "")
    assert apps.put(apps.body()).provisioning_state == "Succeeded"


def test_a_registry_wants_its_password(apps: AppsBench):
    body = apps.body()
    body["properties"]["configuration"]["registries"] = None
    assert "UNAUTHORIZED" in refused(apps, body).message
    body = apps.body()
    body["properties"]["configuration"]["secrets"][0]["value"] = "wrong"
    assert "UNAUTHORIZED" in refused(apps, body).message
    body = apps.body(apps.container(image="nobodyhasthis.azurecr.io/web:1"))
    assert "no such host" in refused(apps, body).message
