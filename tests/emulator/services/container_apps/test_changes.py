"""Changes that cross: each operation ends, what was asked last is so, and nothing is left over."""

from __future__ import annotations

from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.identity import DefaultAzureCredential
from azure.mgmt.resource.resources import ResourceManagementClient

from emulator.defaults import REGION, RESOURCE_GROUP, SUBSCRIPTION
from tests.emulator.services.apps_bench import AppsBench
from tests.waiting import until

SLOW = {"DELAY": "2"}  # seconds until it listens


def refused(call: Any) -> str:
    """The code with which a call is refused because another change is under way."""
    with pytest.raises(HttpResponseError) as error:
        call(RESOURCE_GROUP)
    assert error.value.status_code == 409
    assert "active provisioning operation in progress" in error.value.message
    return str(error.value.error.code)


def test_a_stop_right_after_a_start_is_refused(apps: AppsBench):
    apps.put(apps.body(apps.container(env=SLOW)))
    apps.apps.begin_stop(RESOURCE_GROUP, apps.name).result()
    start = apps.apps.begin_start(RESOURCE_GROUP, apps.name)
    app = apps.get()
    assert (app.provisioning_state, app.properties.running_status) == ("InProgress", "Progressing")
    code = refused(lambda group: apps.apps.begin_stop(group, apps.name))
    assert code == "ContainerAppOperationInProgress"
    assert start.result().properties.running_status == "Running"
    assert apps.ask().status_code == 200
    stop = apps.apps.begin_stop(RESOURCE_GROUP, apps.name)
    stop.result()
    app = apps.get()
    assert (app.provisioning_state, app.properties.running_status) == ("Succeeded", "Stopped")
    if apps.kind == "process":
        assert apps.servers() == set()


def test_a_start_that_does_not_come_up_ends(apps: AppsBench):
    with pytest.raises(HttpResponseError, match="exit code '3'"):
        apps.put(apps.body(apps.container(env={"FAIL": "3"})))
    apps.apps.begin_stop(RESOURCE_GROUP, apps.name).result()
    assert apps.get().properties.running_status == "Stopped"
    with pytest.raises(HttpResponseError, match="exit code '3'"):
        apps.apps.begin_start(RESOURCE_GROUP, apps.name).result()
    app = apps.get()
    assert (app.provisioning_state, app.properties.running_status) == ("Failed", "Running")


def test_an_app_that_is_stopped_stays_so_when_it_is_changed(apps: AppsBench):
    apps.put(apps.body(apps.container(env={"VERSION": "1"})))
    apps.apps.begin_stop(RESOURCE_GROUP, apps.name).result()
    changed = apps.put(apps.body(apps.container(env={"VERSION": "2"})))
    assert (changed.provisioning_state, changed.properties.running_status) == (
        "Succeeded",
        "Stopped",
    )
    apps.apps.begin_start(RESOURCE_GROUP, apps.name).result()
    until(lambda: apps.ask().json()["version"] == "2")


def test_deleting_an_app_that_is_being_made(apps: AppsBench):
    put = apps.begin(apps.body(apps.container(env=SLOW)))
    until(lambda: apps.get().latest_revision_name)
    host = apps.fqdn()
    apps.apps.begin_delete(RESOURCE_GROUP, apps.name).result()
    with pytest.raises(ResourceNotFoundError):
        apps.get()
    with pytest.raises(HttpResponseError, match="preempted"):
        put.result()
    assert apps.ask(host=host).status_code == 404
    assert apps.folders() == []
    if apps.kind == "process":
        assert apps.servers() == set()
    again = apps.put(apps.body())
    assert again.provisioning_state == "Succeeded"
    assert len(apps.list_revisions()) == 1


def test_deleting_a_group_in_which_an_app_is_being_made(apps: AppsBench):
    groups = ResourceManagementClient(DefaultAzureCredential(), SUBSCRIPTION).resource_groups
    group, name = f"rg-{apps.unique}", f"env-of-{apps.unique}"
    groups.create_or_update(group, {"location": REGION})
    environment = apps.environments.begin_create_or_update(group, name, {"location": REGION})
    body = apps.body(apps.container(env=SLOW))
    body["properties"]["environmentId"] = environment.result().id
    put = apps.apps.begin_create_or_update(group, apps.name, body)
    until(lambda: apps.apps.get(group, apps.name).latest_revision_name)
    host = apps.apps.get(group, apps.name).configuration.ingress.fqdn
    groups.begin_delete(group).result()
    with pytest.raises(HttpResponseError):
        put.result()
    assert not groups.check_existence(group)
    assert name not in [one.name for one in apps.environments.list_by_subscription()]
    assert apps.name not in [one.name for one in apps.apps.list_by_subscription()]
    assert apps.ask(host=host).status_code == 404
    assert apps.folders() == []
    if apps.kind == "process":
        assert apps.servers() == set()


def test_a_group_whose_environment_another_group_uses_stays(apps: AppsBench):
    groups = ResourceManagementClient(DefaultAzureCredential(), SUBSCRIPTION).resource_groups
    group, name = f"rg-{apps.unique}", f"env-of-{apps.unique}"
    groups.create_or_update(group, {"location": REGION})
    environment = apps.environments.begin_create_or_update(group, name, {"location": REGION})
    body = apps.body()
    body["properties"]["environmentId"] = environment.result().id
    apps.put(body)
    with pytest.raises(HttpResponseError, match=apps.name):
        groups.begin_delete(group).result()
    assert apps.ask().status_code == 200
    apps.apps.begin_delete(RESOURCE_GROUP, apps.name).result()
    groups.begin_delete(group).result()
    assert not groups.check_existence(group)


def test_a_revision_that_is_deactivated_before_it_is_ready(apps: AppsBench):
    configuration = {"activeRevisionsMode": "Multiple"}
    apps.put(apps.body(configuration=configuration, revisionSuffix="one"))
    slow = apps.container(env={"DELAY": "60"})
    put = apps.begin(apps.body(slow, configuration=configuration, revisionSuffix="two"))
    two = f"{apps.name}--two"
    until(lambda: apps.get().latest_revision_name == two)
    apps.revisions.deactivate_revision(RESOURCE_GROUP, apps.name, two)
    assert put.result().provisioning_state == "Succeeded"
    revision = apps.revision(two)
    assert (revision.active, revision.provisioning_state, revision.running_state) == (
        False,
        "Deprovisioned",
        "Stopped",
    )
    assert apps.ask().status_code == 200
    if apps.kind == "process":
        until(lambda: len(apps.servers()) == 1)


def test_a_revision_whose_secret_has_gone_is_not_activated(apps: AppsBench):
    configuration = {"activeRevisionsMode": "Multiple"}
    secrets = [{"name": "key", "value": "x"}]
    container = apps.container()
    container["env"] = [{"name": "KEY", "secretRef": "key"}]
    body = apps.body(
        container, configuration={**configuration, "secrets": secrets}, revisionSuffix="one"
    )
    apps.put(body)
    apps.put(apps.body(configuration=configuration, revisionSuffix="two"))
    one = f"{apps.name}--one"
    apps.revisions.deactivate_revision(RESOURCE_GROUP, apps.name, one)
    with pytest.raises(HttpResponseError) as error:
        apps.revisions.activate_revision(RESOURCE_GROUP, apps.name, one)
    assert error.value.error.code == "ContainerAppSecretRefNotFound"
    assert apps.revision(one).provisioning_state == "Deprovisioned"
