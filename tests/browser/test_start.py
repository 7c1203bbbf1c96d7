"""The start page in JupyterLab: looked at, used by mouse and by keyboard."""

from __future__ import annotations

import os
import re
import secrets
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from course.copies import VARIABLE
from course.lessons import NOTEBOOKS, ROOT
from emulator import daemon
from emulator.home import Home
from tests.portal.accessibility import violations

from .conftest import running_lab
from .lab_page import SECONDS, START

# Another module's local Azure may be in this process's environment.
OTHERS = ("AZURE_", "AZUREML_", "HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy")

Opener = Callable[[], Page]


class Learner:
    """What is a learner's own: local Azure, copies of the lessons, progress."""

    def __init__(self, folder: Path) -> None:
        self.home = Home(folder / "local-azure")
        # Below the course's folder, as JupyterLab opens nothing outside of it.
        self.lessons = ROOT / f"my-lessons-{secrets.token_hex(3)}"
        kept = {name: value for name, value in os.environ.items() if not name.startswith(OTHERS)}
        self.settings = kept | {
            "AZURE_LOCAL_HOME": str(self.home.root),
            VARIABLE: str(self.lessons),
            "COURSE_PROGRESS": str(folder / "progress.json"),
        }


@pytest.fixture(scope="module")
def learner(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Learner]:
    learner = Learner(tmp_path_factory.mktemp("learner"))
    yield learner
    daemon.down(learner.home)
    shutil.rmtree(learner.lessons, ignore_errors=True)


