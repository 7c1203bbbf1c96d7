"""The ingress of a container app: https, host names, headers, bodies, streams, web sockets."""

from __future__ import annotations

import hashlib
import os
import ssl
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import unquote

import pytest
import requests
import trustme

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
    with requests.get(f"https://{host}/stream/3", stream=True, timeout=10) as answer:
        lines = answer.iter_lines(chunk_size=None)
        for number in range(3):
            assert next(lines) == f"part {number}".encode()
            apps.ask("/more", host=host)  # the next part is not written before
        assert next(lines, None) is None


def test_web_sockets_pass(apps: AppsBench, host: str):
    socket = apps.web_socket(host)
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


def test_who_may_call_an_app(apps: AppsBench, host: str):
    def restrict(action: str, addresses: str) -> int:
        rule = {"name": "one", "description": "", "action": action, "ipAddressRange": addresses}
        shown = apps.patch({"configuration": {"ingress": {"ipSecurityRestrictions": [rule]}}})
        assert shown.configuration.ingress.ip_security_restrictions[0].as_dict() == rule
        return apps.ask(host=host).status_code

    assert restrict("Allow", "127.0.0.0/8") == 200
    assert restrict("Allow", "203.0.113.7") == 403
    assert restrict("Deny", "203.0.113.0/24") == 200
    assert restrict("Deny", "127.0.0.1/32") == 403
    apps.patch({"configuration": {"ingress": {"ipSecurityRestrictions": None}}})
    assert apps.ask(host=host).status_code == 200
    assert len(apps.list_revisions()) == 1


def test_pages_of_other_sites(apps: AppsBench, host: str):
    policy = {"allowedOrigins": ["https://site.example"], "allowedMethods": ["GET"], "maxAge": "60"}
    shown = apps.patch({"configuration": {"ingress": {"corsPolicy": policy}}})
    assert shown.configuration.ingress.cors_policy.max_age == 60
    asks = {"origin": "https://site.example", "access-control-request-method": "GET"}
    answer = requests.options(f"https://{host}/", headers=asks, timeout=10)
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["access-control-allow-methods"] == "GET"
    answer = apps.ask(host=host, headers={"origin": "https://site.example"})
    assert answer.headers["access-control-allow-origin"] == "https://site.example"
    assert answer.json()["path"] == "/"


def test_a_client_stays_with_its_replica(apps: AppsBench):
    scale = {"minReplicas": 2, "maxReplicas": 2}
    sticky = {"ingress": {"stickySessions": {"affinity": "sticky"}}}
    host = apps.put(apps.body(configuration=sticky, scale=scale)).configuration.ingress.fqdn
    until(lambda: len({apps.ask(host=host).json()["replica"] for _ in range(4)}) == 2)
    with requests.Session() as client:
        own = {client.get(f"https://{host}/", timeout=10).json()["replica"] for _ in range(6)}
    assert len(own) == 1


def test_certificates_of_clients(apps: AppsBench, host: str, tmp_path: Path):
    own = tmp_path / "client.pem"
    issued = trustme.CA().issue_cert("ada@example.org")  # by an authority that nobody knows
    issued.private_key_and_cert_chain_pem.write_to_path(own)
    pem = issued.cert_chain_pems[0].bytes().decode()
    forged = {"X-Forwarded-Client-Cert": "Hash=1"}

    def told(certificate: Path | None) -> str | None:
        answer = apps.ask(host=host, cert=certificate and str(certificate), headers=forged)
        headers = {key.lower(): value for key, value in answer.json()["headers"].items()}
        return headers.get("x-forwarded-client-cert")

    def set_mode(mode: str) -> None:
        shown = apps.patch({"configuration": {"ingress": {"clientCertificateMode": mode}}})
        assert shown.configuration.ingress.client_certificate_mode == mode.lower()

    assert (told(None), told(own)) == (None, None)
    set_mode("accept")
    assert told(None) is None
    given = dict(part.split("=", 1) for part in (told(own) or "").split(";"))
    der = ssl.PEM_cert_to_DER_cert(pem)
    assert given["Hash"] == hashlib.sha256(der).hexdigest()
    assert unquote(given["Cert"].strip('"')).split() == pem.split()
    assert unquote(given["Chain"].strip('"')).startswith(unquote(given["Cert"].strip('"')))
    set_mode("Require")
    assert told(own)
    with pytest.raises(requests.ConnectionError):
        told(None)
    set_mode("ignore")
    assert told(own) is None
