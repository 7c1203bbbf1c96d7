"""The front door: what reaches local Azure, what is tunnelled, what is refused."""

from __future__ import annotations

import base64
import http.server
import json
import socket
import threading
from concurrent.futures import ThreadPoolExecutor

import certifi
import psutil
import pytest
import requests

ARM = "https://management.azure.com/subscriptions?api-version=2022-12-01"


def raw(local_azure, data: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", local_azure.process.port), timeout=10) as peer:
        peer.sendall(data)
        received = b""
        while chunk := peer.recv(65536):
            received += chunk
        return received


@pytest.fixture
def web():
    """A web server that is not Azure's, on loopback."""

    asked: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            asked.append(self.path)
            body = f"{self.path} for {self.headers['Host']}".encode()
            if self.path == "/fields":
                body = json.dumps(self.headers.items()).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            # The front door asks for it; without it a client would use the connection again.
            self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield Web(server.server_port, asked)
    server.shutdown()


class Web(int):
    """The port of a web server; `asked` are the paths that it was asked for."""

    def __new__(cls, port: int, asked: list[str]) -> Web:
        made = super().__new__(cls, port)
        made.asked = asked
        return made


def test_it_listens_on_loopback_only(local_azure):
    listening = [
        connection.laddr
        for process in [psutil.Process(local_azure.process.pid)]
        for connection in process.net_connections("tcp")
        if connection.status == psutil.CONN_LISTEN
    ]
    assert {address.ip for address in listening} == {"127.0.0.1"}


def test_a_client_that_does_not_trust_the_local_authority_is_told_by_tls(local_azure):
    with pytest.raises(requests.exceptions.SSLError):
        requests.get(ARM, verify=certifi.where(), timeout=10)


def test_an_azure_host_that_is_not_emulated_is_named(local_azure):
    answer = requests.get("https://my-vault.vault.azure.net/secrets", timeout=10)
    assert answer.status_code == 501
    assert "my-vault.vault.azure.net" in answer.json()["error"]["message"]


def through(local_azure) -> requests.Session:
    """A session that uses the proxy for loopback too, which NO_PROXY covers."""
    session = requests.Session()
    session.trust_env = False
    session.proxies = {"http": local_azure.proxy, "https": local_azure.proxy}
    session.verify = local_azure.environment["REQUESTS_CA_BUNDLE"]
    return session


def authorization(local_azure) -> str:
    """The field that lets a client in, as it is sent."""
    ((name, value),) = local_azure.proxy_authorization.items()
    return f"{name}: {value}\r\n"


def test_another_host_is_forwarded_untouched(local_azure, web):
    with through(local_azure) as session:
        answer = session.get(f"http://127.0.0.1:{web}/page?a=b", timeout=10)
    assert answer.text == f"/page?a=b for 127.0.0.1:{web}"


def test_the_password_goes_no_further(local_azure, web):
    """Neither to another host nor, by what it names, any field that is for the proxy."""
    answer = raw(
        local_azure,
        f"GET http://127.0.0.1:{web}/fields HTTP/1.1\r\nHost: 127.0.0.1:{web}\r\n"
        f"{authorization(local_azure)}Proxy-Connection: keep-alive\r\nTE: trailers\r\n"
        "Connection: TE, keep-alive\r\nX-Mine: kept\r\n\r\n".encode(),
    )
    received = json.loads(answer.partition(b"\r\n\r\n")[2])
    assert {name.lower() for name, _ in received} == {"host", "connection", "x-mine"}
    assert ["Connection", "close"] in received


def test_a_body_that_comes_while_the_connection_is_made_is_not_lost(local_azure, web):
    """Sent in pieces: some arrive before there is anybody to give them to."""
    for size in (10, 100_000, 1_000_000):
        with socket.create_connection(("127.0.0.1", local_azure.process.port), timeout=10) as peer:
            peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            peer.sendall(
                f"POST http://127.0.0.1:{web}/ HTTP/1.1\r\nHost: 127.0.0.1:{web}\r\n"
                f"{authorization(local_azure)}Content-Length: {size}\r\n\r\n".encode()
            )
            peer.sendall(b"x" * size)
            received = b""
            while chunk := peer.recv(65536):
                received += chunk
        assert received.partition(b"\r\n\r\n")[2] == b"x" * size


def test_a_tunnel_carries_both_directions(local_azure, web):
    opening = f"CONNECT 127.0.0.1:{web} HTTP/1.1\r\n{authorization(local_azure)}\r\n"
    with socket.create_connection(("127.0.0.1", local_azure.process.port), timeout=10) as peer:
        peer.sendall(opening.encode())
        assert b"200" in peer.recv(1000)
        peer.sendall(b"GET /tunnelled HTTP/1.0\r\nHost: other\r\n\r\n")
        received = b""
        while chunk := peer.recv(1000):
            received += chunk
    assert received.endswith(b"/tunnelled for other")


@pytest.mark.parametrize("host", ["a..b", "x" * 64 + ".example", "a b", "-"])
def test_what_cannot_be_a_host_is_a_502(local_azure, host):
    opening = f"CONNECT {host}:443 HTTP/1.1\r\n{authorization(local_azure)}\r\n"
    answer = raw(local_azure, opening.encode())
    assert answer.startswith((b"HTTP/1.1 502", b"HTTP/1.1 400"))
    asked = f"GET http://{host}/ HTTP/1.1\r\nHost: a\r\n{authorization(local_azure)}\r\n"
    assert raw(local_azure, asked.encode()).startswith((b"HTTP/1.1 502", b"HTTP/1.1 400"))


WRONG = [
    "",
    "Proxy-Authorization: Basic " + base64.b64encode(b"local:guessed").decode(),
    "Proxy-Authorization: Basic " + base64.b64encode("local:geraten-ü".encode()).decode(),
    "Proxy-Authorization: Basic ?",
    "Proxy-Authorization: Basic",
    "Proxy-Authorization: Bearer token",
]


@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.parametrize(
    "request_",
    [
        "CONNECT management.azure.com:443",
        "CONNECT management.azure.com:80",
        "CONNECT 127.0.0.1:{web}",
        "CONNECT label.westeurope.azurecontainer.io:80",
        "GET http://127.0.0.1:{web}/",
        "GET http://management.azure.com/subscriptions",
        "GET http://203.0.113.1/",
        "GET http://[bad/",
    ],
)
def test_nobody_comes_in_without_the_password(local_azure, web, request_, wrong):
    line = request_.format(web=web)
    fields = f"Host: x\r\n{wrong}\r\n" if wrong else "Host: x\r\n"
    answer = raw(local_azure, f"{line} HTTP/1.1\r\n{fields}\r\n".encode()).decode()
    assert answer.startswith("HTTP/1.1 407 ")
    assert 'Proxy-Authenticate: Basic realm="Local Azure"' in answer
    assert "python -m emulator env" in answer
    assert web.asked == []


def test_a_host_that_cannot_be_reached_is_a_502(local_azure):
    opening = f"CONNECT 127.0.0.1:1 HTTP/1.1\r\n{authorization(local_azure)}\r\n"
    answer = raw(local_azure, opening.encode())
    assert answer.startswith(b"HTTP/1.1 502")
    assert b"127.0.0.1:1 cannot be reached" in answer


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"hello\r\n\r\n", 400),
        (b"GET http://a.example/ HTTP/1.1\r\nA : b\r\n\r\n", 400),
        (b"GET / HTTP/2.0\r\n\r\n", 505),
        (b"GET / HTTP/1.7\r\n\r\n", 505),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
        (b"GET /subscriptions HTTP/1.1\r\nHost: localhost\r\n\r\n", 421),
        (b"X" * 70_000, 431),
    ],
)
def test_what_is_not_a_request_gets_a_clear_refusal(local_azure, request_, status):
    assert raw(local_azure, request_).startswith(b"HTTP/1.1 %d" % status)


