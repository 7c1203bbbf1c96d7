"""What the tests of containers build, start and ask, whichever runtime it is."""

from __future__ import annotations

import asyncio
import json
import os
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from emulator.containers.engine import discovery
from emulator.containers.runtime import Container, ContainerRuntime, ContainerSpec, Image

# One for each of several test processes that use the engine at once.
REGISTRY = f"localazuretests{os.environ.get('PYTEST_XDIST_WORKER', '')}.azurecr.io"
BASE_IMAGE = os.environ.get("AZURE_LOCAL_TEST_BASE_IMAGE", "localhost/python:3.11-debian")
ENGINE = discovery.find({**os.environ, discovery.SWITCH: "engine"})

# Answers any request with what it sees.
MIRROR = """
    import http.server, json, os, pathlib, sys

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            answer = json.dumps({
                "variables": dict(os.environ),
                "folder": os.getcwd(),
                "files": sorted(str(p) for p in pathlib.Path(".").rglob("*")),
                "argv": sys.argv,
                "pid": os.getpid(),
            }).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_):
            pass

    address = (os.environ.get("HOST", "0.0.0.0"), int(os.environ.get("PORT", "80")))
    http.server.ThreadingHTTPServer(address, Handler).serve_forever()
"""
MIRROR_DOCKERFILE = """
    ARG BASE_IMAGE=python:3.11-slim
    FROM ${BASE_IMAGE}
    ENV PYTHONUNBUFFERED=1 COLOUR=blue
    WORKDIR /app
    COPY . .
    EXPOSE 80
    CMD ["python", "main.py"]
"""


def context(folder: Path, dockerfile: str = MIRROR_DOCKERFILE, **files: str) -> Path:
    """A build context. Of a file's name, `__` is a dot: main__py="..."."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "Dockerfile").write_text(textwrap.dedent(dockerfile).lstrip("\n"))
    for name, text in (files or {"main__py": MIRROR}).items():
        (folder / name.replace("__", ".")).write_text(textwrap.dedent(text))
    return folder


async def build(
    runtime: ContainerRuntime,
    folder: Path,
    name: str = "mirror:1",
    build_args: Mapping[str, str] | None = None,
) -> tuple[Image, list[str]]:
    """The image and the build log."""
    log: list[str] = []
    arguments = {"BASE_IMAGE": BASE_IMAGE, **(build_args or {})}
    image = await runtime.build(folder, "Dockerfile", [f"{REGISTRY}/{name}"], arguments, log.append)
    return image, log


def spec(folder: Path, name: str = "group--main", **changes: Any) -> ContainerSpec:
    defaults: dict[str, Any] = {
        "name": name,
        "image": f"{REGISTRY}/mirror:1",
        "command": None,
        "args": None,
        "variables": {},
        "ports": (),
        "cpu": 1.0,
        "memory_gb": 0.5,
        "log_file": folder / f"{name}.log",
    }
    return ContainerSpec(**(defaults | changes))


def script(code: str) -> tuple[str, ...]:
    return ("python3", "-u", "-c", textwrap.dedent(code))


async def ask(container: Container, port: int = 80, path: str = "/") -> Any:
    """GET, as often as it takes to be answered; the JSON of the answer."""
    async with asyncio.timeout(20):
        while True:
            try:
                return json.loads(await _get(container.address[port], path))
            except (OSError, ValueError):
                await asyncio.sleep(0.02)


async def is_answered(container: Container, port: int) -> bool:
    """Whether a GET of one of its ports gets an answer, now."""
    try:
        return await _get(container.address[port], "/") != b""
    except OSError:
        return False


async def _get(port: int, path: str) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(f"GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n".encode())
        return (await reader.read()).partition(b"\r\n\r\n")[2]
    finally:
        writer.close()


def log_lines(container: Container) -> list[str]:
    """The log without its times."""
    return [line.partition(" ")[2] for line in container.spec.log_file.read_text().splitlines()]
