"""The pages of registries in a browser: images, runs and their logs, keys."""

from __future__ import annotations

import pytest
from azure.core.exceptions import HttpResponseError
from playwright.sync_api import expect

from emulator.defaults import RESOURCE_GROUP
from tests.emulator.services.container_machine import DOCKERFILE, SERVE, Machine

from .accessibility import violations
from .conftest import Opener
from .served_group import machine

__all__ = ["machine"]


def test_a_build_is_followed_and_its_images_deleted(
    open_portal: Opener, machine: Machine, unique: str
) -> None:
    registry, page_of = f"page{unique}", f"/registries/{RESOURCE_GROUP}/page{unique}"
    machine.registry(registry)
    page = open_portal("/registries")
    page.get_by_role("link", name=registry).click()
    expect(page.locator("main")).to_contain_text("There are no images in this registry yet.")
    page.get_by_role("link", name="Runs").click()
    expect(page.locator("main")).to_contain_text("There are no runs yet.")

    files = {"Dockerfile": DOCKERFILE, "serve.py": SERVE}
    run = machine.schedule(registry, "team/web:1", files, imageNames=["team/web:1", "team/web:2"])
    page.get_by_role("link", name=str(run.run_id)).click()
    expect(page.get_by_role("log")).to_contain_text("was successful after")
    expect(page.get_by_role("log")).to_contain_text("Step 1/", ignore_case=True)
    expect(page.locator("#run")).to_contain_text("Succeeded")
    expect(page.locator("#run")).to_contain_text(f"{registry}.azurecr.io/team/web:2")

    page.get_by_role("link", name="Repositories").click()
    page.get_by_role("link", name="team/web").click()
    expect(page.get_by_role("row").filter(has_text="sha256:")).to_have_count(2)
    assert violations(page) == []
    page.get_by_role("button", name="Delete tag 1").press("Enter")
    typed = page.get_by_role("textbox", name="Type 1 to confirm")
    typed.fill("2")
    typed.press("Enter")  # the browser says what to type
    typed.fill("1")
    typed.press("Enter")
    expect(page.get_by_role("row").filter(has_text="sha256:")).to_have_count(1)
    page.get_by_role("link", name="Repositories").click()
    page.get_by_role("button", name="Delete repository team/web").press("Enter")
    page.get_by_role("textbox", name="to confirm").fill("team/web")
    page.get_by_role("textbox", name="to confirm").press("Enter")
    expect(page.locator("main")).to_contain_text("There are no images in this registry yet.")
    expect(page).to_have_url(page.url.partition("/registries")[0] + page_of)


def test_keys_are_hidden_until_they_are_asked_for(
    open_portal: Opener, machine: Machine, unique: str
) -> None:
    registry = f"keys{unique}"
    machine.registry(registry)
    password = machine.credentials(registry)["password"]
    page = open_portal(f"/registries/{RESOURCE_GROUP}/{registry}/keys")
    assert password not in page.content()
    page.get_by_role("button", name="Show").click()
    shown = page.get_by_label("password", exact=True)
    expect(shown).to_have_text(password)
    assert violations(page) == []
    page.get_by_role("button", name="Regenerate password", exact=True).click()
    expect(shown).not_to_have_text(password)
    assert machine.credentials(registry)["password"] == shown.text_content()
    page.get_by_role("link", name="Hide").click()
    expect(shown).to_have_count(0)
    page.get_by_role("button", name="Disable").click()
    expect(page.get_by_role("button", name="Enable")).to_be_visible()
    with pytest.raises(HttpResponseError, match="admin user is disabled"):
        machine.credentials(registry)


@pytest.mark.parametrize(("width", "dark"), [(400, True), (1600, False)])
def test_no_page_width_or_theme_keeps_anybody_out(
    open_portal: Opener, machine: Machine, width: int, dark: bool
) -> None:
    machine.web("web")  # in the registry "shared"
    shared = f"/registries/{RESOURCE_GROUP}/shared"
    page = open_portal(width=width, dark=dark)
    for path in (
        "/registries",
        *(shared + tab for tab in ("", "/repositories/web", "/runs", "/runs/cb1", "/keys")),
    ):
        page.goto(path)
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        assert violations(page) == []
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
