"""Container groups through azure-mgmt-containerinstance: their life, address, states, restarts."""

from __future__ import annotations

import json

import pytest
import requests
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError

from emulator.defaults import REGION, RESOURCE_GROUP
from tests.emulator.services.container_instances.calls import GROUPS, call
from tests.emulator.services.container_machine import WAIT, Machine
from tests.waiting import until


@pytest.fixture
def name(machine: Machine, unique: str):
    yield f"group-{unique}"
    machine.groups.begin_delete(RESOURCE_GROUP, f"group-{unique}").result()


def events(view) -> dict[str, int]:
    return {event.name: event.count for event in view.events}


def test_a_group_answers_at_its_name_and_its_ip_over_http_alone(machine, name):
    body = machine.group()
    body["properties"]["ipAddress"]["dnsNameLabel"] = name
    poller = machine.groups.begin_create_or_update(RESOURCE_GROUP, name, body)
    first = poller.polling_method()._initial_response.http_response
    said = json.loads(first.text())["properties"]
    assert (first.status_code, said["provisioningState"]) == (201, "Pending")
    assert said["instanceView"] == {"events": [], "state": "Pending"}
    group = poller.result()
    assert (group.provisioning_state, group.instance_view.state) == ("Succeeded", "Running")
    assert (group.sku, group.restart_policy, group.os_type) == ("Standard", "Always", "Linux")
    assert group.ip_address.fqdn == f"{name}.{REGION}.azurecontainer.io"
    assert machine.answer(group, "/by-ip")["path"] == "/by-ip"
    by_name = requests.get(f"http://{group.ip_address.fqdn}/by-name?q=1", timeout=10)
    assert by_name.json()["path"] == "/by-name?q=1"
    posted = requests.post(f"http://{group.ip_address.fqdn}/", data=b"x" * 300_000, timeout=10)
    assert len(posted.content) == 300_000
    with pytest.raises(requests.exceptions.ProxyError, match="502"):
        requests.get(f"https://{group.ip_address.fqdn}/", timeout=10)
    closed = requests.get(f"http://{group.ip_address.fqdn}:8080/", timeout=10)
    assert (closed.status_code, "port 8080" in closed.text) == (502, True)


def test_a_group_is_shown_as_azure_shows_it(machine, name):
    """As https://github.com/Azure/azure-cli has it in test_container_create_spot_priority.yaml."""
    task = machine.web("task", command=["sleep", "600"], volumeMounts=[])
    logs = {"workspaceId": "me", "workspaceKey": "s3cret", "logType": "containerInsights"}
    body = machine.group(
        task,
        priority="spot",
        restartPolicy="Never",
        volumes=[],
        diagnostics={"logAnalytics": {**logs, "metadata": {}}},
    )
    first = call("PUT", f"{GROUPS}/{name}", body)
    begun = first.json()["properties"]
    assert "instanceView" not in begun["containers"][0]["properties"]
    status = until(lambda: _ended(call("GET", _path(first.headers["Azure-AsyncOperation"])).json()))
    assert status["id"].endswith(f"/containerGroups/{name}")
    assert "/locations/westeurope/operations/" in first.headers["Azure-AsyncOperation"]
    told = [event["name"] for event in status["properties"]["events"]]
    assert {"Pulling", "Pulled"} <= set(told)
    shown = call("GET", f"{GROUPS}/{name}").json()
    properties = shown["properties"]
    assert properties["priority"] == "Spot"
    kept = {"workspaceId": "me", "logType": "ContainerInsights"}  # and never the key
    assert properties["diagnostics"] == {"logAnalytics": kept}
    assert properties["provisioningTimeoutInSeconds"] == 1800
    assert properties["isCustomProvisioningTimeout"] is False
    assert properties["isCreatedFromStandbyPool"] is False
    assert (properties["initContainers"], properties["volumes"]) == ([], [])
    container = properties["containers"][0]["properties"]
    assert (container["ports"], container["environmentVariables"]) == ([], [])
    assert container["volumeMounts"] == []
    assert container["instanceView"]["currentState"]["state"] == "Running"


def _ended(status: dict) -> dict | None:
    assert status["status"] in ("Pending", "Succeeded")
    return status if status["status"] == "Succeeded" else None


def _path(url: str) -> str:
    return url.removeprefix("https://management.azure.com").partition("?")[0]


