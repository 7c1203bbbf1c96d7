"""Bodies that a client may well send by mistake: each is refused with the path of its field, and
nothing of it is stored. As plain HTTP, since the SDK's models would not let most of them pass."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from emulator.defaults import REGION
from tests.api_versions import api_version
from tests.emulator.services import arm
from tests.emulator.services.apps_bench import AppsBench
from tests.emulator.services.arm import GROUP

SCHEMA, VALUE = "ContainerAppInvalidSchema", "InvalidParameterValueInContainerTemplate"
CONTAINER = "properties.template.containers.0"
WEB = "properties.template.containers.web"
INGRESS = "properties.configuration.ingress"
SCALE = "properties.template.scale"


def call(method: str, path: str, body: Any = None) -> requests.Response:
    return arm.call(method, path, body, **{"api-version": api_version(path)})


def app_path(apps: AppsBench) -> str:
    return f"{GROUP}/providers/Microsoft.App/containerApps/{apps.name}"


def environment_path(apps: AppsBench) -> str:
    return f"{GROUP}/providers/Microsoft.App/managedEnvironments/env-{apps.unique}-own"


def put_at(body: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    *parents, last = path.split(".")
    place: Any = body
    for key in parents:
        place = place[int(key)] if key.isdigit() else place.setdefault(key, {})
    place[last] = value
    return body


def check_refused(answer: requests.Response, code: str, target: str | None) -> None:
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error.get("target")) == (400, code, target)


@pytest.mark.parametrize(
    ("path", "value", "code", "target"),
    [
        ("properties", [1], SCHEMA, "properties"),
        ("properties", "x", SCHEMA, "properties"),
        ("tags", "course=05", SCHEMA, "tags"),
        ("tags", {"a": [1]}, SCHEMA, "tags.a"),
        ("properties.template", [], SCHEMA, "properties.template"),
        ("properties.template.containers", {"name": "web"}, SCHEMA, None),
        ("properties.template.containers", ["web"], SCHEMA, "properties.template.containers[0]"),
        (f"{CONTAINER}.name", ["web"], SCHEMA, "properties.template.containers[0].name"),
        (f"{CONTAINER}.command", "python web.py", SCHEMA, f"{WEB}.command"),
        (f"{CONTAINER}.args", [{}], SCHEMA, f"{WEB}.args[0]"),
        (f"{CONTAINER}.env", {"A": "1"}, SCHEMA, f"{WEB}.env"),
        (f"{CONTAINER}.env", ["A=1"], SCHEMA, f"{WEB}.env[0]"),
        (f"{CONTAINER}.env", [{"name": "A", "valeu": "1"}], SCHEMA, f"{WEB}.env[0].valeu"),
        (f"{CONTAINER}.env", [{"name": "A=B", "value": "1"}], VALUE, f"{WEB}.env.name"),
        (f"{CONTAINER}.resources", "0.5", SCHEMA, f"{WEB}.resources"),
        (f"{CONTAINER}.resources", {"cpu": [1], "memory": "1Gi"}, SCHEMA, f"{WEB}.resources.cpu"),
        (f"{CONTAINER}.resources", {"cpu": 0.5, "memory": 1}, VALUE, f"{WEB}.resources.memory"),
        (f"{CONTAINER}.probes", {"type": "Liveness"}, SCHEMA, f"{WEB}.probes"),
        (
            f"{CONTAINER}.probes",
            [{"type": "Liveness", "httpGet": {"port": "http"}}],
            SCHEMA,
            f"{WEB}.probes.Liveness.httpGet.port",
        ),
        (
            f"{CONTAINER}.probes",
            [{"type": "Liveness", "httpGet": {"port": 80, "path": "/\r\nx: y"}}],
            VALUE,
            f"{WEB}.probes.Liveness.httpGet.path",
        ),
        (
            "properties.template.volumes",
            [{"name": "a", "storageType": "EmtpyDir"}],
            SCHEMA,
            "properties.template.volumes[0].storageType",
        ),
        (SCALE, {"minReplicas": "one"}, SCHEMA, f"{SCALE}.minReplicas"),
        (SCALE, {"maxReplica": 1}, SCHEMA, f"{SCALE}.maxReplica"),
        (SCALE, {"rules": {"name": "http"}}, SCHEMA, f"{SCALE}.rules"),
        ("properties.configuration", [], SCHEMA, "properties.configuration"),
        (
            "properties.configuration.secrets",
            {"key": "value"},
            SCHEMA,
            "properties.configuration.secrets",
        ),
        (
            "properties.configuration.activeRevisionsMode",
            "multi",
            SCHEMA,
            "properties.configuration.activeRevisionsMode",
        ),
        (INGRESS, 80, SCHEMA, INGRESS),
        (f"{INGRESS}.external", "yes", SCHEMA, f"{INGRESS}.external"),
        (f"{INGRESS}.targetport_", 80, SCHEMA, f"{INGRESS}.targetport_"),
        (
            f"{INGRESS}.targetPort",
            "http",
            "ContainerAppInvalidIngressTargetPort",
            f"{INGRESS}.targetPort",
        ),
        (f"{INGRESS}.traffic", {"weight": 100}, SCHEMA, f"{INGRESS}.traffic"),
        (f"{INGRESS}.corsPolicy", {"maxAge": 1}, SCHEMA, f"{INGRESS}.corsPolicy.allowedOrigins"),
        (
            f"{INGRESS}.ipSecurityRestrictions",
            [{"name": "a", "action": "Allow", "ipAddressRange": "1.2.3"}],
            SCHEMA,
            f"{INGRESS}.ipSecurityRestrictions[0].ipAddressRange",
        ),
        (
            f"{INGRESS}.ipSecurityRestrictions",
            [
                {"name": "a", "action": "Allow", "ipAddressRange": "203.0.113.1"},
                {"name": "b", "action": "Deny", "ipAddressRange": "203.0.113.2"},
            ],
            SCHEMA,
            f"{INGRESS}.ipSecurityRestrictions",
        ),
        (
            f"{INGRESS}.traffic",
            [{"latestRevision": True, "weight": "all"}],
            "ContainerAppInvalidTraffic",
            f"{INGRESS}.traffic[0].weight",
        ),
        ("properties.envirommentId", "x", SCHEMA, "properties.envirommentId"),
        (f"{CONTAINER}.env", [{"name": "A", "value": "a\0b"}], SCHEMA, None),
    ],
)
def test_an_app_that_is_written_wrong(
    apps: AppsBench, path: str, value: Any, code: str, target: str | None
):
    body = put_at(apps.body(), path, value)
    answer = call("PUT", app_path(apps), body)
    check_refused(answer, code, target or answer.json()["error"]["target"])
    assert call("GET", app_path(apps)).status_code == 404


@pytest.mark.parametrize("body", [None, [], "x", 1])
def test_an_app_that_is_no_object(apps: AppsBench, body: Any):
    check_refused(call("PUT", app_path(apps), body), SCHEMA, None)


@pytest.mark.parametrize(
    ("body", "target"),
    [
        ([], None),
        ({"properties": [1]}, "properties"),
        ({"properties": {"template": {"containers": "web"}}}, "properties.template.containers"),
        ({"properties": {"configuration": {"ingress": 80}}}, INGRESS),
        ({"propertys": {}}, "propertys"),
    ],
)
def test_a_patch_that_is_written_wrong_changes_nothing(
    apps: AppsBench, body: Any, target: str | None
):
    before = apps.put(apps.body()).as_dict()
    check_refused(call("PATCH", app_path(apps), body), SCHEMA, target)
    assert apps.get().as_dict() == before


@pytest.mark.parametrize(
    ("path", "value", "what"),
    [
        ("properties.configuration.ingress.additionalPortMappings", [{}, {"a": 1}], "Mappings"),
        ("properties.configuration.ingress.targetPortHttpScheme", "https", "https"),
        ("properties.configuration.runtime", {"java": {"enableMetrics": True}}, "runtime"),
        ("properties.template.serviceBinds", [{"serviceId": "x"}], "serviceBinds"),
        ("properties.patchingConfiguration", {"patchingMode": "Manual"}, "patching"),
        ("kind", "functionapp", "kind"),
        ("extendedLocation", {"name": "x", "type": "CustomLocation"}, "extendedLocation"),
        (f"{CONTAINER}.imageType", "CloudBuild", "CloudBuild"),
        (
            f"{CONTAINER}.probes",
            [{"type": "Liveness", "tcpSocket": {"port": 80, "host": "example.org"}}],
            "host",
        ),
    ],
)
def test_what_an_app_cannot_have_here(apps: AppsBench, path: str, value: Any, what: str):
    answer = call("PUT", app_path(apps), put_at(apps.body(), path, value))
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (501, "NotEmulated")
    assert what in error["message"]
    assert call("GET", app_path(apps)).status_code == 404


@pytest.mark.parametrize(
    ("path", "value", "status", "target"),
    [
        ("properties", [1], 400, "properties"),
        ("tags", [], 400, "tags"),
        ("properties.zoneRedundnat", True, 400, "properties.zoneRedundnat"),
        ("properties.workloadProfiles", {}, 400, "properties.workloadProfiles"),
        ("properties.appLogsConfiguration", "none", 400, "properties.appLogsConfiguration"),
        ("properties.zoneRedundant", True, 501, None),
        ("properties.publicNetworkAccess", "Disabled", 501, None),
        ("properties.environmentMode", "Express", 501, None),
        ("properties.workloadProfiles", [{"workloadProfileType": "D4", "name": "a"}], 501, None),
        ("properties.peerAuthentication", {"mtsl": {}}, 400, "properties.peerAuthentication.mtsl"),
        ("properties.daprAIInstrumentationKey", "key", 501, None),
        ("identity", {"type": "SystemAssigned"}, 501, None),
    ],
)
def test_an_environment_that_cannot_be(
    apps: AppsBench, path: str, value: Any, status: int, target: str | None
):
    answer = call("PUT", environment_path(apps), put_at({"location": REGION}, path, value))
    error = answer.json()["error"]
    code = "ManagedEnvironmentInvalidSchema" if status == 400 else "NotEmulated"
    assert (answer.status_code, error["code"], error.get("target")) == (status, code, target)
    assert call("GET", environment_path(apps)).status_code == 404


def test_names_that_begin_with_an_underscore_stay(apps: AppsBench):
    apps.put({**apps.body(apps.container(env={"_MODE": "test"})), "tags": {"_owner": "ada"}})
    changed = apps.patch({"configuration": {"maxInactiveRevisions": 5}})
    assert changed.tags == {"_owner": "ada"}
    assert [one.name for one in changed.template.containers[0].env] == ["_MODE"]
    assert len(apps.list_revisions()) == 1
    assert apps.ask().json()["env"]["_MODE"] == "test"


def test_numbers_that_are_texts(apps: AppsBench):
    body = apps.body(apps.container(resources={"CPU": "0.25", "memory": "512Mi"}))
    body["properties"]["configuration"]["ingress"]["targetPort"] = "80"
    traffic = [{"latestrevision": True, "Weight": "100"}]
    body["properties"]["configuration"]["ingress"]["traffic"] = traffic
    shown = apps.put(body)
    assert shown.configuration.ingress.target_port == 80
    assert shown.template.containers[0].resources.cpu == 0.25
    assert apps.ask().status_code == 200


def test_what_was_shown_is_taken_again(apps: AppsBench):
    apps.put(apps.body(apps.container(env={"VERSION": "1"})))
    shown = call("GET", app_path(apps)).json()
    secrets = call("POST", f"{app_path(apps)}/listSecrets").json()["value"]
    shown["properties"]["configuration"]["secrets"] = secrets
    assert apps.put(shown).provisioning_state == "Succeeded"
    after = call("GET", app_path(apps)).json()
    del after["systemData"], shown["systemData"]
    del after["properties"]["configuration"]["secrets"]
    del shown["properties"]["configuration"]["secrets"]
    assert after == shown
    assert len(apps.list_revisions()) == 1
