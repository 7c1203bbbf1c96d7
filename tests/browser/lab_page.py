"""A notebook in JupyterLab, as somebody with mouse and keyboard uses it."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import Locator, Page, expect

from course.lessons import ROOT

SECONDS = 1000.0  # playwright counts in milliseconds
START = 60 * SECONDS  # JupyterLab and a kernel, on a machine with much to do


class LabPage:
    """One open notebook. Cells count from 0."""

    def __init__(self, page: Page, address: str, notebook: str) -> None:
        """`address`: of JupyterLab, with its token; `notebook`: path from the course's folder."""
        self.page = page
        self.folder = (ROOT / notebook).parent
        page.set_default_timeout(30 * SECONDS)
        host, token = urlsplit(address).netloc, address.partition("?token=")[2]
        # A workspace of its own: no tabs that another test has opened.
        workspace = f"http://{host}/lab/workspaces/{Path(notebook).stem}"
        page.goto(f"{workspace}/tree/{notebook}?token={token}", timeout=START)
        self.wait_for_kernel()

    def save(self) -> None:
        self.page.keyboard.press("Control+s")
        dirty = self.page.locator(".lm-DockPanel-tabBar .lm-TabBar-tab.jp-mod-dirty")
        expect(dirty).to_have_count(0)

    def reload(self) -> None:
        """Load the page again, as a browser's button does; a kernel is started if none runs."""
        self.page.reload(timeout=START)
        self.wait_for_kernel()

    def shut_down_kernel(self) -> None:
        self.page.get_by_text("Kernel", exact=True).click()
        self.page.get_by_text("Shut Down Kernel", exact=True).click()
        expect(self.page.get_by_text("No Kernel", exact=True).first).to_be_visible()

    def wait_for_kernel(self) -> None:
        """Until then JupyterLab drops what is to be run, or asks for a kernel to run it with."""
        bar = self.page.locator("#jp-main-statusbar")
        ready = bar.filter(has_text="Azure (local) | Idle")
        # Now and then JupyterLab finds no stylesheet for its theme, says so in a dialog and goes no
        # further; a reader loads the page again.
        broken = self.page.get_by_text("Error Loading Theme")
        expect(ready.or_(broken).first).to_be_visible(timeout=START)
        if broken.is_visible():
            self.page.reload(timeout=START)
        expect(ready).to_be_visible(timeout=START)

    def set_theme(self, name: str) -> None:
        for entry in ("Settings", "Theme", name):
            self.page.get_by_text(entry, exact=True).last.click()
        light = str("Light" in name).lower()
        expect(self.page.locator("body")).to_have_attribute("data-jp-theme-light", light)

    def cell(self, number: int) -> Locator:
        return self.page.locator(".jp-Notebook .jp-Cell").nth(number)

    def output(self, number: int) -> Locator:
        return self.cell(number).locator(".jp-OutputArea")

    def run(self, number: int, timeout: float = 60 * SECONDS) -> Locator:
        """Run a cell as Ctrl+Enter does, wait until it is done, return its output."""
        self.start(number)
        prompt = self.cell(number).locator(".jp-InputPrompt")
        expect(prompt).to_have_text(re.compile(r"\[\d+\]"), timeout=timeout)
        return self.output(number)

    def start(self, number: int) -> None:
        """Run a cell as Ctrl+Enter does."""
        self.cell(number).locator(".cm-content").click()
        self.page.keyboard.press("Control+Enter")
