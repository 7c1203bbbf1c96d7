"""What an app's body may be, read into a spec and back: every field, and anything in its place."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest

from emulator.arm.errors import ArmError
from emulator.services.container_apps.app_spec import AppSpec
from emulator.services.container_apps.environment_spec import EnvironmentSpec
from emulator.services.container_apps.paths import APP_TYPE
from emulator.store import Resource

DOMAIN = "politehill-12345678.westeurope.azurecontainerapps.io"
PROBE = {
    "type": "Readiness",
    "httpGet": {
        "path": "/health",
        "port": 8080,
        "scheme": "HTTP",
        "httpHeaders": [{"name": "x-probe", "value": "yes"}],
    },
    "failureThreshold": 4,
    "initialDelaySeconds": 5,
    "periodSeconds": 7,
    "successThreshold": 2,
    "timeoutSeconds": 3,
}
BODY: dict[str, Any] = {
    "location": "westeurope",
    "tags": {"_owner": "ada", "course": "05"},
    "managedBy": "/subscriptions/s/resourceGroups/g/providers/p/t/n",
    "identity": {"type": "None"},
    "properties": {
        "environmentId": "/subscriptions/s/resourceGroups/g/e",
        "workloadProfileName": "Consumption",
        "configuration": {
            "activeRevisionsMode": "Multiple",
            "maxInactiveRevisions": 7,
            "identitySettings": [{"identity": "system", "lifecycle": "Main"}],
            "secrets": [{"name": "key", "value": "s3cret"}],
            "registries": [
                {"server": "a.azurecr.io", "username": "ada", "passwordSecretRef": "key"}
            ],
            "ingress": {
                "external": True,
                "targetPort": 8080,
                "transport": "http",
                "allowInsecure": True,
                "clientCertificateMode": "ignore",
                "ipSecurityRestrictions": [
                    {"name": "office", "ipAddressRange": "203.0.113.0/24", "action": "Allow"}
                ],
                "corsPolicy": {
                    "allowedOrigins": ["https://site.example"],
                    "allowedMethods": ["GET"],
                    "allowedHeaders": ["*"],
                    "exposeHeaders": ["etag"],
                    "maxAge": 60,
                    "allowCredentials": True,
                },
                "stickySessions": {"affinity": "none"},
                "targetPortHttpScheme": "http",
                "traffic": [
                    {"latestRevision": True, "weight": 50, "label": "new"},
                    {"revisionName": "app--one", "weight": 50, "label": "old"},
                ],
            },
            "dapr": {"enabled": False, "appId": "app", "appPort": 80, "enableApiLogging": True},
        },
        "template": {
            "revisionSuffix": "two",
            "terminationGracePeriodSeconds": 12,
            "containers": [
                {
                    "name": "web",
                    "image": "a.azurecr.io/web:1",
                    "command": ["python", "web.py"],
                    "args": ["--port", "8080"],
                    "env": [
                        {"name": "_MODE", "value": "test"},
                        {"name": "KEY", "secretRef": "key"},
                    ],
                    "resources": {"cpu": 0.5, "memory": "1.0Gi"},
                    "probes": [
                        PROBE,
                        {
                            "type": "Liveness",
                            "tcpSocket": {"port": 8080},
                            "terminationGracePeriodSeconds": 2,
                        },
                    ],
                    "volumeMounts": [{"volumeName": "keys", "mountPath": "/mnt/keys"}],
                }
            ],
            "initContainers": [{"name": "first", "image": "a.azurecr.io/first:1"}],
            "volumes": [
                {
                    "name": "keys",
                    "storageType": "Secret",
                    "secrets": [{"secretRef": "key", "path": "k"}],
                },
                {"name": "scratch", "storageType": "EmptyDir"},
            ],
            "scale": {
                "minReplicas": 1,
                "maxReplicas": 3,
                "cooldownPeriod": 60,
                "pollingInterval": 10,
                "rules": [
                    {"name": "http", "http": {"metadata": {"concurrentRequests": "5"}}},
                    {"name": "tcp", "tcp": {"metadata": {"concurrentConnections": "9"}}},
                    {
                        "name": "queue",
                        "azureQueue": {
                            "accountName": "a",
                            "queueName": "q",
                            "queueLength": 3,
                            "auth": [{"secretRef": "key", "triggerParameter": "connection"}],
                        },
                    },
                    {
                        "name": "cpu",
                        "custom": {
                            "type": "cpu",
                            "metadata": {"type": "Utilization", "value": "70"},
                        },
                    },
                    {"name": "cron", "custom": {"type": "cron", "identity": "system"}},
                ],
            },
        },
    },
}
ENVIRONMENT: dict[str, Any] = {
    "location": "westeurope",
    "tags": {"_owner": "ada"},
    "properties": {
        "appLogsConfiguration": {
            "destination": "log-analytics",
            "logAnalyticsConfiguration": {
                "customerId": "00000000-0000-0000-0000-000000000001",
                "sharedKey": "key",
                "dynamicJsonColumns": True,
            },
        },
        "publicNetworkAccess": "Enabled",
        "zoneRedundant": False,
        "peerAuthentication": {"mtls": {"enabled": False}},
        "peerTrafficConfiguration": {"encryption": {"enabled": True}},
        "infrastructureResourceGroup": "rg",
        "environmentMode": "WorkloadProfiles",
        "workloadProfiles": [{"name": "Consumption", "workloadProfileType": "Consumption"}],
    },
}
WRONG = (
    None,
    True,
    -1,
    1e300,
    10**30,
    0.5,
    "",
    "x",
    "\0",
    "../..",
    "\r\nX: y",
    "\U0001f4a5",
    "9" * 5000,
    [],
    [None],
    [1],
    [[]],
    [{}],
    {},
    {"a": None},
    {"a": {"b": [1]}},
)


def stored(spec: AppSpec) -> Resource:
    app = Resource("/subscriptions/s/resourceGroups/g/app", APP_TYPE, {"location": "westeurope"})
    app.properties["environmentId"] = spec.environment_id
    app.properties["workloadProfileName"] = spec.profile
    spec.put_into(app, DOMAIN)
    return app


def test_what_is_kept_is_what_was_asked_for():
    spec = AppSpec.read(BODY, "app")
    app = stored(spec)
    kept = Resource(app.id, APP_TYPE, json.loads(json.dumps(app.body)), app.private)
    assert AppSpec.stored(kept) == spec
    assert "s3cret" not in json.dumps(app.body)
    assert app.private["secrets"] == {"key": "s3cret"}
    assert app.body["tags"] == BODY["tags"]
    container = app.properties["template"]["containers"][0]
    assert container["env"] == BODY["properties"]["template"]["containers"][0]["env"]
    assert container["resources"]["memory"] == "1.0Gi"
    assert container["probes"][0] == PROBE


def test_what_is_shown_may_be_sent_again():
    spec = AppSpec.read(BODY, "app")
    shown = stored(spec).body
    secrets = [{"name": "key", "value": "s3cret"}]
    shown["properties"]["configuration"]["secrets"] = secrets
    assert AppSpec.read(shown, "app") == spec


def test_numbers_may_be_texts_and_names_have_no_case():
    body = copy.deepcopy(BODY)
    configuration = body["properties"].pop("configuration")
    body["properties"]["Configuration"] = configuration
    configuration["ingress"]["TargetPort"] = str(configuration["ingress"].pop("targetPort"))
    configuration["ingress"]["traffic"][0]["weight"] = "50"
    configuration["ingress"]["external"] = "true"
    container = body["properties"]["template"]["containers"][0]
    container["resources"]["cpu"] = "0.5"
    container["probes"][0]["periodSeconds"] = "7"
    assert AppSpec.read(body, "app") == AppSpec.read(BODY, "app")


def nodes(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    items = enumerate(value) if isinstance(value, list) else ()
    for key, item in value.items() if isinstance(value, dict) else items:
        yield from nodes(item, (*path, key))


def replaced(body: dict[str, Any], path: tuple[Any, ...], value: Any) -> Any:
    if not path:
        return value
    changed = copy.deepcopy(body)
    place: Any = changed
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return changed


@pytest.mark.parametrize("path", nodes(BODY), ids=lambda path: ".".join(map(str, path)))
def test_anything_in_the_place_of_a_field(path: tuple[Any, ...]):
    answers = []
    for value in WRONG:
        try:
            spec = AppSpec.read(replaced(BODY, path, value), "app")
        except ArmError as error:
            answers.append(error.status)
        else:
            app = stored(spec)
            assert AppSpec.stored(app) == spec
            answers.append(200)
    assert set(answers) <= {200, 400, 501}
    assert 400 in answers  # no field takes everything


@pytest.mark.parametrize("path", nodes(ENVIRONMENT), ids=lambda path: ".".join(map(str, path)))
def test_anything_in_the_place_of_a_field_of_an_environment(path: tuple[Any, ...]):
    answers = []
    for value in WRONG:
        try:
            EnvironmentSpec.read(replaced(ENVIRONMENT, path, value))
        except ArmError as error:
            answers.append(error.status)
        else:
            answers.append(200)
    assert set(answers) <= {200, 400, 501}
    assert {400, 501} & set(answers)  # no field takes everything


def objects(body: dict[str, Any]) -> Iterator[tuple[Any, ...]]:
    """Where the objects of a fixed schema are: tags and a rule's metadata may have any name."""
    for path in nodes(body):
        if isinstance(at(body, path), dict) and path[-1:] not in (("tags",), ("metadata",)):
            yield path


def at(body: dict[str, Any], path: tuple[Any, ...]) -> Any:
    place: Any = body
    for key in path:
        place = place[key]
    return place


@pytest.mark.parametrize("path", objects(BODY), ids=lambda path: ".".join(map(str, path)))
def test_a_name_that_the_schema_does_not_have(path: tuple[Any, ...]):
    misspelt = {**at(BODY, path), "misspelt": "x"}
    with pytest.raises(ArmError) as error:
        AppSpec.read(replaced(BODY, path, misspelt), "app")
    assert (error.value.status, error.value.code) == (400, "ContainerAppInvalidSchema")
    assert "'misspelt'" in error.value.message
    assert (error.value.target or "").rpartition(".")[2] == "misspelt"
