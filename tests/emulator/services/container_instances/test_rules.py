"""What Container Instances refuses, and the field that each refusal names."""

from __future__ import annotations

import re
from copy import deepcopy

import pytest
from azure.core.exceptions import HttpResponseError

from emulator.defaults import RESOURCE_GROUP
from tests.emulator.services.container_instances.calls import GROUPS, call
from tests.emulator.services.container_machine import WAIT, Machine

CONTAINERS = "containers[0].properties"


def change(body: dict, path: str, value: object) -> dict:
    """The body with another value at "properties.containers.0.name"; None takes it away."""
    body = deepcopy(body)
    *parents, last = path.split(".")
    place = body
    for key in parents:
        place = place[int(key)] if isinstance(place, list) else place[key]
    if value is None:
        place.pop(last)
    else:
        place[last] = value
    return body


def put(machine: Machine, name: str, body: dict) -> tuple[int, dict]:
    answer = call("PUT", f"{GROUPS}/{name}", body)
    return answer.status_code, answer.json().get("error", {})


@pytest.mark.parametrize(
    ("path", "value", "code", "target"),
    [
        ("location", None, "LocationRequired", "location"),
        ("location", "moon", "LocationNotAvailableForResourceType", "location"),
        ("properties", None, "InvalidRequestContent", "properties"),
        ("properties.osType", None, "InvalidOsType", "osType"),
        ("properties.restartPolicy", "Sometimes", "InvalidRequestContent", "restartPolicy"),
        ("properties.containers", [], "MissingContainers", "containers"),
        ("properties.containers.0.name", "web-", "InvalidContainerName", "containers[0].name"),
        ("properties.containers.0.name", "a_b", "InvalidContainerName", "containers[0].name"),
        ("properties.containers.0.properties.image", None, "MissingImage", f"{CONTAINERS}.image"),
        (
            "properties.containers.0.properties.image",
            "Not An Image",
            "InaccessibleImage",
            f"{CONTAINERS}.image",
        ),
        (
            "properties.containers.0.properties.image",
            "https://shared.azurecr.io/web:1",
            "InaccessibleImage",
            f"{CONTAINERS}.image",
        ),
        (
            "properties.containers.0.properties.resources",
            None,
            "ResourceRequestsNotSpecified",
            f"{CONTAINERS}.resources.requests",
        ),
        (
            "properties.containers.0.properties.resources.requests.cpu",
            None,
            "ResourceSomeRequestsNotSpecified",
            f"{CONTAINERS}.resources.requests.cpu",
        ),
        (
            "properties.containers.0.properties.resources.requests.cpu",
            0,
            "InvalidResourceRequests",
            f"{CONTAINERS}.resources.requests.cpu",
        ),
        (
            "properties.containers.0.properties.resources.limits",
            {"memoryInGB": 0.1},
            "ResourceLimitsLessThanRequests",
            f"{CONTAINERS}.resources.limits.memoryInGB",
        ),
        (
            "properties.containers.0.properties.resources.limits",
            {"cpu": 2},
            "ContainerLimitGreaterThanContainerGroupTotalRequest",
            "resources.limits.cpu",
        ),
        (
            "properties.containers.0.properties.resources.requests",
            {"cpu": 1, "memoryInGB": 1.25},
            "InvalidResourceRequests",
            f"{CONTAINERS}.resources.requests.memoryInGB",
        ),
        # https://learn.microsoft.com/azure/container-instances/container-instances-container-groups#resource-allocation
        (
            "properties.containers.0.properties.resources.requests",
            {"cpu": 0.5, "memoryInGB": 1.5},
            "InvalidResourceRequests",
            "containers",
        ),
        (
            "properties.containers.0.properties.resources.requests",
            {"cpu": 1, "memoryInGB": 0.9},
            "InvalidResourceRequests",
            "containers",
        ),
        ("properties.priority", "Low", "PriorityNotSpecified", "priority"),
        (
            "properties.priority",
            "Spot",  # of a group that has an address
            "SpotPriorityContainerGroupNotSupportedForInboundConnectivity",
            "priority",
        ),
        (
            "properties.provisioningTimeoutInSeconds",
            1801,
            "InvalidRequestContent",
            "provisioningTimeoutInSeconds",
        ),
        (
            "properties.containers.0.properties.ports",
            [{"port": 70000}],
            "InvalidPort",
            f"{CONTAINERS}.ports[0].port",
        ),
        (
            "properties.containers.0.properties.ports",
            [{"port": 80}, {"port": 80}],
            "DuplicateContainerPorts",
            f"{CONTAINERS}.ports",
        ),
        (
            "properties.containers.0.properties.command",
            "python",
            "InvalidRequestContent",
            f"{CONTAINERS}.command",
        ),
        (
            "properties.containers.0.properties.environmentVariables",
            [{"name": "NOT-ONE", "value": ""}],
            "InvalidEnvironmentVariableName",
            f"{CONTAINERS}.environmentVariables[0].name",
        ),
        (
            "properties.containers.0.properties.environmentVariables",
            [{"name": "A", "value": "1", "secureValue": "2"}],
            "InvalidRequestContent",
            f"{CONTAINERS}.environmentVariables[0]",
        ),
        (
            "properties.containers.0.properties.volumeMounts",
            [{"name": "none", "mountPath": "/mnt"}],
            "VolumeNotFound",
            f"{CONTAINERS}.volumeMounts[0].name",
        ),
        (
            "properties.containers.0.properties.livenessProbe",
            {"periodSeconds": 1},
            "InvalidRequestContent",
            f"{CONTAINERS}.livenessProbe",
        ),
        (
            "properties.containers.0.properties.readinessProbe",
            {"httpGet": {"port": 80}, "periodSeconds": 0},
            "InvalidRequestContent",
            f"{CONTAINERS}.readinessProbe.periodSeconds",
        ),
        ("properties.ipAddress.ports", [], "MissingIpAddressPorts", "ipAddress.ports"),
        (
            "properties.ipAddress.ports",
            [{"port": 8080}],
            "IpAddressPortNotExposed",
            "ipAddress.ports[0]",
        ),
        ("properties.ipAddress.type", "Odd", "InvalidRequestContent", "ipAddress.type"),
        (
            "properties.ipAddress.dnsNameLabel",
            "Four",
            "InvalidDnsNameLabel",
            "ipAddress.dnsNameLabel",
        ),
        (
            "properties.volumes",
            [{"name": "v", "secret": {"key": "not base64!"}}],
            "InvalidRequestContent",
            "volumes[0].secret.key",
        ),
        (
            "properties.imageRegistryCredentials",
            [{"server": "a.azurecr.io", "username": "u"}],
            "InvalidImageRegistryCredentials",
            "imageRegistryCredentials[0].password",
        ),
    ],
)
def test_a_bad_group_is_refused_naming_the_field(machine, unique, path, value, code, target):
    status, error = put(machine, f"bad-{unique}", change(machine.group(), path, value))
    assert (status, error.get("code"), error.get("target")) == (400, code, target)
    assert machine.groups.list_by_resource_group(RESOURCE_GROUP) is not None
    assert f"bad-{unique}" not in [group.name for group in machine.groups.list()]


