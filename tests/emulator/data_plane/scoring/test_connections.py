"""What clients do to a connection: keep it, fill it, starve it, break it."""

from __future__ import annotations

import hashlib
import http.client
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from statistics import median

import pytest
import requests

from emulator.data_plane import client_connection
from emulator.data_plane.routes.endpoints import DeploymentRoute
from emulator.data_plane.scoring import request as gateway_request
from emulator.tls import CertificateAuthority
from tests.emulator.data_plane.scripted import (
    HOST,
    KEYS,
    PATIENCE,
    Instance,
    Received,
    Serving,
    answers_in,
    raw,
    read_message,
    read_to_end,
    reply,
    request_bytes,
    serve,
    status_of,
    until_hung_up,
)
from tests.waiting import until

Make = Callable[..., Instance]


def echo(connection: socket.socket, received: Received) -> None:
    reply(received.body)(connection, received)


def reset_on_close(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


# Requests


def test_a_connection_is_kept(serving: Serving, blue: Instance) -> None:
    blue.respond = echo
    with serving.connect() as client:
        for number in range(20):
            client.sendall(request_bytes(b"%d" % number))
            head, body = read_message(client)
            assert (status_of(head), body) == (200, b"%d" % number)


def test_refusals_keep_the_connection_too(serving: Serving, blue: Instance) -> None:
    with serving.connect() as client:
        for key in "wrong", KEYS[0], "wrong", KEYS[0]:
            client.sendall(request_bytes(b"x" * 100_000, key=key))
            head, _ = read_message(client)
            assert status_of(head) == (200 if key == KEYS[0] else 401)


def test_pipelined_requests_are_answered_in_order(serving: Serving, blue: Instance) -> None:
    def respond(connection: socket.socket, received: Received) -> None:
        time.sleep(0.05 if received.body == b"0" else 0)
        echo(connection, received)

    blue.respond = respond
    with serving.connect() as client:
        client.sendall(b"".join(request_bytes(b"%d" % number) for number in range(10)))
        assert [read_answer(client) for _ in range(10)] == [
            (200, b"%d" % number) for number in range(10)
        ]
    assert blue.most == 1


def read_answer(client: socket.socket) -> tuple[int, bytes]:
    """One answer and not a byte more: what follows stays in the socket."""
    data = b""
    while not data.endswith(b"\r\n\r\n"):
        data += client.recv(1)
    length = int(data.lower().split(b"content-length:")[1].split(b"\r\n")[0])
    body = b""
    while len(body) < length:
        body += client.recv(length - len(body))
    return status_of(data), body


def test_a_flood_of_pipelined_requests(serving: Serving, blue: Instance) -> None:
    blue.respond = reply(after=0.1)
    refused = request_bytes(key="wrong")
    with serving.connect() as client:
        # The first waits for its instance while thousands of refusals queue behind it.
        flood = request_bytes() + refused * 3_000 + request_bytes(b"", "Connection: close")
        threading.Thread(target=client.sendall, args=(flood,), daemon=True).start()
        found = answers_in(read_to_end(client))
    assert [status for status, _ in found] == [200] + [401] * 3_000 + [200]


def test_requests_are_read_no_faster_than_they_are_answered(
    serving: Serving, instance: Make
) -> None:
    stuck = instance()
    stuck.respond = until_hung_up(stuck)
    serving.deploy("blue", stuck, traffic=100, request_timeout_seconds=60)
    flood = request_bytes(b"x" * 1000) * 64_000  # more than the sockets' buffers hold
    with serving.connect() as client:
        client.settimeout(0.5)
        with pytest.raises(TimeoutError):
            client.sendall(flood)


@pytest.mark.parametrize("trailer", [b"", b"X-Trailer: 1\r\nHost: evil\r\n"])
def test_a_chunked_body_arrives_whole(serving: Serving, blue: Instance, trailer: bytes) -> None:
    blue.respond = echo
    body = b'5\r\n{"a":\r\n3;ext=1\r\n 1}\r\n0\r\n' + trailer + b"\r\n"
    with serving.connect() as client:
        client.sendall(request_bytes(b"", "Transfer-Encoding: chunked") + body)
        assert read_answer(client) == (200, b'{"a": 1}')
    (received,) = blue.received
    assert received.header("transfer-encoding") is None
    assert received.header("content-length") == "8"
    assert received.header("x-trailer") is None


def test_a_body_sent_by_a_generator(serving: Serving, blue: Instance) -> None:
    blue.respond = echo
    answer = serving.send(data=(part for part in (b"a", b"", b"b" * 100_000)))
    assert answer.content == b"a" + b"b" * 100_000


def test_a_request_that_comes_byte_by_byte(serving: Serving, blue: Instance) -> None:
    blue.respond = echo
    with serving.connect() as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in request_bytes(b"slow"):
            client.send(bytes([byte]))
        assert read_answer(client) == (200, b"slow")


def test_expect_100_continue(serving: Serving, blue: Instance) -> None:
    blue.respond = echo
    message = request_bytes(b"body", "Expect: 100-continue")
    with serving.connect() as client:
        client.sendall(message[:-4])
        assert client.recv(65536) == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.sendall(b"body")
        assert read_answer(client) == (200, b"body")
    assert blue.received[0].header("expect") is None


def test_expect_100_continue_is_refused_before_the_body(serving: Serving, blue: Instance) -> None:
    with serving.connect() as client:
        client.sendall(request_bytes(b"body", "Expect: 100-continue", key="wrong")[:-4])
        (answer,) = answers_in(read_to_end(client))
    assert answer[0] == 401


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_that_is_too_large_is_413(
    serving: Serving, blue: Instance, monkeypatch: pytest.MonkeyPatch, chunked: bool
) -> None:
    monkeypatch.setattr(gateway_request, "LARGEST_BODY", 100_000)
    body = b"x" * 100_001
    with requests.Session() as session:
        for data, status in (body, 413), (body[1:], 200):
            answer = session.post(
                f"http://127.0.0.1:{serving.port}/score",
                data=iter([data]) if chunked else data,
                headers={"Host": HOST, "Authorization": f"Bearer {KEYS[0]}"},
                timeout=PATIENCE,
            )
            assert answer.status_code == status
    assert [len(received.body) for received in blue.received] == [100_000]


def test_a_head_that_is_too_large_is_431(serving: Serving, blue: Instance) -> None:
    with serving.connect() as client:
        client.sendall(b"GET /score HTTP/1.1\r\nX: " + b"x" * 65536)
        (answer,) = answers_in(read_to_end(client))
    assert answer[0] == 431
    with serving.connect() as client:
        client.sendall(request_bytes(b"y" * 300_000, "X: " + "x" * 60_000))
        assert read_answer(client)[0] == 200


@pytest.mark.parametrize(
    "garbage",
    [
        b"hello\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01",
        b"POST /score HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"POST /score HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        b"POST /score HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST /score HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"POST /score HTTP/1.1\r\nHost: a\r\n b\r\n\r\n",
        b"POST /score HTTP/1.1\r\nHost: a\x00\r\n\r\n",
        b"GET /score HTTP/2.0\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"CONNECT other:443 HTTP/1.1\r\n\r\n",
        b"GET score HTTP/1.1\r\n\r\n",
    ],
)
def test_what_is_not_a_request_is_400(serving: Serving, blue: Instance, garbage: bytes) -> None:
    with serving.connect() as client:
        client.sendall(request_bytes(b"good") + garbage)
        statuses = [status for status, _ in answers_in(read_to_end(client))]
    assert statuses[-1] == 400
    assert statuses[0] in (200, 400)
    assert serving.send().status_code == 200


def test_plain_http_through_the_proxy_is_refused(serving: Serving, blue: Instance) -> None:
    with serving.connect() as client:
        client.sendall(request_bytes(line=f"POST http://{HOST}/score HTTP/1.1"))
        (answer,) = answers_in(read_to_end(client))
    assert answer[0] == 403
    assert b"https" in answer[1]
    assert blue.received == []


def test_http_1_0_and_connection_close(serving: Serving, blue: Instance) -> None:
    for message in (
        request_bytes(line="POST /score HTTP/1.0"),
        request_bytes(b"", "Connection: close"),
        request_bytes(b"", "Connection: close") + b"what comes after is nobody's",
    ):
        with serving.connect() as client:
            client.sendall(message)
            data = read_to_end(client)
        assert b"connection: close" in data.lower()
        assert answers_in(data) == [(200, b'{"ok": true}')]


def test_an_upgrade_is_not_taken(serving: Serving, blue: Instance) -> None:
    with serving.connect() as client:
        client.sendall(request_bytes(b"", "Connection: Upgrade", "Upgrade: websocket"))
        assert answers_in(read_to_end(client)) == [(200, b'{"ok": true}')]
    assert blue.received[0].header("upgrade") is None


def test_headers_named_by_connection_stay_here(serving: Serving, blue: Instance) -> None:
    answer = serving.send(headers={"Connection": "keep-alive, X-Secret", "X-Secret": "1"})
    assert answer.status_code == 200
    assert blue.received[0].header("x-secret") is None


def test_the_connection_s_host_serves_when_none_is_named(serving: Serving, blue: Instance) -> None:
    message = request_bytes().replace(f"Host: {HOST}\r\n".encode(), b"")
    with serving.connect() as client:
        client.sendall(message)
        assert read_answer(client)[0] == 200
    assert blue.received[0].header("host") == HOST


def test_host_with_a_port_and_in_capitals(serving: Serving, blue: Instance) -> None:
    assert serving.send(headers={"Host": HOST.upper() + ":443"}).status_code == 200


# Clients that go


def test_a_client_that_goes_frees_its_place(serving: Serving, instance: Make) -> None:
    stuck = instance()
    stuck.respond = until_hung_up(stuck)
    serving.deploy("blue", stuck, traffic=100, request_timeout_seconds=60)
    under_way, waiting = serving.connect(), serving.connect()
    under_way.sendall(request_bytes())
    until(lambda: stuck.now == 1)  # the first is under way
    waiting.sendall(request_bytes())
    lane = serving.gateway.lane(HOST, "blue")
    until(lambda: len(lane.waiting[False]) == 1)  # the second waits
    assert serving.send().status_code == 429
    waiting.close()
    until(lambda: not lane.waiting[False])  # the second has left
    # Not a clean close: the client's process was killed.
    reset_on_close(under_way)
    under_way.close()
    assert stuck.hung_up.wait(PATIENCE)
    until(lambda: not serving.busy)  # the first's place is free
    stuck.respond = reply()
    assert serving.send().status_code == 200


def test_an_instance_that_does_not_read_is_left(serving: Serving) -> None:
    body = b"x" * 20_000_000
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(PATIENCE)
        backend = serving.backend(listener.getsockname()[1])
        blue = DeploymentRoute("blue", (backend,), request_timeout_seconds=0.5)
        serving.change(deployments={"blue": blue}, traffic={"blue": 100})
        assert serving.send(data=body).status_code == 408
        connection, _ = listener.accept()
        with connection, suppress(ConnectionResetError):
            connection.settimeout(PATIENCE)
            assert len(read_to_end(connection)) < len(body)
    assert not serving.busy


def test_half_a_request_harms_nobody(serving: Serving, blue: Instance) -> None:
    halves = [serving.connect() for _ in range(20)]
    for number, half in enumerate(halves):
        half.sendall(request_bytes(b"x" * 100)[: 10 + number * 10])
    assert serving.send().status_code == 200
    for half in halves:
        half.close()
    assert serving.send().status_code == 200
    assert len(blue.received) == 2


def test_an_idle_connection_is_closed_and_a_busy_one_is_not(
    serving: Serving, blue: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_connection, "IDLE", 0.2)
    blue.respond = reply(after=0.7)
    with serving.connect() as client:
        client.sendall(request_bytes())
        assert read_answer(client)[0] == 200
        assert client.recv(1) == b"", "closed before the client's own patience is at an end"


# Answers


def pattern(size: int) -> bytes:
    return (b"0123456789abcdef" * (size // 16 + 1))[:size]


@pytest.mark.parametrize("size", [0, 1, 65_535, 65_536, 65_537, 5_000_000])
@pytest.mark.parametrize("framing", ["length", "chunked", "close"])
def test_answers_of_every_size_and_framing(
    serving: Serving, blue: Instance, size: int, framing: str
) -> None:
    body = pattern(size)
    if framing == "length":
        blue.respond = reply(body)
    elif framing == "close":
        blue.respond = raw(b"HTTP/1.1 200 OK\r\n\r\n", body)
    else:
        parts = [body[start : start + 70_000] for start in range(0, size, 70_000)]
        chunks = [b"%x\r\n%b\r\n" % (len(part), part) for part in parts]
        blue.respond = raw(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", *chunks, b"0\r\n\r\n"
        )
    with requests.Session() as session:
        for _ in range(2):
            answer = session.post(
                f"http://127.0.0.1:{serving.port}/score",
                headers={"Host": HOST, "Authorization": f"Bearer {KEYS[0]}"},
                timeout=PATIENCE,
            )
            assert answer.status_code == 200
            assert answer.content == body


def test_http_1_0_gets_no_chunks(serving: Serving, blue: Instance) -> None:
    blue.respond = raw(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", b"0\r\n\r\n"
    )
    with serving.connect() as client:
        client.sendall(request_bytes(line="POST /score HTTP/1.0"))
        head, _, body = read_to_end(client).partition(b"\r\n\r\n")
    assert b"chunked" not in head
    assert body == b"abc"


def test_a_stream_is_passed_on_as_it_comes(serving: Serving, blue: Instance) -> None:
    go = threading.Event()

    def respond(connection: socket.socket, _received: Received) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n")
        go.wait(PATIENCE)
        connection.sendall(b"4\r\nlast\r\n0\r\n\r\n")

    blue.respond = respond
    with serving.send(stream=True) as answer:
        parts = answer.iter_content(None)
        assert next(parts) == b"first"
        go.set()
        assert b"".join(parts) == b"last"


def test_informational_answers_are_skipped(serving: Serving, blue: Instance) -> None:
    early = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n"
    blue.respond = raw(early, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
    answer = serving.send()
    assert (answer.status_code, answer.text) == (200, "ok")
    assert "link" not in answer.headers


@pytest.mark.parametrize(
    "parts",
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", b"x" * 99_999),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n",),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n", b"garbage\r\n"),
    ],
)
def test_an_instance_that_dies_in_its_stream_breaks_the_client_s(
    serving: Serving, blue: Instance, parts: tuple[bytes, ...]
) -> None:
    blue.respond = raw(*parts)
    with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
        assert serving.send().content, "a body that is cut short must not pass for a whole one"
    assert not serving.busy


def test_a_body_that_only_its_end_delimits_must_end_well(serving: Serving, blue: Instance) -> None:
    def respond(connection: socket.socket, _received: Received) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\nhalf")
        time.sleep(0.1)
        reset_on_close(connection)

    blue.respond = respond
    with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
        assert serving.send().content


def test_a_head_without_end_is_424(serving: Serving, blue: Instance) -> None:
    def respond(connection: socket.socket, received: Received) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 70_000)
        until_hung_up(blue)(connection, received)

    blue.respond = respond
    assert serving.send().status_code == 424


def test_a_stream_that_outlasts_the_time_out_is_broken_off(
    serving: Serving, instance: Make
) -> None:
    endless = instance()

    def respond(connection: socket.socket, _received: Received) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            connection.sendall(b"1\r\nx\r\n")
            time.sleep(0.02)

    endless.respond = respond
    serving.deploy("blue", endless, traffic=100, request_timeout_seconds=0.4)
    with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
        assert serving.send().content
    assert endless.hung_up.wait(PATIENCE)


def test_a_client_that_does_not_read_holds_the_instance_back(
    serving: Serving, instance: Make
) -> None:
    whole = 64 * 1024 * 1024
    sent = 0

    def respond(connection: socket.socket, _received: Received) -> None:
        nonlocal sent
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % whole)
        part = pattern(1024 * 1024)
        for _ in range(whole // len(part)):
            connection.sendall(part)
            sent += len(part)

    big = instance(respond)
    serving.deploy("blue", big, traffic=100, request_timeout_seconds=60)
    with serving.connect() as client:
        client.sendall(request_bytes())
        until(lambda: sent > 0)  # the instance begins
        time.sleep(0.5)
        # What the sockets' own buffers hold, and no more, has left the instance.
        assert sent < whole // 2
        assert serving.send("GET", key=None).status_code == 401, "others are served meanwhile"
        digest, size = hashlib.sha256(), 0
        data = client.recv(65536)
        body = data.partition(b"\r\n\r\n")[2]
        while size + len(body) < whole:
            digest.update(body)
            size += len(body)
            body = client.recv(1 << 20)
            assert body
        digest.update(body)
    assert digest.digest() == hashlib.sha256(pattern(1024 * 1024) * 64).digest()


def test_pipelined_answers_wait_for_a_client_that_does_not_read(
    serving: Serving, blue: Instance
) -> None:
    blue.respond = reply(pattern(60_000))
    with serving.connect() as client:
        client.sendall(request_bytes() * 400 + request_bytes(b"", "Connection: close"))
        time.sleep(0.5)
        assert len(blue.received) < 300
        found = answers_in(read_to_end(client))
    assert found == [(200, pattern(60_000))] * 401


# TLS


@pytest.mark.parametrize("plain", [False, True], ids=["uvloop", "asyncio"])
def test_over_tls(tmp_path: Path, instance: Make, plain: bool) -> None:
    (tmp_path / "tls").mkdir()
    authority = CertificateAuthority(tmp_path / "tls")
    trust = ssl.create_default_context(cafile=str(authority.certificate))
    with serve(authority.context(HOST), plain=plain) as serving:
        serving.deploy("blue", instance(echo), traffic=100)
        with trust.wrap_socket(serving.connect(), server_hostname=HOST) as client:
            for size in 0, 10, 100_000, 2_000_000:
                client.sendall(request_bytes(pattern(size)))
                parsed = http.client.HTTPResponse(client)
                parsed.begin()
                assert (parsed.status, parsed.read()) == (200, pattern(size))
            stuck = instance()
            stuck.respond = until_hung_up(stuck)
            serving.deploy("blue", stuck, traffic=100)
            client.sendall(request_bytes())
            until(lambda: stuck.now == 1)  # a request is under way
        assert stuck.hung_up.wait(PATIENCE), "the client has gone"


def test_a_body_sent_after_its_head_is_not_waited_for(tmp_path: Path, instance: Make) -> None:
    """As requests does through a proxy, with Nagle's algorithm on."""
    (tmp_path / "tls").mkdir()
    authority = CertificateAuthority(tmp_path / "tls")
    trust = ssl.create_default_context(cafile=str(authority.certificate))
    with serve(authority.context(HOST)) as serving:
        serving.deploy("blue", instance(echo), traffic=100)
        with trust.wrap_socket(serving.connect(), server_hostname=HOST) as client:
            head, _, body = request_bytes(b"body").partition(b"\r\n\r\n")
            head += b"\r\n\r\n"

            def exchange(*parts: bytes) -> float:
                began = time.monotonic()
                for part in parts:
                    client.sendall(part)
                assert read_answer(client) == (200, b"body")
                return time.monotonic() - began

            pairs = [(exchange(head + body), exchange(head, body)) for _ in range(20)]
    together, apart = map(median, zip(*pairs, strict=True))
    # An acknowledgement that is held back costs 40 ms each time, thirty times the whole exchange.
    assert apart < 10 * together
