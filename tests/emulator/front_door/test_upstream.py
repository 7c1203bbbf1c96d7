"""The proxy that this machine had before: what goes on to it, and with what."""

from __future__ import annotations

import base64
import os
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
import requests

from emulator.front_door.upstream import UpstreamProxy, UpstreamProxyError, find_proxy
from tests.azure import LocalAzure, azure_in

PAGE = b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\nConnection: close\r\n\r\nupstream"


@dataclass
class Upstream:
    """A company's proxy: `heads` are those of the requests that it was sent."""

    port: int
    heads: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def upstream() -> Iterator[Upstream]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        made = Upstream(server.getsockname()[1])

        def answer() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    head = b""
                    while b"\r\n\r\n" not in head:
                        head += connection.recv(65536)
                    made.heads.append(head.decode())
                    connection.sendall(PAGE)

        threading.Thread(target=answer, daemon=True).start()
        yield made


@pytest.fixture(scope="module")
def azure(upstream: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAzure]:
    """An emulator on a machine that has a proxy."""
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if name.lower().endswith("_proxy"):
                patch.delenv(name)
        patch.setenv("HTTP_PROXY", f"http://ada:pass%20word@127.0.0.1:{upstream.port}")
        patch.setenv("HTTPS_PROXY", "http://127.0.0.1:99999")
        patch.setenv("NO_PROXY", "direct.example,*.azure.com")
        with azure_in(tmp_path_factory.mktemp("azure")) as azure:
            yield azure


def test_another_host_is_asked_through_it(azure: LocalAzure, upstream: Upstream) -> None:
    answer = requests.get("http://elsewhere.example/page?a=b", timeout=10)
    assert answer.text == "upstream"
    line, *fields = upstream.heads[-1].split("\r\n")
    assert line == "GET http://elsewhere.example/page?a=b HTTP/1.1"
    given = [field for field in fields if field.lower().startswith("proxy-")]
    own = base64.b64encode(b"ada:pass word").decode()
    assert given == [f"Proxy-Authorization: Basic {own}"], "its password and not local Azure's"


def test_azure_is_not(azure: LocalAzure, upstream: Upstream) -> None:
    before = len(upstream.heads)
    url = "https://management.azure.com/subscriptions?api-version=2022-12-01"
    assert requests.get(url, timeout=10).status_code == 401
    assert len(upstream.heads) == before


def test_what_is_direct_stays_direct(azure: LocalAzure, upstream: Upstream) -> None:
    """By NO_PROXY of the machine, which the client's need not be."""
    before = len(upstream.heads)
    with requests.Session() as session:
        session.trust_env = False
        session.proxies = {"http": azure.proxy}
        answer = session.get("http://direct.example/", timeout=60)
    assert answer.status_code == 502
    assert "direct.example:80 cannot be reached" in answer.text
    assert len(upstream.heads) == before


def test_one_that_cannot_be_used_is_named(azure: LocalAzure) -> None:
    with socket.create_connection(("127.0.0.1", azure.process.port), timeout=10) as peer:
        ((name, value),) = azure.proxy_authorization.items()
        peer.sendall(f"CONNECT a.example:443 HTTP/1.1\r\n{name}: {value}\r\n\r\n".encode())
        received = b""
        while chunk := peer.recv(65536):
            received += chunk
    assert received.startswith(b"HTTP/1.1 502 ")
    assert b"https_proxy cannot be used: Port out of range" in received


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("http://proxy:8080", UpstreamProxy("proxy", 8080, "")),
        ("proxy:8080", UpstreamProxy("proxy", 8080, "")),
        ("http://a:b@[::1]", UpstreamProxy("::1", 80, "Basic YTpi")),
        ("", None),
    ],
)
def test_urls(url: str, found: UpstreamProxy | None, monkeypatch: pytest.MonkeyPatch) -> None:
    set_proxy(url, monkeypatch)
    assert find_proxy("https", "a.example:443") == found


@pytest.mark.parametrize(
    "url", ["socks5://proxy:1080", "https://proxy", "http://:80", "http://a:b"]
)
def test_what_is_no_proxy(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    set_proxy(url, monkeypatch)
    with pytest.raises(UpstreamProxyError, match="https_proxy cannot be used"):
        find_proxy("https", "a.example:443")


def set_proxy(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HTTPS_PROXY", url)
