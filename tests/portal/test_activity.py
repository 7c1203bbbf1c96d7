"""Activity in a browser: requests as they come, who sent them, and what is in them."""

from __future__ import annotations

from pathlib import Path

import pytest
import requests
from azure.ai.ml import MLClient
from azure.ai.ml.entities import ManagedOnlineEndpoint
from azure.core.exceptions import ResourceNotFoundError
from azure.identity import DefaultAzureCredential
from azure.mgmt.containerregistry import ContainerRegistryManagementClient
from azure.mgmt.resource.resources import ResourceManagementClient
from playwright.sync_api import Locator, Page, expect
from starlette.testclient import TestClient

from emulator.defaults import RESOURCE_GROUP, SUBSCRIPTION
from portal.app import create_app
from portal.azure import Azure, Json
from portal.settings import Settings
from portal.sign_in import new_code
from tests.azure import LocalAzure
from tests.emulator.services.arm import GROUP, call

from .accessibility import violations
from .conftest import Opener

NOTEBOOK = "AZURE_HTTP_USER_AGENT", "azure-local-kernel/1 (04-try%20it.ipynb)"


def groups() -> ResourceManagementClient:
    return ResourceManagementClient(DefaultAzureCredential(), SUBSCRIPTION).resource_groups


def row(page: Page, text: str) -> Locator:
    return page.get_by_role("row").filter(has_text=text)


def ask_for(name: str) -> None:
    """Ask for a resource group that is not there, by the SDK."""
    with pytest.raises(ResourceNotFoundError):
        groups().get(name)


