"""Container apps and their environments through azure-mgmt-appcontainers."""

from __future__ import annotations

import json

import psutil
import pytest
import requests
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.identity import DefaultAzureCredential
from azure.mgmt.resource.resources import ResourceManagementClient

from emulator.defaults import REGION, RESOURCE_GROUP, SUBSCRIPTION
from tests.emulator.services import arm
from tests.emulator.services.apps_bench import AppsBench
from tests.emulator.services.arm import GROUP
from tests.waiting import until


def test_an_environment_lives_and_dies(apps: AppsBench):
    name = f"env-{apps.unique}"
    profiles = [{"name": "Consumption", "workloadProfileType": "consumption"}]
    body = {"location": REGION, "properties": {"workloadProfiles": profiles}}
    environment = apps.environments.begin_create_or_update(RESOURCE_GROUP, name, body).result()
    assert (environment.provisioning_state, environment.location) == ("Succeeded", REGION)
    words, _, rest = environment.default_domain.partition(".")
    assert (rest, len(words.split("-")[1])) == (f"{REGION}.azurecontainerapps.io", 8)
    assert [profile.name for profile in environment.workload_profiles] == ["Consumption"]
    found = apps.environments.list_by_resource_group(RESOURCE_GROUP)
    assert name in [one.name for one in found]
    assert name in [one.name for one in apps.environments.list_by_subscription()]
    body = {"location": REGION, "tags": {"a": "b"}}
    updated = apps.environments.begin_update(RESOURCE_GROUP, name, body).result()
    assert (updated.tags, updated.default_domain) == ({"a": "b"}, environment.default_domain)
    states = apps.environments.list_workload_profile_states(RESOURCE_GROUP, name)
    assert [state.name for state in states] == ["Consumption"]
    apps.environments.begin_delete(RESOURCE_GROUP, name).result()
    with pytest.raises(ResourceNotFoundError):
        apps.environments.get(RESOURCE_GROUP, name)


def test_an_environment_of_consumption_only_and_its_peers(apps: AppsBench):
    name, profile = f"env-{apps.unique}", {"workloadProfileName": "Consumption"}
    mtls = {"peerAuthentication": {"mtls": {"enabled": True}}}
    body = {"location": REGION, "properties": {**mtls, "infrastructureResourceGroup": "rg-apps"}}
    environment = apps.environments.begin_create_or_update(RESOURCE_GROUP, name, body).result()
    assert environment.workload_profiles is None
    assert list(apps.environments.list_workload_profile_states(RESOURCE_GROUP, name)) == []
    encrypted = {"properties": {"peerTrafficConfiguration": {"encryption": {"enabled": "true"}}}}
    shown = apps.environments.begin_update(RESOURCE_GROUP, name, encrypted).result()
    assert shown.peer_authentication.mtls.enabled
    assert shown.peer_traffic_configuration.encryption.enabled
    assert shown.infrastructure_resource_group == "rg-apps"
    assert (shown.keda_configuration.version[0], shown.dapr_configuration.version[0]) == ("2", "1")
    assert shown.event_stream_endpoint.endswith(f"/managedEnvironments/{name}/eventstream")
    body = apps.body()
    body["properties"] |= {**profile, "environmentId": environment.id}
    assert apps.put(body).workload_profile_name is None
    apps.apps.begin_delete(RESOURCE_GROUP, apps.name).result()
    body = {"location": REGION, "properties": {"environmentMode": "WorkloadProfiles"}}
    environment = apps.environments.begin_create_or_update(RESOURCE_GROUP, name, body).result()
    assert [one.name for one in environment.workload_profiles] == ["Consumption"]
    body = apps.body()
    body["properties"] |= {"environmentId": environment.id}
    assert apps.put(body).workload_profile_name == "Consumption"


def test_what_azure_shows_beside_what_was_asked_for(apps: AppsBench):
    body = apps.body(apps.container(resources={"cpu": 0.5, "memory": "1Gi"}))
    settings = [{"identity": "system", "lifecycle": "init"}]
    body["properties"]["configuration"]["identitySettings"] = settings
    del body["properties"]["template"]["scale"]["minReplicas"]
    poller = apps.begin(body)
    first = poller.polling_method()._initial_response.http_response.json()["properties"]
    for name in ("latestRevisionName", "latestReadyRevisionName", "latestRevisionFqdn"):
        assert first[name] == ""
    assert first["delegatedIdentities"] == []
    configuration, template = first["configuration"], first["template"]
    assert configuration["identitySettings"] == [{"identity": "system", "lifecycle": "Init"}]
    assert (configuration["service"], template["serviceBinds"]) == (None, None)
    assert template["terminationGracePeriodSeconds"] is None
    assert template["scale"]["minReplicas"] is None
    assert template["containers"][0]["resources"]["memory"] == "1Gi"
    poller.result()
    revision = apps.list_revisions()[0]
    assert revision.template.containers[0].probes == []
    assert apps.get().template.containers[0].probes is None