def test_a_group_that_does_not_start_within_its_time_has_failed(machine, name):
    slow = machine.script("slow", WAIT)
    del slow["properties"]["resources"]
    web = machine.web("web")
    body = machine.group(web, initContainers=[slow], provisioningTimeoutInSeconds=1)
    poll = call("PUT", f"{GROUPS}/{name}", body).headers["Azure-AsyncOperation"]
    status = until(lambda: _if(call("GET", _path(poll)).json(), lambda one: "error" in one))
    assert "after 1 seconds" in status["error"]["message"]
    group = call("GET", f"{GROUPS}/{name}").json()["properties"]
    assert (group["provisioningState"], group["isCustomProvisioningTimeout"]) == ("Failed", True)
    init = group["initContainers"][0]["properties"]
    assert init["instanceView"]["currentState"]["state"] == "Terminated"


def test_an_address_that_nobody_has_is_not_looked_for_on_the_internet(machine):
    for host in (f"nobody.{REGION}.azurecontainer.io", "203.0.113.250"):
        answer = requests.get(f"http://{host}/", timeout=10)
        assert (answer.status_code, "does not resolve" in answer.text) == (502, True)


def test_the_instance_view_tells_what_runs(machine, name):
    group = machine.create(name, machine.group())
    view = group.containers[0].instance_view
    assert (view.restart_count, view.current_state.state) == (0, "Running")
    assert view.current_state.start_time
    found = events(view)
    assert {"Pulling", "Pulled", "Created", "Started"} <= set(found)
    # A process is never passed off as a container.
    assert ("NotAContainer" in found) == (machine.kind == "process")
    assert bool(view.current_state.detail_status) == (machine.kind == "process")


def test_secrets_are_given_to_the_container_and_never_shown(machine, name):
    web = machine.web(
        "web",
        ports=[{"port": 80}],
        environmentVariables=[
            {"name": "OPEN", "value": "seen"},
            {"name": "HIDDEN", "secureValue": "s3cret-value"},
        ],
    )
    address = {"type": "Public", "ports": [{"port": 80}]}
    group = machine.create(name, machine.group(web, ipAddress=address))
    inside = machine.answer(group)["env"]
    assert (inside["OPEN"], inside["HIDDEN"]) == ("seen", "s3cret-value")
    password = machine.credentials("shared")["password"]
    for shown in (group, machine.get(name), *machine.groups.list()):
        text = json.dumps(shown.as_dict())
        assert "s3cret-value" not in text
        assert password not in text
    variables = machine.get(name).containers[0].environment_variables
    assert [(one.name, one.value, one.secure_value) for one in variables] == [
        ("OPEN", "seen", None),
        ("HIDDEN", None, None),
    ]


def test_groups_are_listed_without_their_instance_views(machine, name):
    machine.create(name, machine.group())
    for found in (machine.groups.list(), machine.groups.list_by_resource_group(RESOURCE_GROUP)):
        [group] = [group for group in found if group.name == name]
        assert group.instance_view is None
        assert group.containers[0].instance_view is None


def test_tags_change_without_a_restart(machine, name):
    group = machine.create(name, machine.group())
    before = machine.answer(group)["pid"]
    changed = machine.groups.update(RESOURCE_GROUP, name, {"tags": {"a": "b"}})
    assert changed.tags == {"a": "b"}
    again = machine.create(name, {**machine.group(), "tags": {"c": "d"}})
    assert (again.tags, again.ip_address.ip) == ({"c": "d"}, group.ip_address.ip)
    assert machine.view(name).restart_count == 0
    assert machine.answer(group)["pid"] == before
    # As many programs do it: read, change, send back. Only the password has to be said again.
    read = machine.get(name)
    read.image_registry_credentials[0].password = machine.credentials("shared")["password"]
    assert machine.create(name, read).provisioning_state == "Succeeded"
    assert machine.answer(group)["pid"] == before


def test_another_environment_starts_the_containers_anew(machine, name):
    group = machine.create(name, machine.group())
    machine.answer(group)
    body = machine.group()
    body["properties"]["containers"][0]["properties"]["environmentVariables"] = [
        {"name": "VERSION", "value": "two"}
    ]
    poller = machine.groups.begin_create_or_update(RESOURCE_GROUP, name, body)
    assert poller.polling_method()._initial_response.http_response.status_code == 200
    assert poller.result().ip_address.ip == group.ip_address.ip
    assert machine.answer(group)["env"]["VERSION"] == "two"
    assert machine.view(name).restart_count == 0


@pytest.mark.parametrize("change", ["restartPolicy", "resources", "location"])
def test_what_an_update_cannot_change_is_named(machine, name, change):
    machine.create(name, machine.group())
    body = machine.group()
    if change == "restartPolicy":
        body["properties"]["restartPolicy"] = "Never"
    elif change == "resources":
        requested = body["properties"]["containers"][0]["properties"]["resources"]["requests"]
        requested["cpu"] = 2
    else:
        body["location"] = "eastus"
    with pytest.raises(HttpResponseError) as refused:
        machine.create(name, body)
    assert refused.value.error.target == change


