"""Container apps of a test: a small web server, and short ways to make and ask apps of it."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
import requests
import websocket
from azure.identity import DefaultAzureCredential
from azure.mgmt.appcontainers import ContainerAppsAPIClient
from azure.mgmt.appcontainers.models import ContainerApp, Revision

from emulator.defaults import REGION, RESOURCE_GROUP, SUBSCRIPTION
from tests.emulator.services.container_machine import DOCKERFILE, Machine

# What it does is in the path; VERSION, FAIL, DELAY and ALSO are variables.
SERVE = """\
import base64, hashlib, json, os, pathlib, signal, sys, threading, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

if os.environ.get("FAIL"):
    print("cannot start: FAIL is set", flush=True)
    sys.exit(int(os.environ["FAIL"]))
time.sleep(float(os.environ.get("DELAY", "0")))
state = {"healthy": True, "burns": False}
more = threading.Semaphore(0)  # a stream writes its next part when it is asked to
START = os.urandom(8).hex()  # in a container the pid is always the same

def burn():
    while state["burns"]:
        sum(range(10000))

class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, body, status=200):
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_GET(self):
        what, _, value = self.path.strip("/").partition("/")
        if self.headers.get("upgrade", "").lower() == "websocket":
            return self.echo_frames()
        if what == "die":
            print("dying", flush=True)
            os._exit(int(value))
        if what == "sleep":
            time.sleep(float(value))
        if what == "healthy":
            state["healthy"] = value == "yes"
        if what == "health":
            return self.answer({}, 200 if state["healthy"] else 503)
        if what == "status":
            self.send_response(int(value))
            if value not in ("204", "304"):
                self.send_header("content-length", "0")
            return self.end_headers()
        if what == "read":
            file = pathlib.Path("/", value)
            root = os.environ.get("AZURE_LOCAL_CONTAINER")  # where a process has its files
            return self.answer((pathlib.Path(root, value) if root else file).read_text())
        if what == "stream":
            return self.stream(int(value))
        if what == "burn":
            state["burns"] = value == "yes"
            threading.Thread(target=burn, daemon=True).start()
        if what == "more":
            more.release()
        if what == "print":
            print(value, flush=True)
        self.answer({
            "path": self.path, "pid": os.getpid(), "start": START, "env": dict(os.environ),
            "version": os.environ.get("VERSION"), "headers": dict(self.headers),
            "replica": os.environ.get("CONTAINER_APP_REPLICA_NAME"),
        })

    def do_POST(self):
        size, digest = 0, hashlib.sha256()
        if self.headers.get("transfer-encoding") == "chunked":
            while length := int(self.rfile.readline(), 16):
                digest.update(self.rfile.read(length))
                size += length
                self.rfile.readline()
            self.rfile.readline()
        else:
            left = int(self.headers["content-length"])
            while left and (data := self.rfile.read(min(left, 65536))):
                digest.update(data)
                size, left = size + len(data), left - len(data)
        self.answer({"size": size, "sha256": digest.hexdigest()})

    def stream(self, count):
        self.send_response(200)
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        for number in range(count):
            data = f"part {number}\\n".encode()
            self.wfile.write(b"%x\\r\\n%b\\r\\n" % (len(data), data))
            self.wfile.flush()
            more.acquire()
        self.wfile.write(b"0\\r\\n\\r\\n")

    def echo_frames(self):
        guid = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        key = hashlib.sha1(self.headers["sec-websocket-key"].encode() + guid).digest()
        self.send_response(101)
        self.send_header("upgrade", "websocket")
        self.send_header("connection", "upgrade")
        self.send_header("sec-websocket-accept", base64.b64encode(key).decode())
        self.end_headers()
        while head := self.rfile.read(2):
            mask = self.rfile.read(4)
            data = self.rfile.read(head[1] & 127)
            data = bytes(byte ^ mask[n % 4] for n, byte in enumerate(data))
            self.wfile.write(bytes([head[0], len(data)]) + data)
        self.close_connection = True

    def log_message(self, *_):
        pass

signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
host, port = os.environ.get("HOST", "0.0.0.0"), int(os.environ.get("PORT", "80"))
server = ThreadingHTTPServer((host, port), Handler)
for also in os.environ.get("ALSO", "").split():
    another = ThreadingHTTPServer((host, int(also)), Handler)
    threading.Thread(target=another.serve_forever, daemon=True).start()
