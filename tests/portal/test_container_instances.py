"""The pages of container groups in a browser: what runs, and what can be done by hand."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from azure.core.exceptions import ResourceNotFoundError
from azure.mgmt.containerinstance.models import ContainerGroup
from playwright.sync_api import Browser, Locator, Page, expect

from emulator.defaults import RESOURCE_GROUP, SUBSCRIPTION
from tests.emulator.services.arm import call
from tests.emulator.services.container_machine import Machine
from tests.waiting import until

from .accessibility import violations
from .conftest import Opener, Portal
from .served_group import group, machine

__all__ = ["group", "machine"]

GROUPS = f"/container-instances/{RESOURCE_GROUP}"


@pytest.fixture
def name(machine: Machine, unique: str) -> Iterator[str]:
    yield f"form-{unique}"
    machine.groups.begin_delete(RESOURCE_GROUP, f"form-{unique}").result()


@pytest.fixture
def earlier_name(unique: str) -> Iterator[None]:
    """A resource group that a list by name has before the one of the environment."""
    url = f"/subscriptions/{SUBSCRIPTION}/resourcegroups/a-{unique}"
    assert call("PUT", url, {"location": "swedencentral"}).status_code == 201
    yield
    assert call("DELETE", url).status_code == 202


def type_at(page: Page, target: Locator, text: str) -> None:
    """Go to a field or a button with the Tab key alone, and type."""
    for _ in range(60):
        if target.evaluate("element => element === document.activeElement"):
            page.keyboard.type(text)
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"the Tab key does not lead to {target}")


@pytest.mark.usefixtures("earlier_name")
def test_a_group_made_by_form_and_keyboard_answers(
    open_portal: Opener, machine: Machine, name: str, group: ContainerGroup
) -> None:
    page = open_portal("/container-instances")
    type_at(page, page.get_by_role("link", name="Create container instances"), "\n")
    expect(page.get_by_role("heading", name="Create container instances")).to_be_visible()
    expect(page.get_by_label("Resource group")).to_have_value(RESOURCE_GROUP)
    image = machine.web("web")["properties"]["image"]
    listed = page.locator("#images option").evaluate_all("all => all.map((one) => one.value)")
    assert image in listed
    # Azure's own words, and nothing that was typed is lost.
    for label, text in {
        "Container name": name,
        "Image": image,
        "Number of CPU cores": "99",
        "DNS name label": name,
        "Environment variables": "COLOUR=blue",
        "Secure environment variables": "PASSWORD=s3cret=value",
    }.items():
        type_at(page, page.get_by_label(label, exact=True), text)
    type_at(page, page.get_by_role("button", name="Create"), "\n")
    expect(page.get_by_role("alert")).to_contain_text("is not available in the location")
    expect(page.get_by_label("Secure environment variables")).to_have_value("PASSWORD=s3cret=value")

    page.get_by_label("Number of CPU cores").fill("1")
    page.get_by_role("button", name="Create").click()

    overview = page.locator("#overview")
    expect(overview).to_contain_text("Running")
    made = machine.get(name)
    inside = machine.answer(made)["env"]
    assert (inside["COLOUR"], inside["PASSWORD"]) == ("blue", "s3cret=value")
    assert made.restart_policy == "OnFailure"
    expect(overview).to_contain_text("PASSWORD=(secure)")
    assert "s3cret" not in page.content()
    page.goto("/container-instances")
    expect(page.get_by_role("row").filter(has_text=name)).to_contain_text("Running")


def test_a_group_is_stopped_started_and_deleted_by_keyboard(
    open_portal: Opener, machine: Machine, unique: str, browser: Browser, portal: Portal
) -> None:
    name = f"keys-{unique}"
    machine.create(name, machine.group())
    page = open_portal(f"{GROUPS}/{name}")
    status = page.locator("dd").first
    expect(status).to_contain_text("Running")
    page.get_by_role("button", name="Stop").press("Enter")
    expect(status).to_contain_text("Stopped")
    page.get_by_role("button", name="Start", exact=True).press("Enter")
    expect(status).to_contain_text("Running")
    machine.die(machine.get(name), 3)
    row = page.get_by_role("row").filter(has_text="exit code 3")
    expect(row).to_contain_text("Running")
    expect(row).to_contain_text("Terminated")

    elsewhere = browser.new_page()
    elsewhere.goto(portal.link)
    elsewhere.goto(f"{portal.url}{GROUPS}/{name}")

    page.get_by_role("button", name="Delete").press("Enter")
    typed = page.get_by_role("textbox", name="to confirm")
    typed.press_sequentially("something else")
    typed.press("Enter")
    assert machine.get(name)
    typed.fill(name)
    typed.press("Enter")
    expect(page.get_by_role("heading", name="Container Instances")).to_be_visible()
    until(lambda: _is_gone(machine, name))
    expect(elsewhere.get_by_role("heading", name="Not found")).to_be_visible()
    elsewhere.close()


def _is_gone(machine: Machine, name: str) -> bool:
    try:
        machine.get(name)
    except ResourceNotFoundError:
        return True
    return False


def test_a_log_is_followed_and_a_request_sent(open_portal: Opener, group: ContainerGroup) -> None:
    log = open_portal(f"{GROUPS}/{group.name}/logs")
    expect(log.get_by_role("log")).to_contain_text("listening")

    page = open_portal(f"{GROUPS}/{group.name}/requests")
    page.get_by_label("Operation").select_option("POST /predict")
    expect(page.get_by_label("Method")).to_have_value("POST")
    expect(page.get_by_label("Body")).to_have_value('{"data": [0]}')
    page.get_by_label("Headers").fill("X-Mine: it's")
    page.get_by_role("button", name="Send").click()

    answer = page.locator("#console-answer")
    expect(answer).to_contain_text("200 OK")
    expect(answer).to_contain_text(" ms,")
    body = answer.get_by_label("Body of the answer", exact=True)
    expect(body).to_contain_text('"X-Mine": "it\'s"')
    answer.get_by_text("The same with curl").click()
    expect(answer.get_by_label("curl", exact=True)).to_contain_text("-X POST")
    expect(log.get_by_role("log")).to_contain_text("POST /predict HTTP/1.1")

    page.get_by_text("Send a file in place of a body").click()
    page.get_by_label("File", exact=True).set_input_files(
        {"name": "digit.txt", "mimeType": "text/plain", "buffer": b"a digit"}
    )
    page.get_by_role("button", name="Send").click()
    expect(answer.get_by_text("The same with curl")).to_be_visible()
    expect(body).to_contain_text("multipart/form-data; boundary=")
    expect(body).to_contain_text('filename=\\"digit.txt\\"')
    expect(body).to_contain_text("a digit")
    page.get_by_label("Path").fill("/teapot")
    page.get_by_role("button", name="Send").click()
    expect(answer).to_contain_text("418")
    assert violations(page) == []


@pytest.mark.parametrize(("width", "dark"), [(400, True), (1600, False)])
def test_no_page_width_or_theme_keeps_anybody_out(
    open_portal: Opener, group: ContainerGroup, width: int, dark: bool
) -> None:
    one = f"{GROUPS}/{group.name}"
    page = open_portal(width=width, dark=dark)
    for path in (
        "/container-instances",
        "/container-instances/create",
        *(one + tab for tab in ("", "/logs", "/requests", "/metrics", "/json")),
    ):
        page.goto(path)
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        assert violations(page) == []
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
