"""Inside of a group: logs, terminals, init containers, volumes, probes."""

from __future__ import annotations

import base64
import time

import pytest
import requests
import websocket
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError

from emulator.defaults import RESOURCE_GROUP
from tests.emulator.services.container_machine import WAIT, Machine
from tests.waiting import until


@pytest.fixture
def name(machine: Machine, unique: str):
    yield f"group-{unique}"
    machine.groups.begin_delete(RESOURCE_GROUP, f"group-{unique}").result()


# Logs


def test_logs_have_a_tail_and_times(machine, name):
    code = f"[print('line', number) for number in range(5)]; {WAIT}"
    machine.create(name, machine.group(machine.script("talker", code)))
    until(lambda: "line 4" in machine.logs(name, "talker"))
    assert machine.logs(name, "talker") == "".join(f"line {number}\n" for number in range(5))
    assert machine.logs(name, "talker", tail=2) == "line 3\nline 4\n"
    timed = machine.logs(name, "talker", tail=1, timestamps=True)
    assert timed.endswith(" line 4\n")
    assert timed.startswith("20")
    with pytest.raises(ResourceNotFoundError, match="nobody"):
        machine.logs(name, "nobody")
    with pytest.raises(HttpResponseError, match="tail"):
        machine.logs(name, "talker", tail=0)


def test_the_log_is_that_of_the_latest_run(machine, name):
    group = machine.create(name, machine.group())
    machine.die(group, 1)
    machine.answer(group)
    assert machine.logs(name) == "listening\n"
    machine.groups.stop(RESOURCE_GROUP, name)
    assert machine.logs(name) == "listening\n"


# Terminals


def open_terminal(invitation, password: str | None = None) -> websocket.WebSocket:
    """As the az CLI does it: the password is the first message."""
    socket = websocket.create_connection(invitation.web_socket_uri, timeout=20)
    socket.send(invitation.password if password is None else password)
    return socket


def everything(socket: websocket.WebSocket) -> str:
    """What is printed until the socket is closed."""
    text = ""
    while True:
        try:
            message = socket.recv()
        except websocket.WebSocketConnectionClosedException:
            return text
        if not message:
            return text
        text += message


def execute(machine: Machine, name: str, command: str = "/bin/sh"):
    return machine.instances.containers.execute_command(
        RESOURCE_GROUP,
        name,
        "web",
        {"command": command, "terminalSize": {"rows": 12, "cols": 34}},
    )


def test_a_shell_in_a_container(machine, name):
    machine.answer(machine.create(name, machine.group()))
    invitation = execute(machine, name)
    assert invitation.web_socket_uri.startswith("wss://")
    assert ".management.azurecontainer.io/" in invitation.web_socket_uri
    socket = open_terminal(invitation)
    socket.send("stty size; echo in-$((20+3))\n")
    socket.send_binary(b"exit\n")
    text = everything(socket)
    assert "in-23" in text
    assert "12 34" in text


def test_a_terminal_opens_once_and_to_its_password_alone(machine, name):
    machine.create(name, machine.group())
    invitation = execute(machine, name)
    assert everything(open_terminal(invitation, "wrong")) == ""
    with pytest.raises(websocket.WebSocketException):
        open_terminal(invitation)
    other = execute(machine, name)
    assert other.password != invitation.password


def test_a_command_takes_no_arguments_and_must_exist(machine, name):
    machine.create(name, machine.group())
    text = everything(open_terminal(execute(machine, name, "echo hello")))
    assert "echo hello" in text
    with pytest.raises(HttpResponseError) as refused:
        execute(machine, name, " ")
    assert refused.value.error.target == "command"


def test_a_terminal_ends_when_its_reader_goes(machine, name):
    machine.create(name, machine.group())
    socket = open_terminal(execute(machine, name))
    socket.send("echo $$\n")
    socket.recv()
    socket.close()
    socket = open_terminal(execute(machine, name))
    socket.send("exit\n")
    everything(socket)
    machine.groups.stop(RESOURCE_GROUP, name)
    with pytest.raises(HttpResponseError) as refused:
        execute(machine, name)
    assert (refused.value.status_code, refused.value.error.code) == (409, "ContainerNotRunning")


def test_a_terminal_in_a_container_that_has_ended_closes_at_once(machine, name):
    """As on Azure, the call is answered: the socket says what is wrong."""
    machine.create(name, machine.group(machine.script("web", "pass"), restartPolicy="Never"))
    until(lambda: machine.view(name).current_state.state == "Terminated")
    assert "does not run" in everything(open_terminal(execute(machine, name)))


def test_attach_reads_what_is_printed_from_now_on(machine, name):
    group = machine.create(name, machine.group(restartPolicy="Never"))
    machine.answer(group)
    socket = open_terminal(machine.instances.containers.attach(RESOURCE_GROUP, name, "web"))
    time.sleep(0.3)
    machine.die(group, 0)
    assert everything(socket) == "dying\r\n"


# Init containers and volumes


