"""Registries through azure-mgmt-containerregistry: their life, names, credentials."""

from __future__ import annotations

import pytest
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError

from emulator.defaults import REGION, RESOURCE_GROUP
from tests.emulator.services.container_machine import Machine

BASIC = {"location": REGION, "sku": {"name": "Basic"}}


@pytest.fixture
def name(machine: Machine, unique: str):
    yield f"reg{unique}"
    machine.registries.begin_delete(RESOURCE_GROUP, f"reg{unique}").result()


def test_the_life_of_a_registry(machine, name):
    made = machine.registries.begin_create(
        RESOURCE_GROUP, name, {**BASIC, "tags": {"course": "azure"}}
    ).result()
    assert made.login_server == f"{name}.azurecr.io"
    assert (made.provisioning_state, made.sku.name, made.admin_user_enabled) == (
        "Succeeded",
        "Basic",
        False,
    )
    assert machine.registries.get(RESOURCE_GROUP, name.upper()).name == name
    assert name in [one.name for one in machine.registries.list()]
    assert name in [one.name for one in machine.registries.list_by_resource_group(RESOURCE_GROUP)]
    changed = machine.registries.begin_update(
        RESOURCE_GROUP, name, {"tags": {"a": "b"}, "sku": {"name": "Standard"}}
    ).result()
    assert (changed.tags, changed.sku.name, changed.creation_date) == (
        {"a": "b"},
        "Standard",
        made.creation_date,
    )
    machine.registries.begin_delete(RESOURCE_GROUP, name).result()
    with pytest.raises(ResourceNotFoundError, match=name):
        machine.registries.get(RESOURCE_GROUP, name)


def test_a_second_put_keeps_the_passwords(machine, name):
    machine.registry(name)
    before = machine.credentials(name)
    machine.registry(name)
    assert machine.credentials(name) == before


@pytest.mark.parametrize(
    ("registry", "body", "code", "target"),
    [
        ("a-b", BASIC, "InvalidResourceName", "name"),
        ("abcd", BASIC, "InvalidResourceName", "name"),
        ("nolocation", {"sku": {"name": "Basic"}}, "LocationRequired", "location"),
        (
            "badlocation",
            {**BASIC, "location": "moon"},
            "LocationNotAvailableForResourceType",
            "location",
        ),
        ("nosku1", {"location": REGION}, "SkuRequired", "sku.name"),
        ("badsku", {**BASIC, "sku": {"name": "Golden"}}, "SkuNotSupported", "sku.name"),
    ],
)
def test_a_bad_registry_is_refused_naming_the_field(machine, registry, body, code, target):
    with pytest.raises(HttpResponseError) as refused:
        # As JSON text: the client checks names itself.
        machine.registries.begin_create(RESOURCE_GROUP, registry, body)
    assert (refused.value.error.code, refused.value.error.target) == (code, target)


def test_a_setting_that_has_no_effect_here_is_not_accepted(machine, name):
    with pytest.raises(HttpResponseError, match="anonymousPullEnabled"):
        machine.registries.begin_create(
            RESOURCE_GROUP, name, {**BASIC, "properties": {"anonymousPullEnabled": True}}
        )


def test_a_name_is_taken_in_all_of_azure(machine, name, unique):
    kind = {"type": "Microsoft.ContainerRegistry/registries"}
    check = machine.registries.check_name_availability
    assert check({"name": name, **kind}).name_available
    machine.registry(name)
    taken = check({"name": name.upper(), **kind})
    assert (taken.name_available, taken.reason) == (False, "AlreadyExists")
    assert check({"name": "a-b", **kind}).reason == "Invalid"
    other = f"rg-{unique}"
    from azure.identity import DefaultAzureCredential
    from azure.mgmt.resource.resources import ResourceManagementClient

    from emulator.defaults import SUBSCRIPTION

    resources = ResourceManagementClient(DefaultAzureCredential(), SUBSCRIPTION)
    resources.resource_groups.create_or_update(other, {"location": REGION})
    with pytest.raises(HttpResponseError) as refused:
        machine.registries.begin_create(other, name, BASIC)
    assert refused.value.error.code == "AlreadyInUse"
    resources.resource_groups.begin_delete(other).result()


def test_credentials_are_the_admin_users(machine, name):
    machine.registries.begin_create(RESOURCE_GROUP, name, BASIC).result()
    with pytest.raises(HttpResponseError) as refused:
        machine.registries.list_credentials(RESOURCE_GROUP, name)
    assert refused.value.error.code == "UnAuthorizedForCredentialOperations"
    machine.registries.begin_update(
        RESOURCE_GROUP, name, {"properties": {"adminUserEnabled": True}}
    ).result()
    before = machine.registries.list_credentials(RESOURCE_GROUP, name)
    assert before.username == name
    # It can stand on a command line as it is.
    assert all(len(one.value) == 52 and one.value.isalnum() for one in before.passwords)
    after = machine.registries.regenerate_credential(RESOURCE_GROUP, name, {"name": "password2"})
    assert after.passwords[0].value == before.passwords[0].value
    assert after.passwords[1].value != before.passwords[1].value


def test_usage_counts_what_the_images_take(machine, name):
    machine.registry(name)
    assert machine.registries.list_usages(RESOURCE_GROUP, name).value[0].current_value == 0
    machine.build(name, "web:1")
    usage = machine.registries.list_usages(RESOURCE_GROUP, name).value[0]
    assert (usage.name, usage.unit) == ("Size", "Bytes")
    assert 0 < usage.current_value < usage.limit