print("listening", flush=True)
server.serve_forever()
"""
REGISTRY = "appsregistry"
_images: dict[Path, str] = {}


class AppsBench:
    """The clients of one emulator, and apps of the small web server."""

    def __init__(self, machine: Machine, unique: str) -> None:
        self.machine = machine
        self.kind = machine.kind
        self.client = ContainerAppsAPIClient(DefaultAzureCredential(), SUBSCRIPTION)
        self.apps = self.client.container_apps
        self.environments = self.client.managed_environments
        self.revisions = self.client.container_apps_revisions
        self.replicas = self.client.container_apps_revision_replicas
        self.unique = unique
        self.name = f"app-{unique}"
        self.made: list[str] = []

    @property
    def image(self) -> str:
        """Built once for each emulator."""
        root = self.machine.azure.home.root
        if root not in _images:
            self.machine.registry(REGISTRY)
            files = {"Dockerfile": DOCKERFILE, "serve.py": SERVE}
            run = self.machine.schedule(REGISTRY, "web:1", files)
            assert self.machine.run(REGISTRY, run.run_id).status == "Succeeded"
            _images[root] = f"{REGISTRY}.azurecr.io/web:1"
        return _images[root]

    @property
    def environment_id(self) -> str:
        body = {"location": REGION}
        name = f"env-{self.unique}"
        scope = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{RESOURCE_GROUP}"
        found = f"{scope}/providers/Microsoft.App/managedEnvironments/{name}"
        if found not in self.made:
            self.environments.begin_create_or_update(RESOURCE_GROUP, name, body).result()
            self.made.append(found)
        return found

    # Bodies

    def container(self, **more: Any) -> dict[str, Any]:
        variables = more.pop("env", {})
        return {
            "name": "web",
            "image": self.image,
            "resources": {"cpu": 0.25, "memory": "0.5Gi"},
            "env": [{"name": key, "value": value} for key, value in variables.items()],
            **more,
        }

    def configuration(self, **more: Any) -> dict[str, Any]:
        self.image  # noqa: B018 - the registry is there only once the image was built
        password = self.machine.credentials(REGISTRY)
        secrets = more.pop("secrets", [])
        registry = {"server": password["server"], "username": password["username"]}
        ingress = {"external": True, "targetPort": 80, **more.pop("ingress", {})}
        return {
            "secrets": [{"name": "registry-password", "value": password["password"]}, *secrets],
            "registries": [{**registry, "passwordSecretRef": "registry-password"}],
            "ingress": ingress,
            **more,
        }

    def body(
        self,
        *containers: dict[str, Any],
        configuration: dict[str, Any] | None = None,
        **template: Any,
    ) -> dict[str, Any]:
        """An app with one container and one replica unless something else is asked for."""
        template.setdefault("scale", {"minReplicas": 1, "maxReplicas": 1})
        return {
            "location": REGION,
            "properties": {
                "environmentId": self.environment_id,
                "configuration": self.configuration(**(configuration or {})),
                "template": {"containers": list(containers) or [self.container()], **template},
            },
        }

    # Calls

    def put(self, body: dict[str, Any], name: str = "") -> ContainerApp:
        return self.begin(body, name).result()

    def begin(self, body: dict[str, Any], name: str = "") -> Any:
        return self.apps.begin_create_or_update(RESOURCE_GROUP, name or self.name, body)

    def patch(self, properties: dict[str, Any]) -> ContainerApp:
        body = {"properties": properties}
        return self.apps.begin_update(RESOURCE_GROUP, self.name, body).result()

    def get(self) -> ContainerApp:
        return self.apps.get(RESOURCE_GROUP, self.name)

    def list_revisions(self) -> list[Revision]:
        return list(self.revisions.list_revisions(RESOURCE_GROUP, self.name))

    def revision(self, name: str) -> Revision:
        return self.revisions.get_revision(RESOURCE_GROUP, self.name, name)

    def list_replicas(self, revision: str = "") -> list[Any]:
        name = revision or self.get().latest_revision_name
        return self.replicas.list_replicas(RESOURCE_GROUP, self.name, name).value

    def token(self) -> str:
        return self.apps.get_auth_token(RESOURCE_GROUP, self.name).token

    def events(self) -> list[dict[str, Any]]:
        """The system log."""
        url = self.get().properties.event_stream_endpoint
        headers = {"Authorization": f"Bearer {self.token()}"}
        answer = requests.get(url, params={"tailLines": 300}, headers=headers, timeout=30)
        return [json.loads(line) for line in answer.text.splitlines()]

    def fqdn(self) -> str:
        return self.get().configuration.ingress.fqdn

    def ask(self, path: str = "/", host: str = "", **more: Any) -> requests.Response:
        return requests.get(f"https://{host or self.fqdn()}{path}", timeout=30, **more)

    def web_socket(self, host: str = "") -> websocket.WebSocket:
        proxy = urlsplit(os.environ["HTTPS_PROXY"])
        return websocket.create_connection(
            f"wss://{host or self.fqdn()}/echo",
            http_proxy_host=proxy.hostname,
            http_proxy_port=proxy.port,
            http_proxy_auth=(proxy.username, proxy.password),
            proxy_type="http",
            sslopt={"ca_certs": os.environ["SSL_CERT_FILE"]},
            timeout=10,
        )

    def servers(self, name: str = "") -> set[str]:
        """The replicas of an app that have a process, where containers are processes."""
        folder, found = str(self.machine.azure.home.root), set()
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                variables = process.environ()
                if (
                    variables.get("AZURE_LOCAL_CONTAINER", "").startswith(folder)
                    and variables.get("CONTAINER_APP_NAME") == (name or self.name)
                    and process.status() != psutil.STATUS_ZOMBIE
                ):
                    found.add(variables["CONTAINER_APP_REPLICA_NAME"])
        return found

    def folders(self, name: str = "") -> list[Path]:
        """What there is of an app on disk."""
        return list((self.machine.azure.home.containers / "apps").glob(f"{name or self.name}-*"))

    def clean(self) -> None:
        for app in list(self.apps.list_by_resource_group(RESOURCE_GROUP)):
            if app.name.endswith(self.unique):
                self.apps.begin_delete(RESOURCE_GROUP, app.name).result()
        for environment in self.made:
            name = environment.rpartition("/")[2]
            self.environments.begin_delete(RESOURCE_GROUP, name).result()
