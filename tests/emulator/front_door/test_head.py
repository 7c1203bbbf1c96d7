"""A request's head: whatever is sent is read as what it is, or refused."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.front_door.head import Head, HeadError, read_head

TOKENS = st.text("abcdefghijklmnopqrstuvwxyzABC-_.", min_size=1, max_size=12).map(str.encode)
VALUES = st.text(
    st.characters(min_codepoint=33, max_codepoint=255, exclude_characters="\x7f"), max_size=20
).map(lambda text: text.encode("latin-1"))
NAMES = TOKENS | st.sampled_from(
    [b"Proxy-Authorization", b"proxy-authorization", b"Connection", b"Keep-Alive", b"TE"]
)
FIELDS = st.lists(st.tuples(NAMES, VALUES), max_size=6)
STARTS = st.sampled_from(
    [b"GET http://a.example/ HTTP/1.1", b"CONNECT a.example:443 HTTP/1.1", b"POST /x HTTP/1.0"]
)


def read(data: bytes) -> Head | HeadError:
    try:
        return read_head(data)
    except HeadError as refusal:
        return refusal


@given(st.binary(max_size=200))
def test_anything_is_read_or_refused_with_a_status(data: bytes) -> None:
    found = read(data + b"\r\n\r\n")
    if isinstance(found, HeadError):
        assert found.status in (400, 505)
        assert found.message
    else:
        assert found.version in ("1.0", "1.1")


@given(STARTS, FIELDS)
def test_fields_are_read_as_they_were_sent(start: bytes, fields: list[tuple[bytes, bytes]]) -> None:
    lines = [start, *(name + b": " + value for name, value in fields)]
    found = read(b"\r\n".join(lines) + b"\r\n\r\n")
    assert isinstance(found, Head)
    assert (found.method, found.target) == tuple(start.decode().split()[:2])
    assert list(found.fields) == fields


@given(FIELDS)
def test_what_is_for_the_proxy_goes_no_further(fields: list[tuple[bytes, bytes]]) -> None:
    head = Head("GET", "http://a.example/", "1.1", tuple(fields))
    again = read_head(head.for_another("/", "Basic own"))
    names = [name.lower() for name, _ in again.fields]
    assert names.count(b"proxy-authorization") == names.count(b"connection") == 1
    assert (b"Proxy-Authorization", b"Basic own") in again.fields
    assert (b"Connection", b"close") in again.fields
    kept = [field for field in fields if field in again.fields]
    assert [field for field in again.fields if field in kept] == kept
    assert b"proxy-authorization" not in head.for_our_own().lower()


@given(st.text(max_size=30))
def test_a_password_is_read(password: str) -> None:
    given_ = base64.b64encode(f"user:{password}".encode("utf-8", "replace"))
    for scheme in (b"Basic ", b"basic ", b"BASIC  "):
        head = Head("GET", "/", "1.1", ((b"PROXY-authorization", scheme + given_),))
        assert head.password() == password.encode("utf-8", "replace").decode()


@pytest.mark.parametrize("value", [b"", b"Basic", b"Basic ?", b"Basic /w==", b"Digest YTpi"])
def test_what_is_no_password_is_none(value: bytes) -> None:
    assert Head("GET", "/", "1.1", ((b"Proxy-Authorization", value),)).password() == ""
