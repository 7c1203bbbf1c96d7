"""The portal in JupyterLab: a tile of the launcher, which opens a panel."""

from __future__ import annotations

from urllib.parse import urlsplit

import requests
from playwright.sync_api import Browser, expect

from .lab_page import SECONDS, START


def test_the_tile_opens_the_portal_in_a_panel(lab: str, browser: Browser) -> None:
    host, token = urlsplit(lab).netloc, lab.partition("?token=")[2]
    page = browser.new_page(viewport={"width": 1400, "height": 900})
    page.set_default_timeout(30 * SECONDS)
    page.goto(f"http://{host}/lab/workspaces/tile?reset&token={token}", timeout=START)
    expect(page.locator(".course-start h1")).to_be_visible(timeout=START)
    page.keyboard.press("Control+Shift+l")  # a launcher
    page.get_by_text("Portal, Azure (local)").click(timeout=START)
    portal = page.frame_locator("iframe[src*='/portal/']")
    expect(portal.get_by_role("heading", name="Home")).to_be_visible(timeout=START)
    expect(portal.get_by_text("rg-deploying-models")).to_be_visible()

    # Links and forms keep to the part of the path that is Jupyter's.
    portal.get_by_role("link", name="Home", exact=True).click()
    expect(portal.get_by_role("heading", name="Home")).to_be_visible()
    page.close()


def test_only_jupyter_lets_anybody_in(lab: str) -> None:
    host = urlsplit(lab).netloc
    with requests.Session() as session:
        session.trust_env = False
        answer = session.get(f"http://{host}/portal/", allow_redirects=False)
    assert answer.status_code in (302, 403)
    assert "rg-deploying-models" not in answer.text