def test_a_patch_can_be_polled_both_ways(apps: AppsBench):
    apps.put(apps.body())
    path = f"{GROUP}/providers/Microsoft.App/containerApps/{apps.name}"
    answer = arm.call("PATCH", path, {"tags": {"a": "b"}})
    assert answer.status_code == 202
    token = arm.call("GET", path).request.headers["authorization"]
    by_result, by_status = answer.headers["location"], answer.headers["azure-asyncoperation"]
    headers = {"authorization": token}

    def ended() -> bool:
        status = requests.get(by_status, headers=headers, timeout=30).json()["status"]
        return bool(status == "Succeeded")

    until(ended)
    shown = requests.get(by_result, headers=headers, timeout=30)
    assert (shown.status_code, shown.json()["tags"]) == (200, {"a": "b"})


def test_an_environment_with_apps_in_it_stays(apps: AppsBench):
    apps.put(apps.body())
    name = apps.environment_id.rpartition("/")[2]
    with pytest.raises(HttpResponseError, match=apps.name) as error:
        apps.environments.begin_delete(RESOURCE_GROUP, name).result()
    assert error.value.status_code == 409
    assert apps.environments.get(RESOURCE_GROUP, name).provisioning_state == "Succeeded"


def test_an_app_is_created_and_answers_over_https(apps: AppsBench):
    poller = apps.begin(apps.body(apps.container(env={"VERSION": "1"})))
    first = poller.polling_method()._initial_response.http_response
    assert first.status_code == 201
    assert first.json()["properties"]["provisioningState"] == "InProgress"
    app = poller.result()
    assert (app.provisioning_state, app.properties.running_status) == ("Succeeded", "Running")
    environment = apps.environments.get(RESOURCE_GROUP, apps.environment_id.rpartition("/")[2])
    assert app.configuration.ingress.fqdn == f"{apps.name}.{environment.default_domain}"
    assert app.latest_revision_name == app.latest_ready_revision_name
    assert app.latest_revision_fqdn == f"{app.latest_revision_name}.{environment.default_domain}"
    assert [share.as_dict() for share in app.configuration.ingress.traffic] == [
        {"weight": 100, "latestRevision": True}
    ]
    answer = apps.ask("/hello")
    assert (answer.status_code, answer.json()["version"]) == (200, "1")
    told = answer.json()["env"]
    assert told["CONTAINER_APP_NAME"] == apps.name
    assert told["CONTAINER_APP_REVISION"] == app.latest_revision_name
    assert told["CONTAINER_APP_HOSTNAME"] == app.latest_revision_fqdn
    assert apps.name in [one.name for one in apps.apps.list_by_resource_group(RESOURCE_GROUP)]
    assert apps.name in [one.name for one in apps.apps.list_by_subscription()]


def test_deleting_an_app_leaves_nothing(apps: AppsBench):
    app = apps.put(apps.body())
    pid = apps.ask().json()["pid"]
    apps.apps.begin_delete(RESOURCE_GROUP, apps.name).result()
    with pytest.raises(ResourceNotFoundError):
        apps.get()
    assert apps.ask(host=app.configuration.ingress.fqdn).status_code == 404
    if apps.kind == "process":
        assert not psutil.pid_exists(pid)
    apps.apps.begin_delete(RESOURCE_GROUP, apps.name).result()  # twice is once


def test_stopping_and_starting(apps: AppsBench):
    apps.put(apps.body())
    host = apps.fqdn()
    apps.apps.begin_stop(RESOURCE_GROUP, apps.name).result()
    app = apps.get()
    assert app.properties.running_status == "Stopped"
    answer = apps.ask(host=host)
    assert (answer.status_code, "stopped or does not exist" in answer.text) == (404, True)
    assert apps.revision(app.latest_revision_name).running_state == "Stopped"
    started = apps.apps.begin_start(RESOURCE_GROUP, apps.name).result()
    assert started.properties.running_status == "Running"
    assert apps.ask().status_code == 200
    assert len(apps.list_revisions()) == 1


def test_secrets_reach_the_container_and_are_never_shown(apps: AppsBench):
    container = apps.container()
    container["env"] = [{"name": "KEY", "secretRef": "key"}]
    body = apps.body(container, configuration={"secrets": [{"name": "key", "value": "s3cret-1"}]})
    app = apps.put(body)
    assert apps.ask().json()["env"]["KEY"] == "s3cret-1"
    for shown in (app, apps.get(), *apps.apps.list_by_subscription(), *apps.list_revisions()):
        assert "s3cret-1" not in json.dumps(shown.as_dict())
    listed = apps.apps.list_secrets(RESOURCE_GROUP, apps.name).value
    assert {secret.name: secret.value for secret in listed}["key"] == "s3cret-1"
    # A changed secret makes no revision; a restart gives it to the containers.
    body["properties"]["configuration"]["secrets"][1]["value"] = "s3cret-2"
    apps.put(body)
    assert len(apps.list_revisions()) == 1
    assert apps.ask().json()["env"]["KEY"] == "s3cret-1"
    apps.revisions.restart_revision(RESOURCE_GROUP, apps.name, app.latest_revision_name)
    until(lambda: apps.ask().json()["env"]["KEY"] == "s3cret-2")