def test_stop_start_and_restart(machine, name):
    group = machine.create(name, machine.group())
    pid = machine.answer(group)["pid"]
    machine.groups.begin_restart(RESOURCE_GROUP, name).result()
    machine.answer(group)
    assert machine.get(name).instance_view.state == "Running"
    machine.groups.stop(RESOURCE_GROUP, name)
    stopped = machine.get(name)
    assert stopped.instance_view.state == "Stopped"
    assert stopped.containers[0].instance_view.current_state.state == "Terminated"
    assert "Killing" in events(stopped.containers[0].instance_view)
    assert requests.get(f"http://{group.ip_address.ip}/", timeout=10).status_code == 502
    with pytest.raises(HttpResponseError) as refused:
        machine.groups.begin_restart(RESOURCE_GROUP, name).result()
    assert refused.value.error.code == "ContainerGroupStopped"
    machine.groups.begin_start(RESOURCE_GROUP, name).result()
    assert machine.get(name).instance_view.state == "Running"
    again = machine.answer(group)["pid"]
    assert machine.kind == "engine" or again != pid
    machine.groups.begin_start(RESOURCE_GROUP, name).result()  # it runs: nothing happens
    assert machine.answer(group)["pid"] == again


def test_a_deleted_group_is_gone(machine, unique):
    name = f"gone-{unique}"
    group = machine.create(name, machine.group())
    machine.answer(group)
    assert machine.groups.begin_delete(RESOURCE_GROUP, name).result().name == name
    with pytest.raises(ResourceNotFoundError):
        machine.get(name)
    assert requests.get(f"http://{group.ip_address.ip}/", timeout=10).status_code == 502
    machine.groups.begin_delete(RESOURCE_GROUP, name).result()  # 204


# Restart policies


@pytest.mark.parametrize(
    ("policy", "code", "state", "restarts"),
    [
        ("Never", 0, "Succeeded", 0),
        ("Never", 3, "Failed", 0),
        ("OnFailure", 0, "Succeeded", 0),
    ],
)
def test_a_container_that_ends_and_is_not_started_again(
    machine, name, policy, code, state, restarts
):
    task = machine.script("task", f"print('working'); raise SystemExit({code})")
    machine.create(name, machine.group(task, restartPolicy=policy))
    group = until(lambda: _if(machine.get(name), lambda one: one.instance_view.state == state))
    view = group.containers[0].instance_view
    ended = view.current_state
    assert (ended.state, ended.exit_code, view.restart_count) == ("Terminated", code, restarts)
    assert ended.detail_status == ("Error" if code else "Completed")
    assert ended.start_time <= ended.finish_time
    assert machine.logs(name, "task") == "working\n"
    assert group.provisioning_state == "Succeeded"


@pytest.mark.parametrize(("policy", "code"), [("Always", 0), ("Always", 1), ("OnFailure", 2)])
def test_a_container_that_ends_and_is_started_again(machine, name, policy, code):
    task = machine.script("task", f"raise SystemExit({code})")
    machine.create(name, machine.group(task, restartPolicy=policy))
    until(lambda: machine.view(name).restart_count >= 2)
    view = until(lambda: _if(machine.view(name), lambda one: one.current_state.state == "Waiting"))
    assert view.current_state.detail_status == "CrashLoopBackOff"
    assert (view.previous_state.state, view.previous_state.exit_code) == ("Terminated", code)
    assert view.previous_state.detail_status == ("Error" if code else "Completed")
    assert events(view)["Started"] >= 2
    assert events(view)["BackOff"] >= 1
    assert machine.get(name).instance_view.state == "Running"


def test_a_web_server_that_dies_comes_back(machine, name):
    group = machine.create(name, machine.group())
    machine.die(group, 7)
    until(lambda: machine.view(name).restart_count == 1)
    assert machine.answer(group, "/alive")["path"] == "/alive"
    assert machine.view(name).previous_state.exit_code == 7


def test_out_of_memory_is_told(machine, name):
    hog = machine.script("hog", "data = []\nwhile True: data.append(bytearray(8_000_000))")
    hog["properties"]["resources"] = {"requests": {"cpu": 0.1, "memoryInGB": 0.3}}
    rest = machine.script("rest", "pass")  # a whole group has 1 GB at least
    machine.create(name, machine.group(hog, rest, restartPolicy="Never"))
    until(lambda: machine.get(name).instance_view.state == "Failed")
    state = machine.view(name).current_state
    assert (state.detail_status, state.exit_code) == ("OOMKilled", 137)


def _if(value, condition):
    return value if condition(value) else None