def ask_often_for(name: str, times: int) -> None:
    first = call("GET", f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{name}")
    with requests.Session() as session:
        for _ in range(times - 1):
            session.get(first.url, headers=first.request.headers, timeout=30)


def test_a_request_appears_by_itself_with_its_bodies_but_without_keys(
    open_portal: Opener, ml_client: MLClient, unique: str
) -> None:
    page = open_portal("/activity")
    name = f"activity-{unique}"
    expect(page.get_by_role("heading", name="Activity")).to_be_visible()
    expect(row(page, name)).to_have_count(0)

    wanted = ManagedOnlineEndpoint(name=name, tags={"seen": "in the body"})
    ml_client.online_endpoints.begin_create_or_update(wanted).result()
    key = ml_client.online_endpoints.get_keys(name).primary_key

    made = row(page, name).filter(has_text="Create or update online endpoint")
    expect(made).to_contain_text("PUT …/resourceGroups/")
    expect(made).to_contain_text("201")
    expect(made).to_contain_text("azure-ai-ml/")
    made.get_by_role("button").click()
    opened = page.get_by_role("dialog", name="Request")
    expect(opened.get_by_label("Request body", exact=True)).to_contain_text('"seen": "in the body"')
    expect(opened.get_by_label("Response body", exact=True)).to_contain_text('"provisioningState"')
    assert violations(page) == []
    page.keyboard.press("Escape")
    expect(opened).not_to_be_visible()

    row(page, name).filter(has_text="List keys of online endpoint").get_by_role("button").click()
    expect(opened.get_by_label("Response body", exact=True)).to_contain_text(
        '"primaryKey": "********"'
    )
    assert key
    assert key not in page.content()
    opened.get_by_role("button", name="Close").click()
    expect(opened).not_to_be_visible()
    ml_client.online_endpoints.begin_delete(name).result()


def test_it_is_filtered_by_notebook_by_changes_and_by_text(
    open_portal: Opener, local_azure: LocalAzure, monkeypatch: pytest.MonkeyPatch, unique: str
) -> None:
    mine, others = f"mine-{unique}", f"others-{unique}"
    ask_for(others)
    groups().create_or_update(others, {"location": "westeurope"})
    monkeypatch.setenv(*NOTEBOOK)
    ask_for(mine)
    page = open_portal("/activity")
    expect(row(page, mine)).to_contain_text("04-try it.ipynb")
    expect(row(page, mine)).to_contain_text("404 ResourceGroupNotFound")
    expect(row(page, others)).to_have_count(2)

    page.get_by_label("Notebook").select_option("04-try it.ipynb")
    expect(row(page, others)).to_have_count(0)
    expect(row(page, mine)).to_have_count(1)
    ask_for(mine)
    expect(row(page, mine)).to_have_count(2)
    assert "kernel=04-try" in page.url

    page.get_by_label("Notebook").select_option("All, and other programs")
    page.get_by_label("Changes only").check()
    page.get_by_label("Text").fill(unique.upper())
    expect(row(page, mine)).to_have_count(0)
    expect(row(page, others)).to_have_count(1)
    expect(row(page, others)).to_contain_text("PUT")
    expect(page.get_by_label("Text")).to_be_focused()
    page.get_by_label("Text").fill(f"nothing-{unique}")
    expect(page.get_by_text("No such request yet.")).to_be_visible()
    monkeypatch.delenv(NOTEBOOK[0])
    groups().begin_delete(others).result()


def test_it_can_be_paused_and_read_back_by_keyboard(
    open_portal: Opener, local_azure: LocalAzure, unique: str
) -> None:
    ask_often_for(f"many-{unique}", 101)
    page = open_portal(f"/activity?text=many-{unique}")
    expect(row(page, unique)).to_have_count(100)
    page.get_by_role("button", name="Pause").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Pause")).to_have_attribute("aria-pressed", "true")
    ask_often_for(f"many-{unique}", 1)
    for _ in range(2):  # the page goes on asking for what is not paused
        page.wait_for_event("requestfinished", lambda asked: "/notifications" in asked.url)
    expect(row(page, unique)).to_have_count(100)
    page.get_by_role("button", name="Pause").press("Enter")
    expect(row(page, unique)).to_have_count(101)
    page.get_by_role("link", name="Older requests").press("Enter")
    expect(row(page, unique)).to_have_count(1)
    row(page, unique).get_by_role("button").press("Enter")
    expect(page.get_by_role("dialog", name="Request")).to_contain_text("There is none.")
    page.get_by_role("button", name="Close").press("Enter")
    page.get_by_role("link", name="Newest requests").press("Enter")
    expect(row(page, unique)).to_have_count(100)


def test_the_activity_log_tells_how_a_change_ended(
    open_portal: Opener, local_azure: LocalAzure, unique: str
) -> None:
    client = ContainerRegistryManagementClient(DefaultAzureCredential(), SUBSCRIPTION)
    name = f"activity{unique}"
    page = open_portal(f"/activity/log?text={name}")
    expect(page.get_by_text("Nothing of that kind has changed")).to_be_visible()
    registry = {"location": "westeurope", "sku": {"name": "Basic"}}
    client.registries.begin_create(RESOURCE_GROUP, name, registry).result()
    expect(row(page, name)).to_have_count(3)
    ended = row(page, name).first
    expect(ended).to_contain_text("Create or update registry")
    expect(ended).to_contain_text("Succeeded")
    ended.get_by_role("button").click()
    opened = page.get_by_role("dialog", name="Operation")
    for status in ("Started", "Accepted", "Succeeded"):
        expect(opened.get_by_label(status, exact=True)).to_contain_text('"correlationId"')
    assert violations(page) == []
    client.registries.begin_delete(RESOURCE_GROUP, name).result()


class LiveAzure(Azure):
    """Stands for live Azure: it has no request log, and entries of more kinds."""

    async def find(self, path: str, version: str = "", **query: str) -> Json | None:
        return None

    async def get(self, path: str, version: str = "", **query: str) -> Json:
        # https://learn.microsoft.com/rest/api/monitor/activity-logs/list#examples
        entry = {
            "operationName": {"value": "microsoft.support/supporttickets/write"},
            "status": {"value": "Succeeded"},
            "eventTimestamp": "2015-01-21T22:14:26.9792776Z",
            "correlationId": "1e121103-0ba6-4300-ac9d-952bb5d0c80f",
        }
        return {"value": [entry], "nextLink": "https://management.azure.com/more"}


def test_where_azure_keeps_no_requests_it_is_the_activity_log_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("portal.app.Azure", LiveAzure)
    app = create_app(Settings(tmp_path, SUBSCRIPTION, live=True))
    with TestClient(app, base_url="http://127.0.0.1:80") as browser:
        browser.get("/sign-in", params={"code": new_code(tmp_path)}, follow_redirects=False)
        answer = browser.get("/activity")
        dropped = browser.get("/activity/requests/1")
        entries = browser.get("/activity/log/1e121103-0ba6-4300-ac9d-952bb5d0c80f")
    assert (answer.status_code, answer.url.path) == (200, "/activity/log")
    assert "Live Azure keeps no list of requests" in answer.text
    assert "microsoft.support/supporttickets/write" in answer.text
    assert "22:14:26" in answer.text
    assert "has dropped out" in dropped.text
    assert 'href="/activity/log"' not in answer.text
    assert "supporttickets" in entries.text


def test_no_width_or_theme_keeps_anybody_out(
    open_portal: Opener, local_azure: LocalAzure, unique: str
) -> None:
    registry = f"{GROUP}/providers/Microsoft.ContainerRegistry/registries/none{unique}"
    assert call("DELETE", registry).status_code == 204
    for path in ("/activity", "/activity/log"):
        for width, dark in ((400, True), (1600, False)):
            page = open_portal(f"{path}?text={unique}", width=width, dark=dark)
            expect(row(page, unique).first).to_be_visible()
            assert violations(page) == []
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
