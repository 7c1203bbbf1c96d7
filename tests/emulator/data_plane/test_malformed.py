"""Requests that are wrong in one way each: an error that says so, nothing else, and no harm."""

from __future__ import annotations

import pytest

from emulator.data_plane import client_connection
from tests.emulator.data_plane.planes import Plane
from tests.emulator.data_plane.scripted import answers_in, read_to_end
from tests.waiting import until

# What is too long may be read together with what makes no sense behind it.
TOO_LONG = {431, 400}
# Name -> what stands in the place of a request, and the status that it gets. `{host}` is the host.
WRONG: dict[str, tuple[bytes, int | set[int]]] = {
    "nonsense": (b"hello\r\n\r\n", 400),
    "a TLS handshake": (b"\x16\x03\x01\x02\x00\x01\x00\x01", 400),
    "an HTTP/2 preface": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
    "a method that is none": (b"BREW / HTTP/1.1\r\nHost: {host}\r\n\r\n", 400),
    "a method in small letters": (b"get / HTTP/1.1\r\nHost: {host}\r\n\r\n", 400),
    "no target": (b"GET HTTP/1.1\r\nHost: {host}\r\n\r\n", 400),
    "no version": (b"GET /\r\nHost: {host}\r\n\r\n", 400),
    "version 0.9": (b"GET / HTTP/0.9\r\nHost: {host}\r\n\r\n", 400),
    "version 2.0": (b"GET / HTTP/2.0\r\nHost: {host}\r\n\r\n", 400),
    "version 1.1.1": (b"GET / HTTP/1.1.1\r\nHost: {host}\r\n\r\n", 400),
    "line ends without CR": (b"GET / HTTP/1.1\nHost: {host}\n\n", 400),
    "a target without a slash": (b"GET score HTTP/1.1\r\nHost: {host}\r\n\r\n", 400),
    "CONNECT": (b"CONNECT other:443 HTTP/1.1\r\nHost: other\r\n\r\n", 400),
    "a space in the target": (b"GET /a b HTTP/1.1\r\nHost: {host}\r\n\r\n", 400),
    "NUL in the target": (b"GET /a\x00b HTTP/1.1\r\nHost: {host}\r\n\r\n", 400),
    "a control character in the target": (b"GET /a\x07 HTTP/1.1\r\nHost: {host}\r\n\r\n", 400),
    "a lone surrogate in the target": (b"GET /\xed\xa0\x80 HTTP/1.1\r\nHost: {host}\r\n\r\n", 400),
    "a fragment in the target": (b"GET /a#b HTTP/1.1\r\nHost: {host}\r\n\r\n", 400),
    "a target too long": (b"GET /" + b"a" * 70_000, TOO_LONG),
    "a header too long": (b"GET / HTTP/1.1\r\nX: " + b"y" * 70_000, TOO_LONG),
    "a header's name too long": (b"GET / HTTP/1.1\r\n" + b"y" * 70_000, TOO_LONG),
    "1,000 headers": (b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 1_000 + b"\r\n", 431),
    "a trailer too long": (
        b"POST / HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: "
        + b"y" * 70_000,
        TOO_LONG,
    ),
    "a chunk's extension too long": (
        b"POST / HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: chunked\r\n\r\n1;" + b"y" * 70_000,
        TOO_LONG,
    ),
    "a header without a name": (b"GET / HTTP/1.1\r\n: x\r\n\r\n", 400),
    "a header without a colon": (b"GET / HTTP/1.1\r\nHost\r\n\r\n", 400),
    "a space in a header's name": (b"GET / HTTP/1.1\r\nHost : {host}\r\n\r\n", 400),
    "a header on two lines": (b"GET / HTTP/1.1\r\nHost: {host}\r\nX: a\r\n b\r\n\r\n", 400),
    "NUL in a header": (b"GET / HTTP/1.1\r\nHost: {host}\r\nX: a\x00b\r\n\r\n", 400),
    "CR in a header": (b"GET / HTTP/1.1\r\nHost: {host}\r\nX: a\rY: b\r\n\r\n", 400),
    "two hosts": (b"GET / HTTP/1.1\r\nHost: {host}\r\nHost: {host}\r\n\r\n", 400),
    "a length below nothing": (b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400),
    "a length that is no number": (b"POST / HTTP/1.1\r\nContent-Length: 1e3\r\n\r\n", 400),
    "an empty length": (b"POST / HTTP/1.1\r\nContent-Length: \r\n\r\n", 400),
    "a length with a plus": (b"POST / HTTP/1.1\r\nContent-Length: +1\r\n\r\nx", 400),
    "a length past all numbers": (
        b"POST / HTTP/1.1\r\nContent-Length: " + b"9" * 5_000 + b"\r\n\r\n",
        400,
    ),
    "two lengths": (
        b"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        400,
    ),
    "a list of lengths": (b"POST / HTTP/1.1\r\nContent-Length: 1, 1\r\n\r\na", 400),
    "a length and chunks": (
        b"POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        400,
    ),
    "an encoding that is none": (
        b"POST / HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: xyz\r\n\r\n",
        400,
    ),
    "an encoding before the chunks": (
        b"POST / HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        501,
    ),
    "chunks twice": (
        b"POST / HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
        400,
    ),
    "a chunk's length that is none": (
        b"POST / HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        400,
    ),
    "a chunk's length past all numbers": (
        b"POST / HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: chunked\r\n\r\n"
        + b"f" * 40
        + b"\r\n",
        400,
    ),
    "a chunk longer than it says": (
        b"POST / HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n",
        400,
    ),
    "an upgrade with a body": (
        b"POST / HTTP/1.1\r\nHost: {host}\r\nConnection: upgrade\r\nUpgrade: websocket\r\n"
        b"Content-Length: 3\r\n\r\nabc",
        400,
    ),
    "an upgrade with chunks": (
        b"POST / HTTP/1.1\r\nHost: {host}\r\nConnection: upgrade\r\nUpgrade: h2c\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        400,
    ),
}