def test_volumes_of_secrets_and_of_nothing(apps: AppsBench):
    container = apps.container(
        volumeMounts=[
            {"volumeName": "keys", "mountPath": "/mnt/keys"},
            {"volumeName": "scratch", "mountPath": "/mnt/scratch"},
        ]
    )
    secrets = [{"name": "key", "value": "in a file"}]
    volumes = [
        {"name": "keys", "storageType": "Secret", "secrets": [{"secretRef": "key", "path": "k"}]},
        {"name": "scratch", "storageType": "EmptyDir"},
    ]
    write = {
        **apps.container(),
        "name": "before",
        "command": ["python", "-c", "open('/mnt/scratch/note', 'w').write('hello')"],
        "volumeMounts": [{"volumeName": "scratch", "mountPath": "/mnt/scratch"}],
    }
    body = apps.body(
        container, configuration={"secrets": secrets}, volumes=volumes, initContainers=[write]
    )
    apps.put(body)
    assert apps.ask("/read/mnt/keys/k").json() == "in a file"
    assert apps.ask("/read/mnt/scratch/note").json() == "hello"


def test_containers_of_a_replica_share_localhost(apps: AppsBench):
    watch = (
        "import os, time, urllib.request as u\n"
        "url = f'http://127.0.0.1:{os.environ.get(\"PORT_80\", 80)}/from-beside'\n"
        "while True:\n"
        "    try: print(u.urlopen(url).status, flush=True)\n"
        "    except OSError as e: print(e, flush=True)\n"
        "    time.sleep(0.2)\n"
    )
    beside = {**apps.container(), "name": "beside", "command": ["python", "-c", watch]}
    # Its program does not heed SIGTERM, as the first process of a container.
    apps.put(apps.body(apps.container(), beside, terminationGracePeriodSeconds=1))
    replica = apps.list_replicas()[0]
    assert [one.name for one in replica.containers] == ["web", "beside"]
    assert replica.running_state == "Running"
    url = replica.containers[1].log_stream_endpoint
    headers = {"Authorization": f"Bearer {apps.token()}"}
    until(lambda: "200" in requests.get(url, headers=headers, timeout=10).text)


def test_the_command_and_the_arguments_are_those_of_the_template(apps: AppsBench):
    code = "import sys, os; sys.path.insert(0, '.'); print(sys.argv[1:], flush=True); import serve"
    container = apps.container(command=["python", "-c", code], args=["one", "two words"])
    apps.put(apps.body(container))
    assert apps.ask().status_code == 200
    url = apps.list_replicas()[0].containers[0].log_stream_endpoint
    headers = {"Authorization": f"Bearer {apps.token()}"}
    assert "['one', 'two words']" in requests.get(url, headers=headers, timeout=10).text


def test_another_call_waits_until_the_first_has_ended(apps: AppsBench):
    poller = apps.begin(apps.body(apps.container(env={"DELAY": "1"})))
    with pytest.raises(HttpResponseError) as error:
        apps.patch({"configuration": {"maxInactiveRevisions": 5}})
    assert error.value.error.code == "ContainerAppOperationInProgress"
    assert poller.result().provisioning_state == "Succeeded"


def test_deleting_the_group_stops_its_apps(apps: AppsBench):
    groups = ResourceManagementClient(DefaultAzureCredential(), SUBSCRIPTION).resource_groups
    group = f"rg-{apps.unique}"
    groups.create_or_update(group, {"location": REGION})
    app = apps.apps.begin_create_or_update(group, apps.name, apps.body()).result()
    host = app.configuration.ingress.fqdn
    assert apps.ask(host=host).status_code == 200
    groups.begin_delete(group).result()
    assert apps.ask(host=host).status_code == 404


def test_what_az_creates_without_an_image(apps: AppsBench):
    """https://learn.microsoft.com/cli/azure/containerapp#az-containerapp-create"""
    if apps.kind == "engine":
        pytest.skip("an engine pulls the image itself, from the internet")
    container = {"name": apps.name, "image": "mcr.microsoft.com/k8se/quickstart:latest"}
    nothing = dict.fromkeys(("command", "args", "env", "resources", "volumeMounts"))
    ingress = {"external": True, "targetPort": 80, "exposedPort": None, "stickySessions": None}
    body = {
        "location": REGION,
        "identity": {"type": "None", "userAssignedIdentities": None},
        "tags": None,
        "properties": {
            "environmentId": apps.environment_id,
            "workloadProfileName": None,
            "configuration": {"activeRevisionsMode": "single", "ingress": ingress, "dapr": None},
            "template": {"containers": [{**container, **nothing}], "scale": None, "volumes": None},
        },
    }
    app = apps.put(body)
    resources = app.template.containers[0].resources
    assert (resources.cpu, resources.memory) == (0.5, "1Gi")
    answer = apps.ask()
    assert (answer.status_code, "text/html" in answer.headers["content-type"]) == (200, True)
    assert "StandIn" in [event.get("Reason") for event in apps.events()]
