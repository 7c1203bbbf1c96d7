"""Apps of one environment call each other by name; nobody else sees those that are internal."""

from __future__ import annotations

import base64
import json
import os
import socket
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest
import requests

from emulator.defaults import REGION, RESOURCE_GROUP
from tests.emulator.services.apps_bench import REGISTRY, AppsBench
from tests.waiting import until

# Calls the URL in its query with the client in its path, as anybody's code would, and answers what
# came of it: status, body and the address at the end of all redirects, or the error.
CALL = """\
import json, os, shutil, signal, subprocess, urllib.error, urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import httpx
import requests

def by_urllib(url):
    try:
        with urllib.request.urlopen(url, timeout=20) as answer:
            return answer.status, answer.read().decode(), answer.url
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode(), error.url

def by_requests(url):
    answer = requests.get(url, timeout=20)
    return answer.status_code, answer.text, answer.url

def by_httpx(url):
    answer = httpx.get(url, timeout=20, follow_redirects=True)
    return answer.status_code, answer.text, str(answer.url)

def by_curl(url):
    if not shutil.which("curl"):
        raise LookupError("no curl")
    command = ["curl", "-sSL", "-w", "\\\\n%{http_code} %{url_effective}", url]
    done = subprocess.run(command, capture_output=True, check=True, text=True, timeout=20)
    text, _, last = done.stdout.rpartition("\\n")
    status, _, end = last.partition(" ")
    return int(status), text, end

def session(url):
    # Connections to a proxy are kept: the second host must be reached as the first was.
    with requests.Session() as session:
        return [session.get(each, timeout=20).status_code for each in url.split()], "", ""

class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        parts = urlsplit(self.path)
        url = parse_qs(parts.query).get("url", [""])[0]
        client = globals().get(parts.path.strip("/"))
        try:
            found = {"answer": client(url)} if client else {"host": self.headers["host"]}
        except Exception as error:
            found = {"error": f"{type(error).__name__}: {error}"}
        if not client:
            found["env"] = dict(os.environ)
            found["forwarded"] = self.headers["x-forwarded-proto"]
        body = json.dumps(found).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass

signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
host, port = os.environ.get("HOST", "0.0.0.0"), int(os.environ.get("PORT", "80"))
ThreadingHTTPServer((host, port), Handler).serve_forever()
"""
DOCKERFILE = """\
ARG BASE_IMAGE=python:3.11-slim
FROM ${BASE_IMAGE}
RUN pip install requests httpx
WORKDIR /app
COPY call.py .
EXPOSE 80
ENV PYTHONUNBUFFERED=1
CMD ["python", "call.py"]
"""
_images: set[object] = set()


class Neighbourhood:
    """An environment with a caller that is external and a callee that is internal."""

    def __init__(self, apps: AppsBench) -> None:
        self.apps = apps
        self.image = f"{REGISTRY}.azurecr.io/call:1"
        root = apps.machine.azure.home.root
        if root not in _images:
            apps.machine.registry(REGISTRY)
            files = {"Dockerfile": DOCKERFILE, "call.py": CALL}
            run = apps.machine.schedule(REGISTRY, "call:1", files)
            done = apps.machine.run(REGISTRY, run.run_id)
            assert done.status == "Succeeded", done.run_error_message
            _images.add(root)
        self.caller = self.put("from", external=True)
        self.callee = f"to-{apps.unique}"
        self.callee_host = self.put("to", external=False)
        self.domain = self.caller.partition(".")[2]

    def put(self, name: str, *, external: bool, **more: Any) -> str:
        """Make an app; answers its host name."""
        container = self.apps.container(image=self.image, **more)
        ingress = {"external": external}
        body = self.apps.body(container, configuration={"ingress": ingress})
        return self.apps.put(body, f"{name}-{self.apps.unique}").configuration.ingress.fqdn

    def call(self, url: str, client: str = "by_requests", *, of: str = "") -> Any:
        """What the caller says of its call."""
        answer = requests.get(
            f"https://{of or self.caller}/{client}", params={"url": url}, timeout=40
        )
        return answer.json()


@pytest.fixture
def near(apps: AppsBench) -> Neighbourhood:
    return Neighbourhood(apps)


@pytest.mark.parametrize("client", ["by_urllib", "by_requests", "by_httpx", "by_curl"])
def test_any_client_reaches_an_internal_app_by_its_documented_names(
    near: Neighbourhood, client: str
):
    https = near.call(f"https://{near.callee_host}/a", client)
    if "no curl" in https.get("error", ""):
        pytest.skip("the image has no curl")
    status, text, _ = https["answer"]
    assert (status, json.loads(text)["host"]) == (200, near.callee_host)
    assert json.loads(text)["forwarded"] == "https"
    status, text, _ = near.call(f"http://{near.callee}/a", client)["answer"]
    assert (status, json.loads(text)["host"]) == (200, near.callee)
    assert json.loads(text)["forwarded"] == "http"
    status, _, url = near.call(f"http://{near.callee_host}/a", client)["answer"]
    assert (status, url) == (200, f"https://{near.callee_host}/a")  # by a redirect


