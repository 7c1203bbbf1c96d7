"""A container group whose web server shows what reaches it, and has a page of its own."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from azure.mgmt.containerinstance.models import ContainerGroup

from emulator.containers.engine import discovery
from emulator.defaults import RESOURCE_GROUP
from tests.azure import LocalAzure
from tests.emulator.services.container_machine import Machine, problem

# Each path is answered by what its name says; the rest with what was sent.
SERVER = """\
import json, os, signal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

OPENAPI = {"openapi": "3.1.0", "paths": {"/predict": {"post": {"requestBody": {"content": {
    "application/json": {"schema": {"$ref": "#/components/schemas/Digits"}}}}}}},
    "components": {"schemas": {"Digits": {"type": "object", "properties": {
        "data": {"type": "array", "items": {"type": "integer"}}}}}}}

class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        length = int(self.headers.get("content-length", 0))
        told = json.dumps({"method": self.command, "path": self.path,
                           "headers": dict(self.headers.items()),
                           "body": self.rfile.read(length).decode()})
        if self.path == "/docs":
            self.answer("<title>Docs</title><body><script src=/page.js></script>", "text/html")
        elif self.path == "/page.js":
            self.answer("fetch('/openapi.json').then((answer) => answer.json()).then((found) => "
                        "document.body.append(Object.keys(found.paths)[0]))", "text/javascript")
        elif self.path == "/openapi.json":
            self.answer(json.dumps(OPENAPI), "application/json")
        elif self.path == "/moved":
            self.answer("", status=307, Location=f"http://{self.headers['host']}/docs?a=1")
        elif self.path == "/cookie":
            self.answer("", cookie="taste=sweet; Domain=.azurecontainer.io; Path=/")
        else:
            self.answer(told, "application/json", 418 if self.path == "/teapot" else 200)

    do_POST = do_PUT = do_DELETE = do_GET

    def answer(self, text, kind="text/plain", status=200, cookie="", **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if cookie:
            self.send_header("Set-Cookie", cookie)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(text.encode())))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, text, *args):
        print(text % args, flush=True)

signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
address = os.environ.get("HOST", "0.0.0.0"), int(os.environ.get("PORT", "80"))
server = ThreadingHTTPServer(address, Handler)
print("listening", flush=True)
server.serve_forever()
"""


@pytest.fixture(scope="module")
def machine(local_azure: LocalAzure) -> Machine:
    """The clients of Container Instances, with whatever runs containers here."""
    kind = "process" if discovery.find(os.environ).engine is None else "engine"
    with ThreadPoolExecutor() as pool:  # Playwright's event loop runs in this thread
        if why := pool.submit(problem, kind).result():
            pytest.skip(why)
    return Machine(kind, local_azure)


@pytest.fixture(scope="module")
def group(machine: Machine) -> Iterator[ContainerGroup]:
    """The group, which answers."""
    name = f"served-{os.getpid()}"
    container: dict[str, Any] = machine.script("web", SERVER, ports=[{"port": 80}])
    address = {"type": "Public", "dnsNameLabel": name, "ports": [{"port": 80}]}
    made = machine.create(name, machine.group(container, ipAddress=address))
    machine.answer(made)
    yield made
    machine.groups.begin_delete(RESOURCE_GROUP, name).result()
