"""Whatever a client sends, the gateway answers or closes, and goes on serving."""

from __future__ import annotations

import socket
import string
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.emulator.data_plane.scoring.test_connections import read_to_end
from tests.emulator.data_plane.scripted import (
    HOST,
    KEYS,
    Instance,
    Received,
    Serving,
    reply,
    request_bytes,
    serve,
)

SETTINGS = settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
# Headers that mean something to a gateway, so that the fuzz reaches them.
NAMES = st.sampled_from(
    ["Authorization", "Connection", "Content-Length", "Content-Type", "Expect", "Host", "TE"]
) | st.sampled_from(["Keep-Alive", "Proxy-Authorization", "Trailer", "Transfer-Encoding"])
NAMES |= st.sampled_from(["Upgrade", "azureml-model-deployment", "x-ms-client-request-id"])
NAMES |= st.text(string.ascii_letters + "-", min_size=1, max_size=12)
VALUES = st.sampled_from(
    f"close keep-alive chunked 100-continue 0 1 -1 99999999999999999999 websocket blue x,y {HOST} "
    f"a:b é Bearer {KEYS[0]}".split()
) | st.text(st.characters(max_codepoint=255), max_size=30)


@pytest.fixture(scope="module")
def fuzzed() -> Iterator[tuple[Serving, Instance]]:
    instance = Instance()
    with serve() as serving:
        serving.deploy("blue", instance, traffic=100, max_concurrent_requests_per_instance=50)
        serving.route.requests_per_second = 1_000_000
        yield serving, instance
    instance.close()


def exchange(serving: Serving, data: bytes) -> bytes:
    """Send it, and a good last request; read until the gateway closes or waits for more."""
    answer = b""
    with serving.connect() as client:
        try:
            client.sendall(data + b"\r\n\r\n" + request_bytes(b"", "Connection: close"))
            client.settimeout(0.1)
            while more := client.recv(65536):
                answer += more
            return answer
        except ConnectionError:
            return answer  # closed while there was more to read, which a client may meet
        except TimeoutError:
            # The gateway takes the last request for part of a body. Let it know that that was all.
            client.settimeout(15)
            client.shutdown(socket.SHUT_WR)
            return answer + read_to_end(client)


def statuses(data: bytes) -> set[int]:
    return {
        int(line.split(b" ")[1])
        for line in data.split(b"\r\n")
        if line.startswith(b"HTTP/1.1 ") and line[9:12].isdigit()
    }


@SETTINGS
@given(data=st.binary(max_size=400))
def test_random_bytes(fuzzed: tuple[Serving, Instance], data: bytes) -> None:
    serving, _ = fuzzed
    assert all(status < 500 for status in statuses(exchange(serving, data)))
    assert serving.send().status_code == 200


@SETTINGS
@given(
    method=st.sampled_from(["GET", "POST", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE", "BREW"]),
    target=st.sampled_from(["/score", "/", "*", "", "//", "/score?a=%00", "http://x/", "x:443"])
    | st.text(string.printable.strip(), max_size=20),
    version=st.sampled_from(["HTTP/1.1", "HTTP/1.0", "HTTP/2.0", "HTTP/0.9", "http/1.1"]),
    headers=st.lists(st.tuples(NAMES, VALUES), max_size=8),
    body=st.binary(max_size=50),
)
def test_requests_that_are_almost_right(
    fuzzed: tuple[Serving, Instance],
    method: str,
    target: str,
    version: str,
    headers: list[tuple[str, str]],
    body: bytes,
) -> None:
    serving, _ = fuzzed
    lines = [f"{method} {target} {version}", f"Authorization: Bearer {KEYS[0]}", f"Host: {HOST}"]
    lines += [f"{name}: {value}" for name, value in headers]
    data = "\r\n".join(lines).encode("latin-1", "replace") + b"\r\n\r\n" + body
    assert all(status < 500 for status in statuses(exchange(serving, data)))
    assert serving.send().status_code == 200


PLAIN = st.text(string.ascii_letters + string.digits, min_size=1, max_size=10)


@SETTINGS
@given(
    body=st.binary(max_size=2_000),
    headers=st.dictionaries(
        PLAIN.map(lambda name: f"X-{name}".lower()),
        st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=30),
        max_size=6,
    ),
    sizes=st.lists(st.integers(1, 500), max_size=6),
)
def test_good_requests_arrive_as_they_were_sent(
    fuzzed: tuple[Serving, Instance], body: bytes, headers: dict[str, str], sizes: list[int]
) -> None:
    serving, instance = fuzzed
    before = len(instance.received)
    headers = {name: value for name, value in headers.items() if not name.startswith("x-ms-")}
    fields = [f"{name}: {value}" for name, value in headers.items()]
    message = request_bytes(body, *fields, "Connection: close")
    with serving.connect() as client:
        for size in sizes:  # in pieces
            client.sendall(message[:size])
            message = message[size:]
        client.sendall(message)
        assert read_to_end(client).startswith(b"HTTP/1.1 200 OK\r\n")
    (received,) = instance.received[before:]
    assert received.body == body
    for name, value in headers.items():
        if name != "x-request-id":
            assert received.header(name) == value


@SETTINGS
@given(data=st.binary(max_size=300), head=st.booleans())
def test_whatever_an_instance_answers(
    fuzzed: tuple[Serving, Instance], data: bytes, head: bool
) -> None:
    serving, instance = fuzzed

    def respond(connection: object, _received: Received) -> None:
        start = b"HTTP/1.1 200 OK\r\n" if head else b""
        connection.sendall(start + data)  # type: ignore[attr-defined]

    instance.respond = respond
    try:
        with serving.connect() as client:
            client.sendall(request_bytes(b"", "Connection: close"))
            answer = read_to_end(client)
    finally:
        instance.respond = reply()
    assert statuses(answer[:12] + b"\r\n") <= {200, 424}
    assert not serving.table.busy
    assert serving.send().status_code == 200