@pytest.mark.parametrize("name", ["dotted.name", "under_score", "-first", "last-", "a" * 64])
def test_a_bad_name_is_refused(machine, name):
    status, error = put(machine, name, machine.group())
    assert (status, error["code"]) == (400, "InvalidContainerGroupName")


def test_two_containers_need_two_names(machine, unique):
    body = machine.group(machine.web("one"), machine.web("One"))
    status, error = put(machine, f"bad-{unique}", body)
    assert (status, error["target"]) == (400, "containers[1].name")


@pytest.mark.parametrize(
    ("path", "value", "what"),
    [
        ("properties.osType", "Windows", "Windows"),
        ("properties.volumes", [{"name": "v", "azureFile": {"shareName": "s"}}], "azureFile"),
        ("properties.volumes", [{"name": "v", "gitRepo": {"repository": "r"}}], "gitRepo"),
        ("properties.ipAddress.type", "Private", "private"),
        ("properties.subnetIds", [{"id": "x"}], "subnetIds"),
        ("properties.sku", "Confidential", "Confidential"),
        ("properties.ipAddress.ports", [{"port": 80, "protocol": "UDP"}], "UDP"),
    ],
)
def test_what_is_not_emulated_is_named(machine, unique, path, value, what):
    status, error = put(machine, f"bad-{unique}", change(machine.group(), path, value))
    assert (status, error["code"]) == (501, "NotEmulated")
    assert what in error["message"]


