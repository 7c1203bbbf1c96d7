"""Who may come in to the portal, asked as an attacker asks: with plain requests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests

from .conftest import Portal


@pytest.fixture
def session() -> Iterator[requests.Session]:
    """Requests that go to the portal itself, not through local Azure's front door."""
    with requests.Session() as session:
        session.trust_env = False
        yield session


def test_nobody_comes_in_without_a_link(portal: Portal, session: requests.Session) -> None:
    answer = session.get(f"{portal.url}/")
    assert answer.status_code == 403
    assert "course portal" in answer.text
    assert session.post(f"{portal.url}/", headers={"Origin": portal.url}).status_code == 403


def test_a_link_works_once(portal: Portal, session: requests.Session) -> None:
    link = portal.link
    assert session.get(link).status_code == 200
    assert session.get(f"{portal.url}/").status_code == 200

    with requests.Session() as other:
        other.trust_env = False
        assert other.get(link).status_code == 403
        assert other.get(f"{portal.url}/").status_code == 403


def test_a_session_outlives_the_portal(portal: Portal, session: requests.Session) -> None:
    session.get(portal.link)
    again = Portal(portal.folder)
    try:
        # A browser keeps a cookie by host, and its name says the port.
        (value,) = session.cookies.values()
        cookies = {f"portal-{again.port}": value}
        assert (
            requests.get(f"{again.url}/", cookies=cookies, proxies={"http": ""}).status_code == 200
        )
    finally:
        again.stop()


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://example.com"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_another_site_changes_nothing(
    portal: Portal, session: requests.Session, headers: dict[str, str]
) -> None:
    session.get(portal.link)
    answer = session.post(f"{portal.url}/notifications/1/dismiss", headers=headers)
    assert answer.status_code == 403
    assert "Another site" in answer.text


def test_another_site_reads_nothing(portal: Portal, session: requests.Session) -> None:
    session.get(portal.link)
    asked = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}
    assert session.get(f"{portal.url}/", headers=asked).status_code == 403
    link = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    assert session.get(f"{portal.url}/", headers=link).status_code == 200


@pytest.mark.parametrize(
    "host", ["example.com", "127.0.0.1.example.com", "localhost.example.com:80"]
)
def test_a_host_name_that_was_led_here_is_refused(
    portal: Portal, session: requests.Session, host: str
) -> None:
    session.get(portal.link)
    assert session.get(f"{portal.url}/", headers={"Host": host}).status_code == 421


def test_every_answer_keeps_scripts_of_others_out(
    portal: Portal, session: requests.Session
) -> None:
    session.get(portal.link)
    for path in ("/", "/nothing-here", "/static/portal.css", "/sign-in"):
        answer = session.get(f"{portal.url}{path}", headers={"Host": f"localhost:{portal.port}"})
        policy = answer.headers["Content-Security-Policy"]
        assert "script-src 'self'" in policy
        assert "unsafe" not in policy
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_a_secret_header_is_worth_nothing_where_none_was_set(
    portal: Portal, session: requests.Session
) -> None:
    assert session.get(f"{portal.url}/", headers={"X-Portal-Secret": ""}).status_code == 403


def test_who_is_not_signed_in_sees_no_notifications(
    portal: Portal, session: requests.Session
) -> None:
    with requests.Session() as owner:
        owner.trust_env = False
        owner.get(portal.link)
        assert "Local Azure" in owner.get(f"{portal.url}/nothing-here").text
    assert session.get(f"{portal.url}/static/nothing-here").text == "There is no such file.\n"
    assert session.get(f"{portal.url}/sign-in-elsewhere").status_code == 403


@pytest.mark.parametrize("host", ["127.0.0.1:99999", "127.0.0.1:abc"])
def test_a_host_without_a_port_that_can_be_is_no_error_of_the_portal(
    portal: Portal, session: requests.Session, host: str
) -> None:
    assert session.get(f"{portal.url}/", headers={"Host": host}).status_code in (403, 421)


@pytest.mark.parametrize("address", ["@127.0.0.1:1/x", ".example.com/x", "/../x", "x"])
def test_a_link_sends_the_credential_nowhere_but_to_azure(
    portal: Portal, session: requests.Session, address: str
) -> None:
    session.get(portal.link)
    link = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    asked = {"app": address}
    answer = session.get(f"{portal.url}/container-apps/create", params=asked, headers=link)
    assert answer.status_code == 400
    assert "is not the id of a resource" in answer.text
