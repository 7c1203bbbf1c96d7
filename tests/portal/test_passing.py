"""Requests passed on to an app: what reaches it, what comes back, and who is kept out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from azure.mgmt.containerinstance.models import ContainerGroup
from playwright.sync_api import Browser, expect

from .conftest import Portal
from .served_group import group, machine

__all__ = ["group", "machine"]


class Visitor:
    """Somebody's plain requests to the portal, as a browser's that finds *.localhost."""

    def __init__(self, portal: Portal, signed_in: bool = True) -> None:
        self.portal = portal
        self.session = requests.Session()
        self.session.trust_env = False
        self.cookies: dict[str, str] = {}
        if signed_in:
            self.session.get(portal.link)

    def open(self, address: str) -> requests.Response:
        return self.session.get(
            f"{self.portal.url}/open", params={"to": address}, allow_redirects=False
        )

    def enter(self, address: str) -> str:
        """Follow a link of the portal's; the origin that the address has here."""
        origin, path = split(self.open(address).headers["location"])
        entered = self.ask("GET", origin, path)
        assert entered.status_code == 303
        name, _, value = entered.headers["set-cookie"].partition(";")[0].partition("=")
        self.cookies[name] = value
        return origin

    def ask(self, method: str, origin: str, path: str, **more: Any) -> requests.Response:
        headers = {"Host": origin.removeprefix("http://"), **more.pop("headers", {})}
        return requests.request(
            method,
            f"{self.portal.url}{path}",
            headers=headers,
            cookies={**self.cookies, **more.pop("cookies", {})},
            proxies={"http": ""},
            allow_redirects=False,
            **more,
        )


def split(url: str) -> tuple[str, str]:
    found = re.fullmatch(r"(http://[^/]+)(/.*)", url)
    assert found
    return found[1], found[2]


@pytest.fixture
def visitor(portal: Portal) -> Iterator[Visitor]:
    visitor = Visitor(portal)
    yield visitor
    visitor.session.close()


@pytest.fixture
def address(group: ContainerGroup) -> str:
    assert group.ip_address
    return f"http://{group.ip_address.fqdn}"


def test_an_app_gets_what_was_sent_and_nothing_of_the_portal(
    visitor: Visitor, address: str, portal: Portal
) -> None:
    origin = visitor.enter(f"{address}/docs")
    assert origin == f"{address}.http-80.localhost:{portal.port}"
    answer = visitor.ask(
        "PUT",
        origin,
        "/a%20b?c=%2F",
        data="text",
        headers={"Origin": origin, "Referer": f"{origin}/docs", "X-Portal-Secret": "x"},
        cookies={"taste": "sweet"},
    )
    told = answer.json()
    assert (told["method"], told["path"], told["body"]) == ("PUT", "/a%20b?c=%2F", "text")
    headers = {name.lower(): value for name, value in told["headers"].items()}
    assert headers["host"] == address.removeprefix("http://")
    assert (headers["origin"], headers["referer"]) == (address, f"{address}/docs")
    assert headers["cookie"] == "taste=sweet"
    assert not [name for name in headers if "portal" in name]
    assert "content-security-policy" not in answer.headers
    assert visitor.ask("GET", origin, "/teapot").status_code == 418
    moved = visitor.ask("GET", origin, "/moved")
    assert (moved.status_code, moved.headers["location"]) == (307, "/docs?a=1")
    assert visitor.ask("GET", origin, "/cookie").headers["set-cookie"] == "taste=sweet; Path=/"


def test_a_body_of_any_size_is_passed_on_without_a_length(visitor: Visitor, address: str) -> None:
    origin = visitor.enter(address)
    text = "x" * 2_000_000
    assert visitor.ask("POST", origin, "/", data=text).json()["body"] == text


def test_a_link_from_a_terminal_signs_in_and_opens(portal: Portal, address: str) -> None:
    answer = requests.get(
        f"{portal.link}&to={address}/docs", proxies={"http": ""}, allow_redirects=False
    )
    assert answer.headers["location"].startswith("/open?to=http%3A%2F%2F")


def test_live_azure_needs_no_portal_in_between(address: str, tmp_path: Path) -> None:
    live = Portal(tmp_path, "--live")
    try:
        opened = Visitor(live).open(f"{address}/docs?a=1")
        assert opened.headers["location"] == f"{address}/docs?a=1"
        assert Visitor(live).open("http://example.com/").status_code == 404
    finally:
        live.stop()


def test_nobody_else_passes(portal: Portal, visitor: Visitor, address: str) -> None:
    origin = visitor.enter(address)
    stranger = Visitor(portal, signed_in=False)
    assert stranger.open(address).status_code == 403
    assert stranger.ask("GET", origin, "/").status_code == 403
    assert stranger.ask("GET", origin, "/.portal/enter?code=guess&path=/").status_code == 403
    # A pass is for one address, and the portal's own cookie is none.
    other = origin.replace("http://", "http://other-")
    assert visitor.ask("GET", other, "/").status_code == 403
    cookies = dict.fromkeys(visitor.cookies, visitor.session.cookies.values()[0])
    assert visitor.ask("GET", origin, "/", cookies=cookies).status_code == 403
    pass_ = {f"portal-{portal.port}": visitor.cookies["portal-pass"]}
    assert requests.get(portal.url, cookies=pass_, proxies={"http": ""}).status_code == 403