def test_an_external_app_is_called_by_its_names_too(near: Neighbourhood):
    name = near.caller.partition(".")[0]
    for host in (f"https://{near.caller}", f"https://{name}.internal.{near.domain}"):
        assert near.call(f"{host}/", "by_httpx")["answer"][0] == 200
    assert near.call(f"http://{name}/", "by_urllib")["answer"][0] == 200
    outside = requests.get(f"https://{name}.internal.{near.domain}/", timeout=10)
    assert outside.status_code == 404


def test_outside_an_internal_app_is_not_there(near: Neighbourhood):
    name = near.callee
    for host in (near.callee_host, f"{name}.{near.domain}"):
        answer = requests.get(f"https://{host}/", timeout=10)
        assert answer.status_code == 404
        assert "stopped or does not exist" in answer.text
    assert requests.get(f"http://{near.callee_host}/", timeout=10).status_code == 404
    # The password of an environment makes nobody an insider who is not in a container of it.
    variables = requests.get(f"https://{near.caller}/", timeout=10).json()["env"]
    door = os.environ["HTTPS_PROXY"].rpartition("@")[2]
    password = variables["HTTPS_PROXY"].removeprefix("http://").partition("@")[0]
    proxy = {"https": f"http://{password}@{door}"}
    with pytest.raises(requests.exceptions.ProxyError, match="407"):
        requests.get(f"https://{near.callee_host}/", proxies=proxy, timeout=10)


def test_the_door_of_containers_is_closed_without_the_password(near: Neighbourhood):
    variables = requests.get(f"https://{near.caller}/", timeout=10).json()["env"]
    where = variables["HTTP_PROXY"].rpartition("@")[2]
    host, _, port = where.partition(":")
    wrong = base64.b64encode(b"any:password").decode()
    for field in (
        "",
        f"Proxy-Authorization: Basic {wrong}\r\n",
        "Proxy-Authorization: Basic ?\r\n",
    ):
        for line in (f"CONNECT {near.callee_host}:443", f"GET http://{near.callee}/"):
            with socket.create_connection((host, int(port)), timeout=10) as connection:
                connection.sendall(f"{line} HTTP/1.1\r\nHost: x\r\n{field}\r\n".encode())
                assert connection.recv(1000).startswith(b"HTTP/1.1 407 ")


def test_another_environment_sees_nothing(near: Neighbourhood, apps: AppsBench):
    other = f"other-{apps.unique}"
    made = apps.environments.begin_create_or_update(
        RESOURCE_GROUP, other, {"location": REGION}
    ).result()
    apps.made.append(made.id)
    body = apps.body(apps.container(image=near.image))
    body["properties"]["environmentId"] = made.id
    stranger = apps.put(body, f"strange-{apps.unique}").configuration.ingress.fqdn
    assert near.call(f"https://{near.callee_host}/", of=stranger)["answer"][0] == 404
    assert near.call(f"http://{near.callee}/", of=stranger)["answer"][0] == 404
    assert near.call(f"https://{near.caller}/", of=stranger)["answer"][0] == 200


def test_connections_that_are_kept_lead_to_whom_is_asked_for(near: Neighbourhood):
    urls = [f"http://{near.callee}/", f"http://none-{near.apps.unique}/", f"http://{near.callee}/"]
    assert near.call(" ".join(urls), "session")["answer"][0] == [200, 404, 200]


def test_a_plain_name_has_no_certificate(near: Neighbourhood):
    said = near.call(f"https://{near.callee}/", "by_urllib")["error"]
    assert "502" in said


def test_other_hosts_are_reached_through_the_proxy(near: Neighbourhood):
    class Hello(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("content-length", "2")
            self.end_headers()
            self.wfile.write(b"hi")

    with ThreadingHTTPServer(("127.0.0.1", 0), Hello) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        # This machine's loopback by a name that NO_PROXY does not have.
        assert near.call(f"http://127.1:{server.server_port}/")["answer"][:2] == [200, "hi"]
        server.shutdown()


def test_an_app_that_is_at_zero_wakes_for_its_neighbour(near: Neighbourhood):
    near.apps.name = near.callee
    near.apps.patch({"template": {"scale": {"minReplicas": 0, "maxReplicas": 1}}})
    until(lambda: not near.apps.list_replicas())
    assert near.call(f"http://{near.callee}/")["answer"][0] == 200


def test_what_an_app_sets_itself_goes_before(apps: AppsBench):
    own = {"https_proxy": "http://127.0.0.1:9", "SSL_CERT_FILE": "/mine.pem"}
    app = apps.put(apps.body(apps.container(env=own)))
    told = apps.ask(host=app.configuration.ingress.fqdn).json()["env"]
    assert told["https_proxy"] == own["https_proxy"]
    assert "HTTPS_PROXY" not in told
    assert told["SSL_CERT_FILE"] == own["SSL_CERT_FILE"]
    assert "HTTP_PROXY" in told