@pytest.fixture(scope="module")
def address(
    browser: Browser, learner: Learner, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """`course lab` with a local Azure of its own."""
    folder = tmp_path_factory.mktemp("jupyter")
    with running_lab(folder, "azure-local", learner.settings) as address:
        yield address


def opened(browser: Browser, address: str) -> Page:
    """JupyterLab as it opens, in a browser and a workspace of its own."""
    page = browser.new_page(viewport={"width": 1200, "height": 900})
    page.set_default_timeout(30 * SECONDS)
    host, token = urlsplit(address).netloc, address.partition("?token=")[2]
    page.goto(f"http://{host}/lab/workspaces/{secrets.token_hex(3)}?token={token}", timeout=START)
    expect(start(page).get_by_role("heading", level=1)).to_be_visible(timeout=START)
    return page


@pytest.fixture
def open_lab(browser: Browser, address: str) -> Iterator[Opener]:
    pages: list[Page] = []

    def open_page() -> Page:
        pages.append(opened(browser, address))
        return pages[-1]

    yield open_page
    for page in pages:
        page.close()


def start(page: Page) -> Locator:
    return page.locator(".course-start")


def notebook(page: Page) -> Locator:
    """The notebook that is in front."""
    return page.locator(".jp-NotebookPanel:not(.lm-mod-hidden)")


def test_a_lesson_opens_without_outputs_and_one_click_comes_back(open_lab: Opener) -> None:
    page = open_lab()
    expect(start(page).get_by_role("heading", name="Begin here")).to_be_visible()
    listed = page.locator(".jp-DirListing-itemText")
    expect(listed.first).to_have_text("00-train-and-register.ipynb")
    start(page).get_by_role("link", name="04 Deployment").click()
    cell = notebook(page).locator(".jp-CodeCell").first
    expect(cell).to_be_visible(timeout=START)
    expect(notebook(page).locator(".jp-OutputArea-output")).to_have_count(0)
    notebook(page).get_by_role("button", name="Course").click()
    expect(start(page)).to_be_visible()
    # Loading JupyterLab again leaves the lesson in front, and closing the page loses nothing.
    start(page).get_by_role("link", name="04 Deployment").click()
    expect(notebook(page)).to_be_visible()
    page.reload(timeout=START)
    expect(cell).to_be_visible(timeout=START)
    tab = page.locator(".lm-TabBar-tab", has_text="Course")
    expect(tab).to_have_count(1)
    tab.locator(".lm-TabBar-tabCloseIcon").click()
    expect(start(page)).to_have_count(0)
    notebook(page).get_by_role("button", name="Course").click()
    expect(start(page).get_by_role("heading", level=1)).to_be_visible()


def test_a_lesson_is_opened_by_keyboard_alone(open_lab: Opener) -> None:
    page = open_lab()
    start(page).get_by_role("link", name="Open 00").focus()
    page.keyboard.press("Tab")
    expect(start(page).get_by_role("link", name="00 Train and register").last).to_be_focused()
    page.keyboard.press("Enter")
    expect(notebook(page)).to_be_visible(timeout=START)


@pytest.mark.parametrize("theme", ["Light", "Dark"])
def test_it_is_accessible_in_both_themes_and_at_every_width(open_lab: Opener, theme: str) -> None:
    page = open_lab()
    page.get_by_role("menuitem", name="Settings").click()
    page.get_by_text("Theme", exact=True).first.click()
    page.get_by_text(f"JupyterLab {theme}", exact=True).click()
    dark = str(theme == "Light").lower()
    expect(page.locator("body")).to_have_attribute("data-jp-theme-light", dark)
    for width in (1600, 400):
        page.set_viewport_size({"width": width, "height": 900})
        if width == 400:  # as somebody with a phone does
            page.keyboard.press("Control+b")
        assert violations(page, ".course-start") == []
        # Nothing is cut off at the right.
        cut = "node => node.scrollWidth > node.clientWidth"
        assert start(page).evaluate(cut) is False


def test_local_azure_is_stopped_started_and_reset_by_buttons(
    open_lab: Opener, learner: Learner
) -> None:
    page = open_lab()
    state = start(page).locator(".course-state")
    expect(state).to_contain_text("Running")
    start(page).get_by_role("button", name="Stop").click()
    expect(state).to_contain_text("Stopped")
    assert daemon.running(learner.home) is None
    start(page).get_by_role("button", name="Start", exact=True).click()
    expect(state).to_contain_text("Running")
    assert daemon.running(learner.home) is not None
    made = learner.home.root / "made"
    made.touch()
    start(page).get_by_role("button", name="Reset").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Everything in it is deleted")
    dialog.get_by_role("button", name="Cancel").click()
    expect(dialog).to_have_count(0)
    assert made.exists()
    start(page).get_by_role("button", name="Reset").click()
    dialog.get_by_role("button", name="Reset").click()
    said = start(page).get_by_role("status")
    expect(said).to_have_text("Local Azure is empty, and running.")
    assert not made.exists()
    # What changes elsewhere is seen here by itself.
    daemon.down(learner.home)
    expect(state).to_contain_text("Stopped")
    daemon.up(learner.home)


def test_starting_over_keeps_what_was_not_even_saved(open_lab: Opener, learner: Learner) -> None:
    page = open_lab()
    file = learner.lessons / "01-connect.ipynb"
    file.write_text(file.read_text().replace("# 01 Connect", "# Mine"))
    start(page).get_by_role("link", name="01 Connect").first.click()
    heading = notebook(page).locator(".jp-MarkdownCell").first
    expect(heading).to_contain_text("Mine", timeout=START)
    code = notebook(page).locator(".jp-CodeCell .cm-content").first
    code.click()
    page.keyboard.press("Control+End")
    page.keyboard.type("# not saved")
    notebook(page).get_by_role("button", name="Course").click()
    start(page).get_by_role("button", name="Start over 01 Connect").click()
    said = start(page).get_by_role("status")
    expect(said).to_contain_text("Lesson 01 is as new. Yours is kept as 01-connect.mine-")
    [kept] = learner.lessons.glob("01-connect.mine-*.ipynb")
    assert "# not saved" in kept.read_text()
    start(page).get_by_role("link", name="01 Connect").first.click()
    expect(heading).to_contain_text("01 Connect")
    expect(code).not_to_contain_text("# not saved")


def test_stored_lessons_are_not_changed_and_their_texts_are_not_in_the_way(
    open_lab: Opener,
) -> None:
    page = open_lab()
    page.locator(".jp-BreadCrumbs-home").click()
    row = page.locator(".jp-DirListing-item")
    row.filter(has_text=re.compile(r"^notebooks")).dblclick()
    expect(row.filter(has_text="01-connect.ipynb")).to_be_visible()
    expect(row.filter(has_text=re.compile(r"^src"))).to_have_count(0)
    before = (NOTEBOOKS / "01-connect.ipynb").read_bytes()
    row.filter(has_text="01-connect.ipynb").dblclick()
    code = notebook(page).locator(".jp-CodeCell .cm-content").first
    expect(code).to_be_visible(timeout=START)
    expect(notebook(page).locator(".jp-OutputArea-output").first).to_be_attached()
    code.click()
    page.keyboard.type("# changed")
    page.keyboard.press("Control+s")
    expect(page.get_by_text("notebooks/01-connect.ipynb is read-only")).to_be_visible()
    assert (NOTEBOOKS / "01-connect.ipynb").read_bytes() == before
    page.get_by_role("button", name="Open my own").click()
    expect(notebook(page).locator(".jp-OutputArea-output")).to_have_count(0)
    expect(page.locator(".lm-mod-current", has_text="01-connect.ipynb")).to_be_visible()


def test_the_portal_opens_in_a_panel(open_lab: Opener) -> None:
    page = open_lab()
    failed: list[str] = []
    page.on(
        "response",
        lambda one: failed.append(one.url) if "/portal/" in one.url and one.status >= 400 else None,
    )
    start(page).get_by_role("link", name="Portal").click()
    portal = page.frame_locator(".jp-ServerProxy iframe")
    expect(portal.get_by_role("link", name="Activity").first).to_be_visible(timeout=START)
    expect(portal.locator("header.top")).to_have_css("display", "flex")  # its style is there
    assert failed == []
    assert len(page.context.pages) == 1


def test_the_launcher_shows_both_kernels_logos(open_lab: Opener) -> None:
    page = open_lab()
    page.keyboard.press("Control+Shift+l")
    for place in ("azure-local", "azure-live"):
        logo = page.locator(f'.jp-Launcher img[src*="/{place}/logo-svg.svg"]').first
        expect(logo).to_be_visible(timeout=START)
        expect(logo).to_have_js_property("complete", True)
        assert logo.evaluate("image => image.naturalWidth") > 0


def test_live_azure_warns_on_the_page_and_in_each_notebook(
    browser: Browser, learner: Learner, tmp_path: Path
) -> None:
    with running_lab(tmp_path, "azure-live", learner.settings) as address:
        page = opened(browser, address)
        expect(start(page)).to_contain_text("This is live Azure.")
        assert violations(page, ".course-start") == []
        for name in ("Start", "Stop", "Reset…"):
            expect(start(page).get_by_role("button", name=name, exact=True)).to_have_count(0)
        start(page).get_by_role("link", name="00 Train and register").last.click()
        live = page.locator(".jp-NotebookPanel.course-live")
        expect(live).to_be_visible(timeout=START)
        kernel = live.locator(".jp-NotebookPanel-toolbar").get_by_text("Azure (live)")
        expect(kernel).to_be_visible()
        expect(kernel).to_have_css("background-color", "rgb(179, 71, 0)")
        page.close()