@pytest.mark.parametrize("name", WRONG)
@pytest.mark.parametrize("before", [0, 1, 3])
def test_it_is_refused_after_what_came_before_and_nothing_comes_after(
    plane: Plane, name: str, before: int
) -> None:
    data, status = WRONG[name]
    good = [f"/before/{number}" for number in range(before)]
    asked = b"".join(plane.request(target, "Content-Length: 0") for target in good)
    wrong = data.replace(b"{host}", plane.host.encode())
    with plane.connect() as client:
        # In one piece, so that nothing is left to be read when the connection is closed.
        client.sendall(asked + wrong + plane.last())
        answers = answers_in(read_to_end(client))
    assert [body for _, body in answers[:before]] == [target.encode() for target in good]
    ((code, _),) = answers[before:]
    assert code in ({status} if isinstance(status, int) else status)
    until(lambda: plane.backend.under_way == 0)  # nothing is under way


def test_blank_lines_come_to_an_end(plane: Plane) -> None:
    with plane.connect() as client:
        client.sendall(b"\r\n" * 40_000)
        assert [code for code, _ in answers_in(read_to_end(client))] == [431]


@pytest.mark.parametrize(
    "half",
    [
        b"POST /score HTTP/1.1\r\nHost: {host}",
        b"POST /score HTTP/1.1\r\nHost: nobody.example\r\nContent-Length: 5\r\n\r\n",
        b"",
    ],
)
def test_half_a_request_is_not_waited_for_without_end(
    plane: Plane, monkeypatch: pytest.MonkeyPatch, half: bytes
) -> None:
    monkeypatch.setattr(client_connection, "IDLE", 0.1)
    with plane.connect() as client:
        client.sendall(half.replace(b"{host}", plane.host.encode()))
        assert read_to_end(client) == b""


@pytest.mark.parametrize(
    "target",
    [
        "/%",
        "/%zz",
        "/%00",
        "/%0d%0aX-Injected:%20yes",
        "/%ED%A0%80",
        "/%c0%ae%c0%ae/",
        "/..//../.",
        "//",
        "/?",
        "/?a=%0d%0a",
        "/[]{}|\\^`\"<>'",
        "/" + "a" * 60_000,
    ],
)
def test_a_strange_target_is_the_container_s_to_judge(plane: Plane, target: str) -> None:
    answers = answers_in(plane.exchange(plane.request(target, "Content-Length: 0")))
    assert answers == [(200, target.encode()), (200, b"/last")]


def test_an_upgrade_to_what_is_not_there_is_a_plain_request(plane: Plane) -> None:
    for protocol in "h2c", "nonsense", "websocket, h2c", "TLS/1.0":
        asked = plane.request("/up", "Connection: Upgrade", f"Upgrade: {protocol}", method="GET")
        with plane.connect() as client:
            client.sendall(asked + b"junk that is nobody's")
            assert answers_in(read_to_end(client)) == [(200, b"/up")]


def test_a_web_socket_behind_another_request_is_a_plain_request(plane: Plane) -> None:
    upgrade = plane.request("/up", "Connection: Upgrade", "Upgrade: websocket", method="GET")
    with plane.connect() as client:
        client.sendall(plane.request("/first", "Content-Length: 0") + upgrade + b"junk")
        assert answers_in(read_to_end(client)) == [(200, b"/first"), (200, b"/up")]


def test_a_hundred_headers_pass(plane: Plane) -> None:
    more = [f"X-{number}: y" for number in range(97)]
    answers = answers_in(plane.exchange(plane.request("/many", "Content-Length: 0", *more)))
    assert answers == [(200, b"/many"), (200, b"/last")]


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"nonsense",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\nab",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70_000,
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
    ],
)
def test_an_answer_that_is_none_is_an_error_of_the_container_s(plane: Plane, answer: bytes) -> None:
    before = plane.instance.respond
    plane.instance.respond = lambda connection, _received: connection.sendall(answer)
    try:
        with plane.connect() as client:
            client.sendall(plane.request("/x", "Content-Length: 0", "Connection: close"))
            data = read_to_end(client)
    finally:
        plane.instance.respond = before
    assert [code for code, _ in answers_in(data)] == [{"scoring": 424, "ingress": 502}[plane.kind]]


def test_the_answer_to_head_has_no_body_whatever_comes(plane: Plane) -> None:
    before = plane.instance.respond
    plane.instance.respond = lambda connection, _received: connection.sendall(
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
    )
    try:
        with plane.connect() as client:
            client.sendall(plane.request("/x", "Connection: close", method="HEAD"))
            data = read_to_end(client)
    finally:
        plane.instance.respond = before
    assert data.startswith(b"HTTP/1.1 200 OK\r\n")
    assert data.endswith(b"\r\n\r\n")
