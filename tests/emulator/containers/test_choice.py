"""Which runtime is chosen, and why."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from emulator.containers.choice import choose_runtime, describe
from emulator.containers.engine import discovery
from emulator.containers.engine.runtime import EngineRuntime
from emulator.containers.runtime import ContainerRuntimeError

VERSION = {"Version": "28.2.2", "Components": [{"Name": "Engine", "Version": "28.2.2"}]}


class Engine(HTTPServer):
    """Answers GET /version as an engine does."""

    address_family = socket.AF_UNIX
    status, body = 200, json.dumps(VERSION).encode()

    def server_bind(self) -> None:
        self.socket.bind(self.server_address)
        self.server_name, self.server_port = "localhost", 0


class Handler(BaseHTTPRequestHandler):
    server: Engine

    def do_GET(self) -> None:
        self.send_response(self.server.status)
        self.end_headers()
        self.wfile.write(self.server.body)

    def log_message(self, *_: Any) -> None:
        pass

    def address_string(self) -> str:
        return "unix"


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    folder = tmp_path / "podman"
    folder.mkdir()
    server = Engine(str(folder / "podman.sock"), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def url(engine: Engine) -> str:
    return f"unix://{engine.server_address}"


@pytest.fixture(autouse=True)
def no_engine_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the sockets that a test's own settings lead to."""
    exists = discovery._exists
    monkeypatch.setattr(
        discovery,
        "_exists",
        lambda file: not str(file).startswith(("/var", "/run")) and exists(file),
    )


def test_docker_host_comes_first(engine: Engine) -> None:
    found = discovery.find({"DOCKER_HOST": url(engine)})
    assert found.engine == discovery.Engine(url(engine), "Docker", "28.2.2")
    assert found.description == f"Docker 28.2.2 at {url(engine)}"


def test_usual_sockets_are_looked_at(engine: Engine, tmp_path: Path) -> None:
    found = discovery.find({"XDG_RUNTIME_DIR": str(tmp_path)}).engine
    assert found
    assert found.url == url(engine)


def test_podman_says_so(engine: Engine) -> None:
    engine.body = json.dumps(
        {"Version": "4.3.1", "Components": [{"Name": "Podman Engine", "Version": "4.3.1"}]}
    ).encode()
    assert describe({"DOCKER_HOST": url(engine)}) == f"Podman 4.3.1 at {url(engine)}"


def test_without_an_engine_it_is_processes() -> None:
    found = discovery.find({})
    assert found == discovery.Found(
        None, "processes of this machine: no Docker or Podman engine answers"
    )


@pytest.mark.parametrize(
    ("host", "reason"),
    [
        ("unix:///no/such/socket", "does not answer: No such file or directory"),
        ("tcp://127.0.0.1:1", "does not answer: Connection refused"),
        ("tcp://192.0.2.1:2375", "is on another machine"),
        ("ssh://someone@host", "cannot be used"),
        ("nonsense", "cannot be used"),
    ],
)
def test_an_engine_that_does_not_answer_is_named(host: str, reason: str) -> None:
    description = describe({"DOCKER_HOST": host})
    assert description.startswith("processes of this machine: ")
    assert f"{host} {reason}" in description


@pytest.mark.parametrize(("status", "body"), [(500, b""), (200, b"[]"), (200, b"not json")])
def test_something_else_at_the_socket_is_no_engine(
    engine: Engine, status: int, body: bytes
) -> None:
    engine.status, engine.body = status, body
    assert discovery.find({"DOCKER_HOST": url(engine)}).engine is None


@pytest.mark.anyio
async def test_the_switch_forces_one(engine: Engine, tmp_path: Path) -> None:
    environ = {"DOCKER_HOST": url(engine)}
    processes = await choose_runtime(tmp_path / "a", environ | {discovery.SWITCH: "process"})
    assert processes.kind == "process"
    assert processes.description == "processes of this machine: AZURE_LOCAL_CONTAINERS=process"
    await processes.close()
    found = await choose_runtime(tmp_path / "b", environ | {discovery.SWITCH: "engine"})
    assert isinstance(found, EngineRuntime)
    assert found.kind == "container"
    await found.close()


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("switch", "message"),
    [("engine", "Start the engine or set DOCKER_HOST"), ("dokcer", "neither 'process' nor")],
)
async def test_what_is_forced_must_be_there(tmp_path: Path, switch: str, message: str) -> None:
    with pytest.raises(ContainerRuntimeError, match=message):
        await choose_runtime(tmp_path, {discovery.SWITCH: switch})
