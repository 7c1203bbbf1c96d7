"""Malformed bodies of registries and runs: 400 that names the field, and nothing is stored."""

from __future__ import annotations

from typing import Any

import pytest
import requests
from azure.core.exceptions import ResourceNotFoundError

from emulator.defaults import REGION, RESOURCE_GROUP
from tests.emulator.services import arm
from tests.emulator.services.container_machine import DOCKERFILE, SERVE, Machine, archive

PROVIDER = "Microsoft.ContainerRegistry"
REGISTRIES = f"{arm.GROUP}/providers/{PROVIDER}/registries"
BASIC = {"location": REGION, "sku": {"name": "Basic"}}


def call(method: str, path: str, body: Any = None) -> requests.Response:
    return arm.call(method, path, body, **{"api-version": "2025-11-01"})


def schedule(name: str, body: Any) -> requests.Response:
    path = f"{REGISTRIES}/{name}/scheduleRun"
    return arm.call("POST", path, body, **{"api-version": "2025-03-01-preview"})


@pytest.fixture
def name(machine: Machine, unique: str):
    yield f"reg{unique}"
    machine.registries.begin_delete(RESOURCE_GROUP, f"reg{unique}").result()


WRONG = [
    ({"sku": "Basic"}, "sku", "object"),
    ({"sku": {"name": ["Basic"]}}, "sku.name", "text"),
    ({"tags": ["a"]}, "tags", "object"),
    ({"tags": {"a": {}}}, "tags.a", "text"),
    ({"tags": {"a<b": "c"}}, "tags", "invalid"),
    ({"properties": [{"adminUserEnabled": True}]}, "properties", "object"),
    ({"properties": {"adminUserEnabled": "maybe"}}, "properties.adminUserEnabled", "true or false"),
    ({"properties": {"policies": "none"}}, "properties.policies", "object"),
    ({"identity": "None"}, "identity", "object"),
]


@pytest.mark.parametrize(("change", "target", "expected"), WRONG)
def test_a_registry_of_the_wrong_shape(machine, name, change, target, expected):
    answer = call("PUT", f"{REGISTRIES}/{name}", {**BASIC, **change})
    error = answer.json()["error"]
    assert (answer.status_code, error["target"]) == (400, target)
    assert expected in error["message"]
    with pytest.raises(ResourceNotFoundError):
        machine.registries.get(RESOURCE_GROUP, name)


def test_a_patch_of_the_wrong_shape_changes_nothing(machine, name):
    machine.registry(name)
    before = call("GET", f"{REGISTRIES}/{name}").json()
    for change, target, _ in [*WRONG, ([], None, "")]:
        answer = call("PATCH", f"{REGISTRIES}/{name}", change)
        assert (answer.status_code, answer.json()["error"].get("target")) == (400, target)
    assert call("GET", f"{REGISTRIES}/{name}").json() == before


@pytest.mark.parametrize(
    ("properties", "what"),
    [
        ({"publicNetworkAccess": "Disabled"}, "publicNetworkAccess"),
        ({"networkRuleSet": {"defaultAction": "Deny"}}, "defaultAction"),
        ({"encryption": {"status": "enabled"}}, "status"),
        ({"policies": {"exportPolicy": {"status": "disabled"}}}, "status"),
        ({"policies": {"quarantinePolicy": {"status": "enabled"}}}, "quarantinePolicy"),
    ],
)
def test_what_would_have_no_effect_is_not_accepted(machine, name, properties, what):
    answer = call("PUT", f"{REGISTRIES}/{name}", {**BASIC, "properties": properties})
    assert (answer.status_code, answer.json()["error"]["code"]) == (501, "NotEmulated")
    assert what in answer.json()["error"]["message"]