def test_the_code_of_an_entrance_works_once_and_stays_at_its_address(
    visitor: Visitor, address: str
) -> None:
    origin, path = split(visitor.open(address).headers["location"])
    leads_away = path.replace("path=%2F", "path=%2F%2Fexample.com")
    assert visitor.ask("GET", origin, leads_away).headers["location"] == "/example.com"
    assert visitor.ask("GET", origin, path).status_code == 403


@pytest.mark.parametrize(
    "address",
    [
        "http://example.com/",
        "http://127.0.0.1:22/",
        "http://169.254.169.254/metadata/instance",
        "http://203.0.113.7/",
        "http://azurecontainer.io.example.com/",
        "http://example.com#.azurecontainer.io",
        "http://example.com\\.azurecontainer.io/",
        "https://management.azure.com/subscriptions",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "",
    ],
)
def test_it_is_no_open_proxy(visitor: Visitor, portal: Portal, address: str) -> None:
    assert visitor.open(address).status_code == 404
    sent = visitor.session.post(
        f"{portal.url}/console",
        data={"to": address, "method": "GET", "path": "/"},
        headers={"Origin": portal.url},
    )
    assert "is not of an app or container group" in sent.text


def test_a_public_ip_is_that_of_a_group(visitor: Visitor, group: ContainerGroup) -> None:
    assert group.ip_address
    origin = visitor.enter(f"http://{group.ip_address.ip}")
    assert visitor.ask("GET", origin, "/ip").json()["path"] == "/ip"


def test_what_is_not_there_says_so(visitor: Visitor, address: str) -> None:
    origin = visitor.enter(f"{address}:81")
    assert visitor.ask("GET", origin, "/").status_code == 502
    upgrade = {"Connection": "Upgrade", "Upgrade": "websocket"}
    answer = visitor.ask("GET", origin, "/", headers=upgrade)
    assert (answer.status_code, "WebSocket" in answer.text) == (501, True)


def test_an_apps_page_works_in_a_tab_and_reaches_nothing_of_the_portal(
    browser: Browser, portal: Portal, address: str
) -> None:
    with browser.new_context() as context:
        page = context.new_page()
        page.goto(portal.link)
        page.goto(f"{portal.url}/open?to={address}/docs")
        expect(page).to_have_url(f"{address}.http-80.localhost:{portal.port}/docs")
        expect(page.locator("body")).to_contain_text("/predict")  # its own script asked it
        reached = page.evaluate(
            """async (portal) => {
                const tried = [document.cookie];
                for (const options of [{}, {mode: "no-cors"}, {method: "POST", mode: "no-cors"}]) {
                    tried.push(await fetch(portal, {...options, credentials: "include"})
                        .then((answer) => answer.type, () => "refused"));
                }
                return tried;
            }""",
            f"{portal.url}/notifications",
        )
        assert reached == ["", "refused", "refused", "refused"]


def test_through_jupyter_a_page_is_in_a_sandbox(
    portal: Portal, address: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PORTAL_PROXY_SECRET", "secret")
    behind = Portal(tmp_path)

    def ask(path: str, host: str, method: str = "GET") -> requests.Response:
        jupyter = {"X-Portal-Secret": "secret", "X-Forwarded-Prefix": "/user/ada/portal"}
        browser = {"Host": host, "Cookie": "jupyter=1", "Sec-Fetch-Site": "same-origin"}
        return requests.request(
            method,
            f"{behind.url}{path}",
            headers={**jupyter, **browser},
            proxies={"http": ""},
            allow_redirects=False,
        )

    try:
        # A browser on this machine has an origin for each address here, too.
        near = ask(f"/open?to={address}/docs", "localhost:8888").headers["location"]
        assert near.startswith(f"{address}.http-80.localhost:{behind.port}/.portal/enter?code=")

        far = ask(f"/open?to={address}/docs?a=1", "hub.example.com").headers["location"]
        label = address.removeprefix("http://") + ".http-80"
        assert far == f"./open/{label}/docs?a=1"
        shown = ask(f"/open/{label}/headers?a=1", "hub.example.com")
        assert (shown.json()["path"], shown.status_code) == ("/headers?a=1", 200)
        assert "jupyter" not in shown.text
        assert shown.headers["content-security-policy"].startswith("sandbox allow-scripts")
        assert "allow-same-origin" not in shown.headers["content-security-policy"]
        assert "set-cookie" not in ask(f"/open/{label}/cookie", "hub.example.com").headers
        elsewhere = ask("/open/example.com.http-80/", "hub.example.com")
        assert elsewhere.status_code == 404
        # Jupyter's proxy would put its own part before an absolute path once more.
        posted = ask("/registries/group/name", "hub.example.com", "POST")
        assert posted.headers["location"] == "../../registries/group/name"
        # Where there is an origin of its own, no page shares the portal's.
        visitor = Visitor(portal)
        assert visitor.session.get(f"{portal.url}/open/{label}/docs").status_code == 404
    finally:
        behind.stop()
