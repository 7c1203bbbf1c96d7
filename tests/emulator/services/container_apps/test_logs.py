"""Log streams, the system log and terminals, as the az CLI reads them."""

from __future__ import annotations

import json
import os
from urllib.parse import urlsplit

import pytest
import requests
import websocket

from emulator.defaults import RESOURCE_GROUP
from tests.emulator.services.apps_bench import AppsBench
from tests.waiting import until


@pytest.fixture
def stream(apps: AppsBench) -> str:
    apps.put(apps.body())
    return apps.list_replicas()[0].containers[0].log_stream_endpoint


def read(apps: AppsBench, url: str, **query: object) -> str:
    headers = {"Authorization": f"Bearer {apps.token()}"}
    answer = requests.get(url, params=query, headers=headers, timeout=10)
    assert answer.status_code == 200
    return answer.text


def test_the_console_as_json_and_as_text(apps: AppsBench, stream: str):
    assert stream.startswith("https://westeurope.azurecontainerapps.dev/subscriptions/")
    for number in range(5):
        apps.ask(f"/print/line-{number}")
    until(lambda: "line-4" in read(apps, stream))
    lines = [json.loads(line) for line in read(apps, stream, tailLines=3).splitlines()]
    assert [line["Log"] for line in lines[2:]] == ["line-2", "line-3", "line-4"]
    assert "Connecting to the container 'web'" in lines[0]["Log"]
    assert all(line["TimeStamp"].endswith("Z") for line in lines)
    text = read(apps, stream, output="text", tailLines=1).splitlines()
    assert len(text) == 3
    assert text[2].endswith("Z line-4")
    assert len(read(apps, stream, tailLines=0).splitlines()) == 2


def test_following_the_console(apps: AppsBench, stream: str):
    headers = {"Authorization": f"Bearer {apps.token()}"}
    query = {"follow": "true", "output": "text", "tailLines": "0"}
    host = apps.fqdn()
    with requests.get(stream, params=query, headers=headers, stream=True, timeout=10) as answer:
        lines = answer.iter_lines()
        next(lines), next(lines)
        apps.ask("/print/now", host=host)
        assert next(lines).endswith(b" now")


def test_a_stream_wants_the_token_of_its_app(apps: AppsBench, stream: str):
    for headers in ({}, {"Authorization": "Bearer nonsense"}, {"Authorization": "Basic eDp5"}):
        assert requests.get(stream, headers=headers, timeout=10).status_code == 401
    other = stream.replace(apps.name, "another-app")
    headers = {"Authorization": f"Bearer {apps.token()}"}
    assert requests.get(other, headers=headers, timeout=10).status_code == 401
    gone = stream.replace("/containers/web/", "/containers/none/")
    assert requests.get(gone, headers=headers, timeout=10).status_code == 404


def test_the_system_log(apps: AppsBench, stream: str):
    url = apps.get().event_stream_endpoint
    assert url == f"{stream.partition('/revisions/')[0]}/eventstream"
    events = [json.loads(line) for line in read(apps, url, tailLines=100).splitlines()][1:]
    assert {event["ContainerAppName"] for event in events} == {apps.name}
    reasons = [event["Reason"] for event in events]
    assert reasons[0] == "RevisionCreation"
    assert "RevisionReady" in reasons
    # A process is never passed off as a container.
    assert ("NotAContainer" in reasons) == (apps.kind == "process")


def test_the_quickstart_image_is_marked_as_a_stand_in(apps: AppsBench):
    """https://learn.microsoft.com/azure/container-apps/get-started"""
    if apps.kind != "process":
        pytest.skip("an engine pulls the image itself")
    app = apps.put(apps.body(apps.container(image="mcr.microsoft.com/k8se/quickstart:latest")))
    assert "Your container app is running" in until(lambda: apps.ask()).text
    events = read(apps, app.event_stream_endpoint, tailLines=100)
    assert '"Reason": "StandIn"' in events or '"Reason":"StandIn"' in events
    console = read(apps, apps.list_replicas()[0].containers[0].log_stream_endpoint)
    assert "A stand-in for the image mcr.microsoft.com/k8se/quickstart:latest" in console


def test_a_terminal(apps: AppsBench, stream: str):
    proxy = urlsplit(os.environ["HTTPS_PROXY"])
    url = stream.replace("https://", "wss://").replace("/logstream", "/exec?command=python+-i")
    socket = websocket.create_connection(
        url,
        header=[f"Authorization: Bearer {apps.token()}"],
        http_proxy_host=proxy.hostname,
        http_proxy_port=proxy.port,
        http_proxy_auth=(proxy.username, proxy.password),
        proxy_type="http",
        sslopt={"ca_certs": os.environ["SSL_CERT_FILE"]},
        timeout=20,
    )
    socket.send_binary(b'\x00\x04{"Width": 100, "Height": 30}')
    socket.send_binary(b"\x00\x00print('sum', 40 + 2)\n")
    printed = b""
    while b"sum 42" not in printed:
        message = socket.recv()
        assert message[0] in (0, 1)
        printed += message[2:] if message[0] == 0 else b""
    socket.send_binary(b"\x00\x00raise SystemExit\n")
    rest = iter(lambda: socket.recv() or b"", b"")  # a text, and empty, when it is closed
    assert {message[:1] for message in rest} <= {b"\x00"}
    socket.close()


def test_the_system_log_of_an_environment(apps: AppsBench, stream: str):
    second = f"second-{apps.unique}"
    apps.put(apps.body(), second)
    name = apps.environment_id.rpartition("/")[2]
    url = apps.environments.get(RESOURCE_GROUP, name).event_stream_endpoint
    token = apps.environments.get_auth_token(RESOURCE_GROUP, name).token
    headers = {"Authorization": f"Bearer {token}"}
    answer = requests.get(url, params={"tailLines": 300}, headers=headers, timeout=10)
    events = [json.loads(line) for line in answer.text.splitlines()][1:]
    assert {event["ContainerAppName"] for event in events} == {apps.name, second}
    times = [event["TimeStamp"] for event in events]
    assert times == sorted(times)
    # The token of an app is not one of its environment.
    headers = {"Authorization": f"Bearer {apps.token()}"}
    assert requests.get(url, headers=headers, timeout=10).status_code == 401


def test_names_that_are_free(apps: AppsBench, stream: str):
    environment = apps.environment_id.rpartition("/")[2]

    def reason(name: str) -> str:
        body = {"name": name, "type": "Microsoft.App/containerApps"}
        check = apps.client.namespaces.check_name_availability
        found = check(RESOURCE_GROUP, environment, body)
        assert found.name_available == (found.reason == "None")
        return found.reason

    assert reason(f"free-{apps.unique}") == "None"
    assert reason(apps.name) == "AlreadyExists"
    assert reason("Not--good") == "Invalid"
    shown = apps.get().properties.custom_domain_verification_id
    assert apps.client.get_custom_domain_verification_id() == shown