def test_what_was_read_can_be_sent_back(machine, name):
    machine.registry(name)
    read = call("GET", f"{REGISTRIES}/{name}").json()
    read["SKU"] = {"NAME": "standard"}
    del read["sku"]
    answer = call("PUT", f"{REGISTRIES}/{name}", {**read, "unknown": 1})
    assert answer.status_code == 201, answer.text
    registry = machine.registries.get(RESOURCE_GROUP, name)
    assert (registry.sku.name, registry.admin_user_enabled) == ("Standard", True)
    assert "unknown" not in call("GET", f"{REGISTRIES}/{name}").json()


@pytest.mark.parametrize(
    ("path", "body", "target"),
    [
        ("checkNameAvailability", {"name": "another", "type": 1}, "type"),
        ("checkNameAvailability", {"name": {}}, "name"),
        ("checkNameAvailability", [], None),
        ("regenerateCredential", {"name": 1}, "name"),
        ("regenerateCredential", {}, "name"),
        ("regenerateCredential", None, None),
    ],
)
def test_an_action_of_the_wrong_shape(machine, name, path, body, target):
    machine.registry(name)
    before = machine.credentials(name)
    place = f"{REGISTRIES}/{name}" if path == "regenerateCredential" else _subscription()
    answer = call("POST", f"{place}/{path}", body)
    assert (answer.status_code, answer.json()["error"].get("target")) == (400, target)
    assert machine.credentials(name) == before


def _subscription() -> str:
    return f"{arm.GROUP.partition('/resourceGroups')[0]}/providers/{PROVIDER}"


def test_a_run_of_the_wrong_shape(machine, name):
    machine.registry(name)
    files = {"Dockerfile": DOCKERFILE, "serve.py": SERVE}
    good = {
        "type": "DockerBuildRequest",
        "dockerFilePath": "Dockerfile",
        "imageNames": ["web:1"],
        "sourceLocation": machine.upload(name, archive(files)),
        "platform": {"os": "Linux"},
    }
    for change, target in [
        ({"arguments": {"A": "b"}}, "arguments"),
        ({"arguments": ["A=b"]}, "arguments[0]"),
        ({"arguments": [{"name": {"A": "b"}, "value": "c"}]}, "arguments[0].name"),
        ({"arguments": [{"value": "c"}]}, "arguments[0].name"),
        ({"arguments": [{"name": "A", "value": ["c"]}]}, "arguments[0].value"),
        ({"arguments": [{"name": "A", "isSecret": "perhaps"}]}, "arguments[0].isSecret"),
        ({"imageNames": "web:1"}, "imageNames"),
        ({"imageNames": [{"name": "web"}]}, "imageNames[0]"),
        ({"dockerFilePath": [{"name": "a"}]}, "dockerFilePath"),
        ({"sourceLocation": {"url": "x"}}, "sourceLocation"),
        ({"platform": "Linux"}, "platform"),
        ({"platform": {"os": ["Linux"]}}, "platform.os"),
        ({"timeout": "long"}, "timeout"),
        ({"isPushEnabled": "perhaps"}, "isPushEnabled"),
        ({"agentConfiguration": 2}, "agentConfiguration"),
        ({"agentConfiguration": {"cpu": 0}}, "agentConfiguration.cpu"),
        ({"credentials": "me"}, "credentials"),
        ({"credentials": {"customRegistries": []}}, "credentials.customRegistries"),
        ({"type": {"name": "DockerBuildRequest"}}, "type"),
    ]:
        answer = schedule(name, {**good, **change})
        error = answer.json()["error"]
        assert (answer.status_code, error["code"], error["target"]) == (
            400,
            "InvalidRunRequest",
            target,
        )
    assert schedule(name, [good]).status_code == 400
    assert list(machine.tasks.runs.list(RESOURCE_GROUP, name)) == []


def test_tags_of_the_users_own_survive_a_patch(machine, name):
    machine.registries.begin_create(RESOURCE_GROUP, name, {**BASIC, "tags": {"a": "b"}}).result()
    machine.registries.begin_update(
        RESOURCE_GROUP, name, {"properties": {"adminUserEnabled": True}}
    ).result()
    registry = machine.registries.get(RESOURCE_GROUP, name)
    assert (registry.tags, registry.admin_user_enabled) == ({"a": "b"}, True)
