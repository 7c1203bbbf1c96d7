"""Whatever a client or a container sends, the data plane answers or closes, and goes on serving."""

from __future__ import annotations

import string
from itertools import count

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.emulator.data_plane.planes import Plane
from tests.emulator.data_plane.scripted import Received, read_to_end
from tests.waiting import until

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
NAMES |= st.sampled_from(["X-Forwarded-For", "X-Forwarded-Proto", "Sec-WebSocket-Key"])
NAMES |= st.text(string.ascii_letters + "-", min_size=1, max_size=12)
VALUES = st.sampled_from(
    ["close", "keep-alive", "upgrade", "chunked", "gzip", "100-continue", "0", "1", "-1", "x,y"]
) | st.sampled_from(["99999999999999999999", "websocket", "h2c", "blue", "a:b", "é", "Bearer"])
VALUES |= st.text(st.characters(max_codepoint=255), max_size=30)
TARGETS = st.sampled_from(
    ["/score", "/", "*", "", "//", "/score?a=%00", "http://x/", "x:443", "/%0d%0a", "/a#b", "/%"]
) | st.text(string.printable.strip(), max_size=20)
METHODS = st.sampled_from(
    ["GET", "POST", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE", "BREW", "CONNECT", "PRI"]
)
VERSIONS = st.sampled_from(["HTTP/1.1", "HTTP/1.0", "HTTP/2.0", "HTTP/0.9", "http/1.1"])
CHUNKS = st.lists(
    st.sampled_from([b"0\r\n\r\n", b"3\r\nabc\r\n", b"3\nabc\n", b"zz\r\n", b"3;a=b\r\nabc\r\n"])
    | st.binary(max_size=10),
    max_size=4,
).map(b"".join)
_numbers = count()


def statuses(data: bytes) -> set[int]:
    return {
        int(line.split(b" ")[1])
        for line in data.split(b"\r\n")
        if line.startswith(b"HTTP/1.1 ") and line[9:12].isdigit()
    }


def is_well_asked(plane: Plane) -> bool:
    """Whether a good request is answered, and as what it is."""
    target = f"/well/{next(_numbers)}"
    with plane.connect() as client:
        client.sendall(plane.last(target))
        data = read_to_end(client)
    return data.startswith(b"HTTP/1.1 200 OK\r\n") and data.endswith(b"\r\n\r\n" + target.encode())


def check(plane: Plane, data: bytes) -> None:
    """No fault of ours, nobody else's answer, and the next one is served."""
    last = f"/last/{next(_numbers)}"
    answer = plane.exchange(data, last)
    # 424 and 502 would be the container's, which is well; 501 is said of transfer encodings.
    assert not statuses(answer) & {424, 500, 502, 503, 504}, answer
    assert answer.count(b"\r\n\r\n/last/") <= 1
    assert answer.count(b"\r\n\r\n/last/") == answer.count(b"\r\n\r\n" + last.encode())
    assert b"/well/" not in answer
    assert is_well_asked(plane)


@SETTINGS
@given(data=st.binary(max_size=400))
def test_random_bytes(plane: Plane, data: bytes) -> None:
    check(plane, data + b"\r\n\r\n")


@SETTINGS
@given(
    method=METHODS,
    target=TARGETS,
    version=VERSIONS,
    headers=st.lists(st.tuples(NAMES, VALUES), max_size=8),
    body=st.binary(max_size=50) | CHUNKS,
)
def test_requests_that_are_almost_right(
    plane: Plane,
    method: str,
    target: str,
    version: str,
    headers: list[tuple[str, str]],
    body: bytes,
) -> None:
    more = [f"{name}: {value}" for name, value in headers]
    check(plane, plane.request(target, *more, method=method, version=version) + body + b"\r\n\r\n")


@SETTINGS
@given(
    good=st.integers(1, 3),
    at=st.integers(0, 400),
    junk=st.binary(max_size=30),
    cut=st.integers(0, 30),
)
def test_good_requests_with_a_piece_replaced(
    plane: Plane, good: int, at: int, junk: bytes, cut: int
) -> None:
    data = plane.request("/a", body=b"x" * 20) * good
    check(plane, data[:at] + junk + data[at + cut :])


PLAIN = st.text(string.ascii_letters + string.digits, min_size=1, max_size=10)


@SETTINGS
@given(
    body=st.binary(min_size=1, max_size=2_000),
    headers=st.dictionaries(
        PLAIN.map(lambda name: f"X-{name}".lower()),
        st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=30),
        max_size=6,
    ),
    sizes=st.lists(st.integers(1, 500), max_size=6),
)
def test_good_requests_arrive_as_they_were_sent(
    plane: Plane, body: bytes, headers: dict[str, str], sizes: list[int]
) -> None:
    before = len(plane.instance.received)
    headers = {name: value for name, value in headers.items() if not name.startswith("x-ms-")}
    fields = [f"{name}: {value}" for name, value in headers.items()]
    message = plane.request("/score", *fields, "Connection: close", body=body)
    with plane.connect() as client:
        for size in sizes:  # in pieces
            client.sendall(message[:size])
            message = message[size:]
        client.sendall(message)
        assert read_to_end(client).startswith(b"HTTP/1.1 200 OK\r\n")
    (received,) = plane.instance.received[before:]
    assert received.body == body
    for name, value in headers.items():
        if name != "x-request-id":
            assert received.header(name) == value


@SETTINGS
@given(data=st.binary(max_size=300), head=st.booleans())
def test_whatever_a_container_answers(plane: Plane, data: bytes, head: bool) -> None:
    before = plane.instance.respond

    def respond(connection: object, _received: Received) -> None:
        start = b"HTTP/1.1 200 OK\r\n" if head else b""
        connection.sendall(start + data)  # type: ignore[attr-defined]

    plane.instance.respond = respond
    try:
        with plane.connect() as client:
            client.sendall(plane.last())
            answer = read_to_end(client)
    finally:
        plane.instance.respond = before
    if plane.kind == "scoring":
        assert statuses(answer[:12] + b"\r\n") <= {200, 424}
    until(lambda: plane.backend.under_way == 0)  # nothing is under way
    assert is_well_asked(plane)
