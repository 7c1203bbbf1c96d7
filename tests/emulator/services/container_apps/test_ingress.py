"""The ingress of a container app: https, host names, headers, bodies, streams, web sockets."""

from __future__ import annotations

import hashlib
import os
import time
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import pytest
import requests
import websocket

from tests.emulator.services.apps_bench import AppsBench
from tests.waiting import until


@pytest.fixture
def host(apps: AppsBench) -> str:
    return apps.put(apps.body()).configuration.ingress.fqdn


def test_http_is_sent_to_https_unless_it_is_allowed(apps: AppsBench, host: str):
    answer = requests.get(f"http://{host}/a?b=c", allow_redirects=False, timeout=10)
    assert (answer.status_code, answer.headers["location"]) == (301, f"https://{host}/a?b=c")
    assert requests.get(f"http://{host}/a", timeout=10).json()["path"] == "/a"
    apps.patch({"configuration": {"ingress": {"allowInsecure": True}}})
    answer = requests.get(f"http://{host}/a", allow_redirects=False, timeout=10)
    assert answer.status_code == 200
    assert answer.json()["headers"]["x-forwarded-proto"] == "http"


def test_an_internal_app_is_not_there_from_outside(apps: AppsBench):
    app = apps.put(apps.body(configuration={"ingress": {"external": False}}))
    name, _, rest = app.configuration.ingress.fqdn.partition(".")
    assert (name, rest.partition(".")[0]) == (apps.name, "internal")
    for host in (f"{name}.{rest}", f"{name}.{rest.partition('.')[2]}"):
        assert apps.ask(host=host).status_code == 404


def test_an_app_without_ingress_has_no_address(apps: AppsBench):
    body = apps.body()
    body["properties"]["configuration"]["ingress"] = None
    app = apps.put(body)
    assert app.configuration.ingress is None
    assert apps.list_replicas()[0].containers[0].running_state == "Running"
    apps.patch({"configuration": {"ingress": {"external": True, "targetPort": 80}}})
    assert apps.ask().status_code == 200
    host = apps.fqdn()
    apps.patch({"configuration": {"ingress": None}})
    assert apps.ask(host=host).status_code == 404


def test_what_the_container_is_told_of_the_client(apps: AppsBench, host: str):
    sent = {"X-Mine": "kept", "X-Forwarded-For": "1.2.3.4", "X-Forwarded-Proto": "gopher"}
    headers = apps.ask(host=host, headers=sent).json()["headers"]
    assert {key.lower(): value for key, value in headers.items()}.items() >= {
        "host": host,
        "x-mine": "kept",
        "x-forwarded-for": "1.2.3.4,127.0.0.1",
        "x-forwarded-proto": "https",
        "x-forwarded-host": host,
    }.items()


@pytest.mark.parametrize("status", [200, 204, 304, 404, 500])
def test_statuses_pass_as_they_are(apps: AppsBench, host: str, status: int):
    with requests.Session() as session:
        for _ in range(2):  # the connection is kept
            url = f"https://{host}/status/{status}"
            assert session.get(url, timeout=10).status_code == status


def test_head(apps: AppsBench, host: str):
    with requests.Session() as session:
        head = session.head(f"https://{host}/", timeout=10)
        assert (head.status_code, head.content) == (501, b"")  # what Python's server says of HEAD
        assert session.get(f"https://{host}/", timeout=10).status_code == 200


def test_a_large_upload_is_streamed(apps: AppsBench, host: str):
    block = os.urandom(1024 * 1024)
    digest = hashlib.sha256(block * 40).hexdigest()
    expected = {"size": 40 * 1024 * 1024, "sha256": digest}
    whole = requests.post(f"https://{host}/", data=block * 40, timeout=60)
    assert whole.json() == expected
    in_chunks = requests.post(f"https://{host}/", data=(block for _ in range(40)), timeout=60)
    assert in_chunks.json() == expected


def test_an_answer_is_streamed_as_it_comes(apps: AppsBench, host: str):
    began, times = time.monotonic(), []
    with requests.get(f"https://{host}/stream/3", stream=True, timeout=10) as answer:
        for line in answer.iter_lines():
            times.append(time.monotonic() - began)
            assert line == f"part {len(times) - 1}".encode()
    assert len(times) == 3
    assert times[2] - times[0] > 0.4


def test_web_sockets_pass(apps: AppsBench, host: str):
    proxy = urlsplit(os.environ["HTTPS_PROXY"])
    socket = websocket.create_connection(
        f"wss://{host}/echo",
        http_proxy_host=proxy.hostname,
        http_proxy_port=proxy.port,
        http_proxy_auth=(proxy.username, proxy.password),
        proxy_type="http",
        sslopt={"ca_certs": os.environ["SSL_CERT_FILE"]},
        timeout=10,
    )
    for word in ("hello", "again"):
        socket.send(word)
        assert socket.recv() == word
    socket.close()


def test_requests_wait_for_a_replica_that_starts(apps: AppsBench):
    poller = apps.begin(apps.body(apps.container(env={"DELAY": "1.5"})))
    until(lambda: apps.get().latest_revision_name)
    assert apps.ask().status_code == 200
    assert poller.result().provisioning_state == "Succeeded"


def test_many_at_once(apps: AppsBench, host: str):
    with ThreadPoolExecutor(16) as pool, requests.Session() as session:
        session.mount("https://", requests.adapters.HTTPAdapter(pool_maxsize=16))
        answers = list(
            pool.map(lambda n: session.get(f"https://{host}/{n}", timeout=30), range(300))
        )
    assert [answer.json()["path"] for answer in answers] == [f"/{n}" for n in range(300)]


def test_a_container_that_dies_is_started_again(apps: AppsBench, host: str):
    before = apps.ask(host=host).json()["start"]
    assert apps.ask("/die/7", host=host).status_code in (502, 503)
    until(lambda: (a := apps.ask(host=host)).status_code == 200 and a.json()["start"] != before)
    container = apps.list_replicas()[0].containers[0]
    assert container.restart_count == 1


def test_the_target_port_may_change(apps: AppsBench, host: str):
    if apps.kind == "engine":  # where a program listens on the ports that it chooses
        apps.put(apps.body(apps.container(env={"ALSO": "8080"})))
    apps.patch({"configuration": {"ingress": {"targetPort": 8080}}})
    assert apps.ask(host=host).json()["env"]["CONTAINER_APP_PORT"] == "8080"
    assert apps.get().configuration.ingress.target_port == 8080
