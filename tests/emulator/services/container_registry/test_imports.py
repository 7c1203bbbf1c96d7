"""Images that are imported, through azure-mgmt-containerregistry."""

from __future__ import annotations

import pytest
from azure.core.exceptions import HttpResponseError

from emulator.defaults import RESOURCE_GROUP
from tests.emulator.services.container_machine import Machine
from tests.emulator.services.container_registry.test_runs import FILES


def bring(machine: Machine, registry: str, source: dict, *tags: str, **more: str) -> None:
    body = {"source": source, "targetTags": list(tags), **more}
    machine.registries.begin_import_image(RESOURCE_GROUP, registry, body).result()


def test_an_image_of_another_registry_is_there_under_its_new_names(machine, name, unique):
    other = f"other{unique}"
    machine.registry(other)
    run = machine.run(other, machine.schedule(other, "web:1", FILES).run_id)
    source = {"resourceId": machine.registries.get(RESOURCE_GROUP, other).id}
    bring(machine, name, {**source, "sourceImage": "web:1"}, "copies/web:v1", "copies/web:latest")
    group = machine.group(
        {
            "name": "web",
            "properties": {
                "image": f"{name}.azurecr.io/copies/web:v1",
                "resources": {"requests": {"cpu": 1, "memoryInGB": 1}},
                "ports": [{"port": 80}],
            },
        },
        ipAddress={"type": "Public", "ports": [{"port": 80}]},
        imageRegistryCredentials=[machine.credentials(name)],
    )
    made = machine.create(f"imported-{unique}", group)
    assert machine.answer(made, "/there")["path"] == "/there"
    # A copy: what it was made from may go.
    machine.registries.begin_delete(RESOURCE_GROUP, other).result()
    usage = machine.registries.list_usages(RESOURCE_GROUP, name).value[0]
    assert usage.current_value > 0
    assert run.output_images[0].digest
    machine.groups.begin_delete(RESOURCE_GROUP, f"imported-{unique}").result()


def test_a_tag_that_is_there_is_kept_unless_it_is_forced(machine, name):
    machine.run(name, machine.schedule(name, "web:1", FILES).run_id)
    own = {"registryUri": f"{name}.azurecr.io", "sourceImage": "web:1"}
    bring(machine, name, own, "web:2")
    with pytest.raises(HttpResponseError) as refused:
        bring(machine, name, own, "web:2")
    assert "Tag web:2 already exists in target registry." in refused.value.message
    bring(machine, name, own, "web:2", mode="Force")
    assert machine.registries.get(RESOURCE_GROUP, name).provisioning_state == "Succeeded"


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ({"registryUri": "{name}.azurecr.io", "sourceImage": "none:1"}, "none:1"),
        ({"registryUri": "mcr.microsoft.com", "sourceImage": "no/such/image:1"}, "no/such/image"),
        ({"resourceId": "/subscriptions/x", "sourceImage": "web:1"}, "resourceId"),
        ({"registryUri": "{name}.azurecr.io"}, "sourceImage"),
    ],
)
def test_what_cannot_be_imported_is_named(machine, name, source, said):
    filled = {key: value.format(name=name) for key, value in source.items()}
    with pytest.raises(HttpResponseError, match=said):
        bring(machine, name, filled, "web:3")
    assert machine.registries.get(RESOURCE_GROUP, name).provisioning_state == "Succeeded"


def test_the_source_asks_for_its_own_credentials(machine, name):
    machine.run(name, machine.schedule(name, "web:1", FILES).run_id)
    source = {
        "registryUri": f"{name}.azurecr.io",
        "sourceImage": "web:1",
        "credentials": {"username": name, "password": "wrong"},
    }
    with pytest.raises(HttpResponseError, match="credentials"):
        bring(machine, name, source, "web:4")
    source["credentials"] = {"username": name, "password": machine.credentials(name)["password"]}
    bring(machine, name, source, "web:4")
