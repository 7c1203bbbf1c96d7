"""A headless Chromium for tests, the fixture `browser`.

It is what COURSE_BROWSER names (`.ci/browser` prints it), else a Chromium on PATH.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

ARGUMENTS = [
    "--headless=new",
    "--no-sandbox",
    "--no-first-run",
    "--no-proxy-server",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def find_browser() -> str | None:
    if "COURSE_BROWSER" in os.environ:
        return os.environ["COURSE_BROWSER"] or None
    names = ("chromium", "chromium-browser", "google-chrome")
    return next(filter(None, map(shutil.which, names)), None)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Not longer than a module: Playwright runs an event loop in this thread until it is closed."""
    path = find_browser()
    if path is None:
        pytest.skip("there is no Chromium here; .ci/browser installs one where it can")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()