@pytest.mark.parametrize(
    ("image", "credentials", "why"),
    [
        ("shared.azurecr.io/none:1", {}, "no such repository or tag"),
        ("shared.azurecr.io/web:none", {}, "no such repository or tag"),
        ("shared.azurecr.io/web:1", {"password": "wrong"}, "refuses the user name and password"),
        ("shared.azurecr.io/web:1", {"server": "else.azurecr.io"}, "has none for shared"),
        ("nobody.azurecr.io/web:1", {}, "no container registry nobody.azurecr.io"),
        ("localhost/nobody/has:this", {}, "localhost/nobody/has:this"),
        # An engine answers 200 to the pull, and then says in the stream that it fails.
        ("127.0.0.1:9/nobody/has:this", {}, "none is pulled|connection refused"),
    ],
)
def test_an_image_that_is_not_to_be_had(machine, unique, image, credentials, why):
    body = change(machine.group(), "properties.containers.0.properties.image", image)
    body["properties"]["imageRegistryCredentials"] = [
        {**machine.credentials("shared"), **credentials}
    ]
    with pytest.raises(HttpResponseError, match=image) as refused:
        machine.create(f"bad-{unique}", body)
    error = refused.value.error
    assert (error.code, error.target) == ("InaccessibleImage", f"{CONTAINERS}.image")
    assert re.search(why, error.message)


def test_a_dns_name_label_is_taken_in_its_region(machine, unique):
    label = f"label-{unique}"
    body = machine.group()
    body["properties"]["ipAddress"]["dnsNameLabel"] = label
    machine.create(f"first-{unique}", body)
    with pytest.raises(HttpResponseError, match=label) as refused:
        machine.create(f"second-{unique}", body)
    assert refused.value.error.code == "DnsNameLabelNotAvailable"
    other = machine.create(f"second-{unique}", {**body, "location": "eastus"})
    assert other.ip_address.fqdn == f"{label}.eastus.azurecontainer.io"
    body["properties"]["ipAddress"]["autoGeneratedDomainNameLabelScope"] = "ResourceGroupReuse"
    third = machine.create(f"third-{unique}", body)
    assert third.ip_address.fqdn.startswith(f"{label}.")
    assert third.ip_address.fqdn.count(".") == 4
    for name in ("first", "second", "third"):
        machine.groups.begin_delete(RESOURCE_GROUP, f"{name}-{unique}").result()


def test_a_region_has_a_quota_of_cores(machine, unique):
    region = "uksouth"
    names = [f"big{number}-{unique}" for number in range(3)]
    big = machine.script("big", WAIT)
    big["properties"]["resources"]["requests"]["cpu"] = 4
    body = {**machine.group(big), "location": region}
    for name in names[:2]:
        machine.create(name, body)
    with pytest.raises(HttpResponseError, match="'StandardCores' exceeded") as refused:
        machine.create(names[2], body)
    assert (refused.value.status_code, refused.value.error.code) == (
        409,
        "ContainerGroupQuotaReached",
    )
    usage = {one.name.value: one for one in machine.instances.location.list_usage(region)}
    assert (usage["StandardCores"].current_value, usage["StandardCores"].limit) == (8, 10)
    assert usage["ContainerGroups"].current_value == 2
    # A stopped group uses no cores.
    machine.groups.stop(RESOURCE_GROUP, names[0])
    machine.create(names[2], body)
    with pytest.raises(HttpResponseError, match="StandardCores"):
        machine.groups.begin_start(RESOURCE_GROUP, names[0]).result()
    for name in names:
        machine.groups.begin_delete(RESOURCE_GROUP, name).result()


def test_a_group_larger_than_a_machine_is_not_available(machine, unique):
    body = machine.group(*(machine.web(f"c{number}") for number in range(3)))
    for container in body["properties"]["containers"]:
        container["properties"]["resources"]["requests"]["cpu"] = 2
    status, error = put(machine, f"bad-{unique}", body)
    assert (status, error["code"]) == (409, "ServiceUnavailable")
    assert "Resource requested: '6' CPU" in error["message"]
    [capability] = machine.instances.location.list_capabilities(body["location"])
    assert (capability.capabilities.max_cpu, capability.capabilities.max_memory_in_gb) == (4, 16)
