"""The front door: what reaches local Azure, what is tunnelled, what is refused."""

from __future__ import annotations

import http.server
import socket
import threading
from concurrent.futures import ThreadPoolExecutor

import certifi
import psutil
import pytest
import requests

from emulator.front_door import is_azure, is_container_group

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

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            body = f"{self.path} for {self.headers['Host']}".encode()
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
    yield server.server_port
    server.shutdown()


def test_it_listens_on_loopback_only(local_azure):
    listening = [
        connection.laddr
        for process in [psutil.Process(local_azure.process.pid)]
        for connection in process.net_connections("tcp")
        if connection.status == psutil.CONN_LISTEN
    ]
    assert {address.ip for address in listening} == {"127.0.0.1"}


@pytest.mark.parametrize(
    ("host", "ours"),
    [
        ("management.azure.com", True),
        ("MANAGEMENT.AZURE.COM", True),
        ("azure.com", True),
        ("notazure.com", False),
        ("azure.com.example.org", False),
        ("learn.microsoft.com", False),
        ("x.blob.core.windows.net", True),
    ],
)
def test_azure_domains(host, ours):
    assert is_azure(host) is ours


@pytest.mark.parametrize(
    ("host", "group"),
    [
        ("label.westeurope.azurecontainer.io", True),
        ("LABEL.westeurope.AzureContainer.io.", True),
        ("bridge-linux-01.westeurope.management.azurecontainer.io", False),
        ("203.0.113.7", True),
        ("198.51.100.1", True),
        ("127.0.0.1", False),
        ("8.8.8.8", False),
        ("203.0.113.7.example.org", False),
    ],
)
def test_addresses_of_container_groups(host, group):
    assert is_container_group(host) is group


def test_a_client_that_does_not_trust_the_local_authority_is_told_by_tls(local_azure):
    with pytest.raises(requests.exceptions.SSLError):
        requests.get(ARM, verify=certifi.where(), timeout=10)


def test_the_authority_cannot_vouch_for_other_domains(local_azure):
    """A name constraint holds even if its key were stolen."""
    from cryptography import x509

    authority = x509.load_pem_x509_certificate(local_azure.home.ca_certificate.read_bytes())
    constraint = authority.extensions.get_extension_for_class(x509.NameConstraints)
    assert constraint.critical
    names = {name.value for name in constraint.value.permitted_subtrees}
    assert "azure.com" in names
    assert not {"com", "microsoft.com", ""} & names
    lifetime = authority.not_valid_after_utc - authority.not_valid_before_utc
    assert lifetime.days <= 31


def test_an_azure_host_that_is_not_emulated_is_named(local_azure):
    answer = requests.get("https://my-vault.vault.azure.net/secrets", timeout=10)
    assert answer.status_code == 501
    assert "my-vault.vault.azure.net" in answer.json()["error"]["message"]


def test_another_host_is_forwarded_untouched(local_azure, web):
    answer = requests.get(
        f"http://127.0.0.1:{web}/page?a=b",
        proxies={"http": f"http://127.0.0.1:{local_azure.process.port}"},
        timeout=10,
    )
    # NO_PROXY covers loopback, so requests must be made to use the proxy all the same.
    session = requests.Session()
    session.trust_env = False
    session.proxies = {"http": f"http://127.0.0.1:{local_azure.process.port}"}
    through = session.get(f"http://127.0.0.1:{web}/page?a=b", timeout=10)
    assert answer.text == through.text == f"/page?a=b for 127.0.0.1:{web}"


def test_a_body_that_comes_while_the_connection_is_made_is_not_lost(local_azure, web):
    """Sent in pieces: some arrive before there is anybody to give them to."""
    for size in (10, 100_000, 1_000_000):
        with socket.create_connection(("127.0.0.1", local_azure.process.port), timeout=10) as peer:
            peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            peer.sendall(
                f"POST http://127.0.0.1:{web}/ HTTP/1.1\r\nHost: 127.0.0.1:{web}\r\n"
                f"Content-Length: {size}\r\n\r\n".encode()
            )
            peer.sendall(b"x" * size)
            received = b""
            while chunk := peer.recv(65536):
                received += chunk
        assert received.partition(b"\r\n\r\n")[2] == b"x" * size


def test_a_tunnel_carries_both_directions(local_azure, web):
    with socket.create_connection(("127.0.0.1", local_azure.process.port), timeout=10) as peer:
        peer.sendall(f"CONNECT 127.0.0.1:{web} HTTP/1.1\r\n\r\n".encode())
        assert b"200" in peer.recv(1000)
        peer.sendall(b"GET /tunnelled HTTP/1.0\r\nHost: other\r\n\r\n")
        received = b""
        while chunk := peer.recv(1000):
            received += chunk
    assert received.endswith(b"/tunnelled for other")


def test_a_host_that_cannot_be_reached_is_a_502(local_azure):
    answer = raw(local_azure, b"CONNECT 127.0.0.1:1 HTTP/1.1\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 502")
    assert b"127.0.0.1:1 cannot be reached" in answer


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"hello\r\n\r\n", 400),
        (b"GET / HTTP/2.0\r\n\r\n", 505),
        (b"CONNECT management.azure.com HTTP/1.1\r\n\r\n", 400),
        (b"CONNECT management.azure.com:99999 HTTP/1.1\r\n\r\n", 400),
        (b"CONNECT ../../etc.azure.com:443 HTTP/1.1\r\n\r\n", 400),
        (b"GET /subscriptions HTTP/1.1\r\nHost: localhost\r\n\r\n", 421),
        (b"GET ftp://a.example/ HTTP/1.1\r\n\r\n", 421),
        (b"GET http://[bad/ HTTP/1.1\r\n\r\n", 400),
        (b"X" * 70_000, 431),
    ],
)
def test_what_is_not_a_proxy_request_gets_a_clear_refusal(local_azure, request_, status):
    assert raw(local_azure, request_).startswith(b"HTTP/1.1 %d" % status)


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
    proxies = {"http": f"http://127.0.0.1:{another_azure.process.port}"}

    def ask(_: int) -> set[int]:
        with requests.Session() as session:
            session.trust_env = False  # NO_PROXY covers loopback
            session.proxies = proxies
            url = f"http://127.0.0.1:{web}/"
            return {session.post(url, data=b"x" * 1000, timeout=30).status_code for _ in range(60)}

    for _ in range(3):
        with ThreadPoolExecutor(16) as clients:
            assert set().union(*clients.map(ask, range(32))) == {200}