@pytest.mark.parametrize(
    ("line", "status"),
    [
        ("CONNECT management.azure.com", 400),
        ("CONNECT management.azure.com:99999", 400),
        ("CONNECT management.azure.com:0", 400),
        ("CONNECT ../../etc.azure.com:443", 400),
        ("GET ftp://a.example/", 421),
        ("GET http://[bad/", 400),
        ("GET http://a.example:99999/", 400),
    ],
)
def test_what_is_not_a_proxy_request_gets_a_clear_refusal(local_azure, line, status):
    request = f"{line} HTTP/1.1\r\nHost: a\r\n{authorization(local_azure)}\r\n".encode()
    assert raw(local_azure, request).startswith(b"HTTP/1.1 %d" % status)


def test_a_request_whose_length_is_said_twice_is_refused(local_azure, web):
    """What one server takes for a body another would take for a request."""
    answer = raw(
        local_azure,
        f"POST http://127.0.0.1:{web}/ HTTP/1.1\r\nHost: a\r\n{authorization(local_azure)}"
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n".encode(),
    )
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert web.asked == []


def test_keep_alive_over_one_tunnel(local_azure):
    with requests.Session() as session:
        answers = [session.get(ARM, timeout=10).status_code for _ in range(20)]
    assert answers == [401] * 20


def test_a_certificate_for_each_host(local_azure):
    for host in ("a.blob.core.windows.net", "b.blob.core.windows.net"):
        # The client checks the name; any answer shows that it matched.
        assert requests.get(f"https://{host}/", timeout=10).status_code >= 400


def test_many_clients_whose_connections_end_at_once(another_azure, web):
    """The emulator once died of it: a connection was half closed, then closed, in uvloop."""
    proxies = {"http": another_azure.proxy}

    def ask(_: int) -> set[int]:
        with requests.Session() as session:
            session.trust_env = False  # NO_PROXY covers loopback
            session.proxies = proxies
            url = f"http://127.0.0.1:{web}/"
            return {session.post(url, data=b"x" * 1000, timeout=30).status_code for _ in range(60)}

    for _ in range(3):
        with ThreadPoolExecutor(16) as clients:
            assert set().union(*clients.map(ask, range(32))) == {200}