def test_init_containers_run_one_after_the_other_before_the_rest(machine, name):
    mount = [{"name": "shared", "mountPath": "/data"}]
    append = "import sys; print(open('/data/order', 'a+').write(sys.argv[1] + '\\n'))"

    def init(word: str) -> dict:
        one = machine.web(word, command=["python", "-c", append, word], volumeMounts=mount)
        one["properties"].pop("resources")
        return one

    main = machine.script(
        "main", f"print(open('/data/order').read().split()); {WAIT}", volumeMounts=mount
    )
    body = machine.group(
        main,
        initContainers=[init("first"), init("second")],
        volumes=[{"name": "shared", "emptyDir": {}}],
    )
    group = machine.create(name, body)
    assert [one.name for one in group.init_containers] == ["first", "second"]
    for one in group.init_containers:
        state = one.instance_view.current_state
        assert (state.state, state.exit_code) == ("Terminated", 0)
    until(lambda: machine.logs(name, "main") == "['first', 'second']\n")
    assert group.init_containers[0].instance_view.current_state.finish_time <= (
        group.containers[0].instance_view.current_state.start_time
    )


def test_an_init_container_that_fails_keeps_the_rest_from_starting(machine, name):
    bad = machine.script("bad", "raise SystemExit('no database')")
    bad["properties"].pop("resources")
    body = machine.group(machine.script("main", WAIT), initContainers=[bad], restartPolicy="Never")
    with pytest.raises(HttpResponseError, match=name):
        machine.create(name, body)
    group = machine.get(name)
    assert (group.provisioning_state, group.instance_view.state) == ("Failed", "Failed")
    assert group.init_containers[0].instance_view.current_state.exit_code == 1
    assert group.containers[0].instance_view.current_state.state == "Waiting"
    assert machine.logs(name, "bad") == "no database\n"


def test_an_empty_dir_outlives_a_restart(machine, name):
    mount = [{"name": "kept", "mountPath": "/kept"}]
    code = "f = open('/kept/runs', 'a+'); f.write('x'); f.seek(0); print(f.read()); f.close(); 1/0"
    body = machine.group(
        machine.script("task", code, volumeMounts=mount),
        restartPolicy="OnFailure",
        volumes=[{"name": "kept", "emptyDir": {}}],
    )
    machine.create(name, body)
    until(lambda: machine.logs(name, "task").startswith("xx"))


def test_a_secret_volume_holds_a_file_for_each_secret(machine, name):
    secret = {"token": base64.b64encode(b"t0p-secret").decode()}
    code = f"import os; print(open('/secrets/token').read()); {WAIT}"
    mount = [{"name": "hidden", "mountPath": "/secrets", "readOnly": True}]
    body = machine.group(
        machine.script("main", code, volumeMounts=mount),
        volumes=[{"name": "hidden", "secret": secret}],
    )
    group = machine.create(name, body)
    assert group.volumes[0].secret == {}
    until(lambda: machine.logs(name, "main") == "t0p-secret\n")


def test_several_containers_share_an_address(machine, name):
    one = machine.web("one", ports=[{"port": 80}])
    two = machine.web("two", ports=[{"port": 8080}])
    two["properties"]["environmentVariables"] = [{"name": "WHO", "value": "two"}]
    if machine.kind == "engine":
        two["properties"]["environmentVariables"].append({"name": "PORT", "value": "8080"})
    address = {"type": "Public", "ports": [{"port": 80}, {"port": 8080}]}
    group = machine.create(name, machine.group(one, two, ipAddress=address))
    assert "WHO" not in machine.answer(group)["env"]
    url = f"http://{group.ip_address.ip}:8080/"
    answer = until(lambda: _if_ok(requests.get(url, timeout=10)))
    assert answer.json()["env"]["WHO"] == "two"


# Probes


def test_a_container_that_fails_its_liveness_probe_is_started_again(machine, name):
    probe = {
        "exec": {"command": ["python", "-c", "import sys; sys.exit('not well')"]},
        "periodSeconds": 1,
        "failureThreshold": 2,
        "timeoutSeconds": 5,
    }
    web = machine.web("web", ports=[{"port": 80}], livenessProbe=probe)
    machine.create(name, machine.group(web))
    until(lambda: machine.view(name).restart_count >= 1)
    events = {event.name: event for event in machine.view(name).events}
    assert "Liveness probe failed" in events["Unhealthy"].message
    assert "not well" in events["Unhealthy"].message
    assert events["Unhealthy"].count >= 2
    assert "liveness" in events["Killing"].message


def test_a_container_that_is_not_ready_gets_no_requests(machine, name):
    probe = {
        "httpGet": {"port": 80, "path": "/ready", "scheme": "http"},
        "initialDelaySeconds": 2,
        "periodSeconds": 1,
        "timeoutSeconds": 5,
    }
    web = machine.web("web", ports=[{"port": 80}], readinessProbe=probe)
    address = {"type": "Public", "ports": [{"port": 80}]}
    group = machine.create(name, machine.group(web, ipAddress=address))
    assert requests.get(f"http://{group.ip_address.ip}/", timeout=10).status_code == 502
    assert machine.answer(group, "/now")["path"] == "/now"
    assert machine.view(name).restart_count == 0


def test_a_probe_of_a_port_that_does_not_answer_fails(machine, name):
    probe = {"httpGet": {"port": 80}, "periodSeconds": 1, "failureThreshold": 1}
    silent = machine.script("web", WAIT, ports=[{"port": 80}], readinessProbe=probe)
    machine.create(name, machine.group(silent))
    until(lambda: any(event.name == "Unhealthy" for event in machine.view(name).events))
    assert machine.view(name).current_state.state == "Running"


def _if_ok(answer: requests.Response) -> requests.Response | None:
    return answer if answer.status_code == 200 else None
