"""Malformed bodies of container groups: 400 that names the field, and nothing is stored."""

from __future__ import annotations

import base64

import pytest
from azure.core.exceptions import ResourceNotFoundError

from emulator.defaults import RESOURCE_GROUP
from tests.emulator.services.container_instances.calls import GROUPS, call
from tests.emulator.services.container_instances.test_rules import change
from tests.emulator.services.container_machine import Machine

CONTAINER = "containers[0].properties"


@pytest.fixture
def name(machine: Machine, unique: str):
    yield f"group-{unique}"
    machine.groups.begin_delete(RESOURCE_GROUP, f"group-{unique}").result()


@pytest.mark.parametrize(
    ("path", "value", "target", "expected"),
    [
        # What is naturally got wrong
        ("environmentVariables", {"A": "1"}, f"{CONTAINER}.environmentVariables", "list"),
        ("environmentVariables", ["A=1"], f"{CONTAINER}.environmentVariables[0]", "object"),
        ("ports", 8080, f"{CONTAINER}.ports", "list"),
        ("ports", [8080], f"{CONTAINER}.ports[0]", "object"),
        ("ports", [{"port": "http"}], f"{CONTAINER}.ports[0].port", "whole number"),
        ("ports", [{}], f"{CONTAINER}.ports[0].port", "required"),
        ("ports", [{"port": 80, "protocol": "HTTP"}], f"{CONTAINER}.ports[0].protocol", "TCP"),
        ("command", "python web.py", f"{CONTAINER}.command", "list"),
        ("command", [["python", "web.py"]], f"{CONTAINER}.command[0]", "text"),
        ("image", {"name": "web"}, f"{CONTAINER}.image", "text"),
        ("resources", 1, f"{CONTAINER}.resources", "object"),
        ("resources", {"requests": 1}, f"{CONTAINER}.resources.requests", "object"),
        (
            "resources",
            {"requests": {"cpu": "half", "memoryInGB": 1}},
            f"{CONTAINER}.resources.requests.cpu",
            "number",
        ),
        (
            "resources",
            {"requests": {"cpu": 1, "memoryInGB": 1}, "limits": {"cpu": True}},
            f"{CONTAINER}.resources.limits.cpu",
            "number",
        ),
        ("volumeMounts", {"data": "/data"}, f"{CONTAINER}.volumeMounts", "list"),
        ("livenessProbe", "/health", f"{CONTAINER}.livenessProbe", "object"),
        (
            "livenessProbe",
            {"exec": {"command": "true"}},
            f"{CONTAINER}.livenessProbe.exec.command",
            "list",
        ),
        ("command", ["echo", "a\0b"], f"{CONTAINER}.command", "NUL"),
        (
            "livenessProbe",
            {"exec": {"command": ["true\0"]}},
            f"{CONTAINER}.livenessProbe.exec.command",
            "NUL",
        ),
        (
            "livenessProbe",
            {"httpGet": {"port": "http"}},
            f"{CONTAINER}.livenessProbe.httpGet.port",
            "whole number",
        ),
        (
            "readinessProbe",
            {"httpGet": {"port": 80, "httpHeaders": {"a": "b"}}},
            f"{CONTAINER}.readinessProbe.httpGet.httpHeaders",
            "list",
        ),
        (
            "readinessProbe",
            {"httpGet": {"port": 80, "path": "/a b\r\nX: y"}},
            f"{CONTAINER}.readinessProbe.httpGet.path",
            "path",
        ),
        (
            "readinessProbe",
            {"httpGet": {"port": 80}, "periodSeconds": "soon"},
            f"{CONTAINER}.readinessProbe.periodSeconds",
            "whole number",
        ),
    ],
)
def test_a_container_of_the_wrong_shape(machine, name, path, value, target, expected):
    body = change(machine.group(), f"properties.containers.0.properties.{path}", value)
    refused(machine, name, body, target, expected)


@pytest.mark.parametrize(
    ("path", "value", "target", "expected"),
    [
        ("tags", ["a"], "tags", "object"),
        ("tags", {"a": {"b": "c"}}, "tags.a", "text"),
        ("tags", {"a<b": "c"}, "tags", "invalid"),
        ("zones", "1", "zones", "list"),
        ("identity", "None", "identity", "object"),
        ("properties", "Linux", "properties", "object"),
        ("properties.sku", {"name": "Standard"}, "sku", "text"),
        ("properties.containers", {"web": {}}, "containers", "list"),
        ("properties.containers", ["web"], "containers[0]", "object"),
        ("properties.containers", [{"name": "web"}], f"{CONTAINER}", "required"),
        ("properties.containers.0.name", {}, "containers[0].name", "text"),
        ("properties.initContainers", {"name": "x"}, "initContainers", "list"),
        ("properties.osType", ["Linux"], "osType", "Windows,Linux"),
        ("properties.restartPolicy", 1, "restartPolicy", "Always"),
        ("properties.ipAddress", "Public", "ipAddress", "object"),
        ("properties.ipAddress.ports", 80, "ipAddress.ports", "list"),
        ("properties.ipAddress.ports", [80], "ipAddress.ports[0]", "object"),
        ("properties.ipAddress.dnsNameLabel", ["abcde"], "ipAddress.dnsNameLabel", "text"),
        ("properties.volumes", {"data": {}}, "volumes", "list"),
        ("properties.volumes", [{"name": "v", "emptyDir": "yes"}], "volumes[0].emptyDir", "object"),
        ("properties.volumes", [{"name": "v", "secret": ["a"]}], "volumes[0].secret", "object"),
        ("properties.volumes", [{"name": "v", "secret": {"a": {}}}], "volumes[0].secret.a", "text"),
        ("properties.imageRegistryCredentials", {"server": "x"}, None, "list"),
        ("properties.imageRegistryCredentials", [{"server": {}}], "[0].server", "text"),
    ],
)
def test_a_group_of_the_wrong_shape(machine, name, path, value, target, expected):
    if target is None or target.startswith("["):
        target = f"imageRegistryCredentials{target or ''}"
    refused(machine, name, change(machine.group(), path, value), target, expected)


