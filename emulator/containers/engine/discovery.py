"""Finding a Docker or Podman engine on this machine, and saying in a line what was found.

https://docs.docker.com/reference/cli/docker/#environment-variables
https://docs.podman.io/en/latest/markdown/podman-system-service.1.html
"""

from __future__ import annotations

import http.client
import json
import os
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

SWITCH = "AZURE_LOCAL_CONTAINERS"  # "process" or "engine" forces one of the two
TIMEOUT = 2.0  # seconds in which an engine answers that it is there
INSISTENT_TIMEOUT = 20.0  # the same for one that must be there, though its machine may be busy
DOCKER, PODMAN = "Docker", "Podman"
WINDOWS_PIPE = "npipe:////./pipe/docker_engine"


@dataclass(frozen=True)
class Engine:
    """An engine that answers at `url`, as DOCKER_HOST has it. `name` is "Docker" or "Podman"."""

    url: str
    name: str
    version: str

    def __str__(self) -> str:
        return f"{self.name} {self.version} at {self.url}"


@dataclass(frozen=True)
class Found:
    """`engine` is None where containers are to be processes. `forced`: an engine is insisted on."""

    engine: Engine | None
    description: str
    forced: bool = False


class NoEngine(Exception):  # noqa: N818 - an answer, like a status
    """Nothing answers there; the message is the end of a sentence."""


def find(environ: Mapping[str, str]) -> Found:
    """The engine to use. Blocks for as long as an engine takes to answer."""
    switch = environ.get(SWITCH, "").lower()
    if switch == "process":
        return Found(None, f"processes of this machine: {SWITCH}=process")
    forced = switch == "engine"
    if switch and not forced:
        return Found(None, f"{SWITCH}={switch} is neither 'process' nor 'engine'", forced=True)
    reasons = []
    for url in candidates(environ):
        try:
            engine = _engine(url, environ)
            return Found(engine, str(engine), forced)
        except NoEngine as reason:
            reasons.append(f"{url} {reason}")
    why = "no Docker or Podman engine answers"
    if reasons:
        why += f" ({'; '.join(reasons)})"
    if forced:
        return Found(
            None, f"{SWITCH}=engine, and {why}. Start the engine or set DOCKER_HOST.", forced
        )
    return Found(None, f"processes of this machine: {why}")


def candidates(environ: Mapping[str, str]) -> list[str]:
    """DOCKER_HOST alone where it is set, else the usual sockets that are there."""
    if chosen := environ.get("DOCKER_HOST"):
        return [chosen]
    if os.name == "nt":
        return [WINDOWS_PIPE]
    sockets = [Path("/var/run/docker.sock")]
    if runtime := environ.get("XDG_RUNTIME_DIR"):
        sockets.append(Path(runtime, "podman", "podman.sock"))
    sockets.append(Path("/run/podman/podman.sock"))
    if home := environ.get("HOME"):
        sockets.append(Path(home, ".docker", "run", "docker.sock"))
    return [f"unix://{each}" for each in sockets if _exists(each)]


def _exists(file: Path) -> bool:
    try:
        return file.is_socket()
    except OSError:  # in a folder of another's
        return False


def _engine(url: str, environ: Mapping[str, str]) -> Engine:
    """The engine that answers there. Raises NoEngine."""
    try:
        answer = json.loads(_get(url, "/version", environ))
        components = answer.get("Components") or [{}]
        # Podman says "Podman Engine", Docker "Engine".
        is_podman = str(components[0].get("Name") or "").startswith(PODMAN)
        return Engine(url, PODMAN if is_podman else DOCKER, str(answer["Version"]))
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise NoEngine(f"does not answer: {reason}") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise NoEngine("does not answer as an engine does") from error


def _get(url: str, path: str, environ: Mapping[str, str]) -> bytes:
    parts = urlsplit(url)
    insistent = environ.get(SWITCH, "").lower() == "engine"
    timeout = INSISTENT_TIMEOUT if insistent else TIMEOUT
    if parts.scheme == "npipe":
        return _get_from_pipe(url, path)
    if parts.scheme == "unix":
        connection: http.client.HTTPConnection = _UnixConnection(
            url.removeprefix("unix://"), timeout
        )
    elif parts.scheme in ("tcp", "http", "https") and parts.hostname:
        if parts.hostname not in ("localhost", "127.0.0.1", "::1"):
            raise NoEngine("is on another machine, where a container's ports would be, too")
        if parts.scheme == "https" or environ.get("DOCKER_TLS_VERIFY"):
            connection = http.client.HTTPSConnection(
                parts.hostname, parts.port or 2376, timeout=timeout, context=_tls(environ)
            )
        else:
            connection = http.client.HTTPConnection(
                parts.hostname, parts.port or 2375, timeout=timeout
            )
    else:
        raise NoEngine("cannot be used: local Azure reaches an engine by unix:// or tcp://")
    try:
        connection.request("GET", path, headers={"Host": "localhost"})
        response = connection.getresponse()
        body = response.read()
    finally:
        connection.close()
    if response.status != 200:
        raise NoEngine(f"answers {response.status}")
    return body


def _tls(environ: Mapping[str, str]) -> ssl.SSLContext:
    """As DOCKER_CERT_PATH has it: https://docs.docker.com/engine/security/protect-access/"""
    folder = Path(environ.get("DOCKER_CERT_PATH") or Path.home() / ".docker")
    context = ssl.create_default_context(cafile=str(folder / "ca.pem"))
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    return context


def _get_from_pipe(url: str, path: str) -> bytes:
    """Windows: a named pipe is a file that one writes the request to."""
    with Path(url.removeprefix("npipe://").replace("/", "\\")).open("r+b", buffering=0) as pipe:
        pipe.write(f"GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n".encode())
        answer = b""
        while chunk := pipe.read(65536):
            answer += chunk
    head, _, body = answer.partition(b"\r\n\r\n")
    if b" 200 " not in head.partition(b"\r\n")[0]:
        raise NoEngine("does not answer 200")
    return body


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self.path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)