@pytest.mark.parametrize("body", [[], "group", 3, None])
def test_what_is_no_object_at_all(machine, name, body):
    answer = call("PUT", f"{GROUPS}/{name}", body)
    assert answer.status_code == 400
    assert "object" in answer.json()["error"]["message"]


def refused(machine: Machine, name: str, body: dict, target: str, expected: str) -> None:
    answer = call("PUT", f"{GROUPS}/{name}", body)
    error = answer.json()["error"]
    assert (answer.status_code, error["target"]) == (400, target)
    assert expected in error["message"]
    with pytest.raises(ResourceNotFoundError):
        machine.get(name)


@pytest.mark.parametrize(
    ("body", "target"),
    [
        (None, None),
        ({}, "command"),
        ({"command": ["ls"]}, "command"),
        ({"command": "ls", "terminalSize": 80}, "terminalSize"),
        ({"command": "ls", "terminalSize": {"rows": "many"}}, "terminalSize.rows"),
    ],
)
def test_a_command_of_the_wrong_shape(machine, name, body, target):
    machine.create(name, machine.group())
    answer = call("POST", f"{GROUPS}/{name}/containers/web/exec", body)
    assert (answer.status_code, answer.json()["error"].get("target")) == (400, target)


def test_a_patch_of_the_wrong_shape_changes_nothing(machine, name):
    machine.create(name, {**machine.group(), "tags": {"a": "b"}})
    for body in ({"tags": ["c"]}, {"tags": {"c": []}}, ["tags"], {"zones": 1}):
        answer = call("PATCH", f"{GROUPS}/{name}", body)
        assert answer.status_code == 400, answer.text
    assert machine.get(name).tags == {"a": "b"}


def test_what_azure_reads_with_leniency(machine, name):
    """Names without case (Microsoft's own samples have memoryInGb), numbers as text, null."""
    body = machine.group()
    container = body["properties"]["containers"][0]["properties"]
    body["properties"]["containers"][0]["name"] = "myWeb"
    container["Resources"] = {"requests": {"CPU": "1.0", "memoryInGb": "1.5"}}
    del container["resources"]
    container["ports"] = [{"port": "80", "protocol": "tcp"}]
    container["environmentVariables"] = [{"name": "COUNT", "value": 3}]
    container["livenessProbe"] = None
    body["properties"] |= {"osType": "linux", "RestartPolicy": "onfailure", "volumes": None}
    group = machine.create(name, body)
    assert group.restart_policy == "OnFailure"
    [web] = group.containers
    assert web.name == "myWeb"
    assert (web.resources.requests.cpu, web.resources.requests.memory_in_gb) == (1.0, 1.5)
    assert [(port.port, port.protocol) for port in web.ports] == [(80, "TCP")]
    assert machine.logs(name, "MYWEB") == machine.logs(name, "myWeb")
    assert machine.answer(group)["env"]["COUNT"] == "3"


def test_what_azure_does_not_know_is_neither_kept_nor_shown(machine, name):
    body = machine.group()
    body["properties"]["misspelt"] = {"a": 1}
    body["properties"]["containers"][0]["properties"]["enviromentVariables"] = []
    machine.create(name, body)
    shown = call("GET", f"{GROUPS}/{name}").json()["properties"]
    assert "misspelt" not in shown
    assert "enviromentVariables" not in shown["containers"][0]["properties"]


def test_names_that_begin_with_an_underscore_are_the_users_own(machine, name):
    """Read, changed and sent back, as programs do."""
    body = machine.group()
    container = body["properties"]["containers"][0]["properties"]
    container["environmentVariables"] = [{"name": "_MODE", "value": "a"}]
    container["volumeMounts"] = [{"name": "kept", "mountPath": "/kept"}]
    body["properties"]["volumes"] = [
        {"name": "kept", "secret": {"_key": base64.b64encode(b"k").decode()}}
    ]
    machine.create(name, body)
    read = call("GET", f"{GROUPS}/{name}").json()
    read["tags"] = {"more": "b"}
    read["properties"]["imageRegistryCredentials"] = [machine.credentials("shared")]
    read["properties"]["volumes"] = body["properties"]["volumes"]
    again = machine.create(name, read)
    assert machine.answer(again)["env"]["_MODE"] == "a"
    assert machine.view(name).restart_count == 0


def test_tags_that_begin_with_an_underscore_are_the_users_own(machine, name):
    machine.create(name, {**machine.group(), "tags": {"_owner": "me"}})
    read = call("GET", f"{GROUPS}/{name}").json()
    machine.groups.update(RESOURCE_GROUP, name, {"tags": {**read["tags"], "more": "b"}})
    assert machine.get(name).tags == {"_owner": "me", "more": "b"}
