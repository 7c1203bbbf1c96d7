"""Home in a browser: everything that is there, as it changes."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

from azure.ai.ml import MLClient
from azure.ai.ml.entities import ManagedOnlineEndpoint
from azure.identity import DefaultAzureCredential
from azure.mgmt.containerregistry import ContainerRegistryManagementClient
from playwright.sync_api import Browser, expect

from emulator.defaults import RESOURCE_GROUP, SUBSCRIPTION
from tests.azure import LocalAzure

from .accessibility import violations
from .conftest import Opener, Portal


def test_what_a_client_makes_appears_and_goes_by_itself(
    open_portal: Opener, ml_client: MLClient, unique: str
) -> None:
    page = open_portal()
    name = f"home-{unique}"
    row = page.get_by_role("row").filter(has=page.get_by_role("rowheader", name=name))
    expect(page.get_by_role("heading", name="rg-deploying-models")).to_be_visible()
    expect(row).to_have_count(0)

    ml_client.online_endpoints.begin_create_or_update(ManagedOnlineEndpoint(name=name)).result()

    expect(row).to_contain_text("Online endpoint")
    expect(row).to_contain_text("Succeeded")

    ml_client.online_endpoints.begin_delete(name).result()

    expect(row).to_have_count(0)


def test_no_page_width_or_theme_keeps_anybody_out(open_portal: Opener) -> None:
    for width, dark in ((400, False), (400, True), (1600, False), (1600, True)):
        page = open_portal(width=width, dark=dark)
        expect(page.get_by_role("heading", name="Home")).to_be_visible()
        assert violations(page) == []
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_what_costs_money_says_how_much(
    open_portal: Opener, local_azure: LocalAzure, unique: str
) -> None:
    client = ContainerRegistryManagementClient(DefaultAzureCredential(), SUBSCRIPTION)
    registry = {"location": "westeurope", "sku": {"name": "Basic"}}
    name = f"costs{unique}"
    client.registries.begin_create(RESOURCE_GROUP, name, registry).result()

    page = open_portal()
    row = page.get_by_role("row").filter(has=page.get_by_role("rowheader", name=name))
    # 0.1666 dollars a day: https://azure.microsoft.com/pricing/details/container-registry/
    expect(row.get_by_role("cell").nth(4)).to_have_text("$0.007")
    expect(row.get_by_role("cell").nth(5)).to_have_text("under $0.001")
    expect(page.get_by_text("On live Azure this would cost")).to_be_visible()

    client.registries.begin_delete(RESOURCE_GROUP, name).result()


def test_live_azure_has_a_band_that_says_so(
    local_azure: LocalAzure, browser: Browser, tmp_path: Path
) -> None:
    portal = Portal(tmp_path, "--live")
    page = browser.new_page(color_scheme="dark")
    try:
        page.goto(portal.link)
        expect(page.get_by_role("banner")).to_contain_text("changes here are real and cost money")
        expect(page.get_by_text("This costs")).to_be_visible()
        assert violations(page) == []
    finally:
        page.close()
        portal.stop()


def test_a_page_says_that_it_is_old(
    browser: Browser, local_azure: LocalAzure, tmp_path: Path
) -> None:
    portal = Portal(tmp_path)
    with browser.new_context() as context, ExitStack() as stack:
        stack.callback(portal.stop)
        page = context.new_page()
        page.goto(portal.link)
        old = page.get_by_text("What is shown may be old.")
        expect(page.get_by_role("heading", name="Home")).to_be_visible()
        expect(old).to_be_hidden()

        refused = (
            "<main><div class='message'>InternalServerError: Azure has a problem.</div></main>"
        )
        page.route(f"{portal.url}/", lambda route: route.fulfill(status=502, body=refused))
        expect(page.get_by_role("alert")).to_contain_text("Azure has a problem.")
        page.unroute(f"{portal.url}/")
        expect(old).to_be_hidden()

        portal.stop()
        expect(page.get_by_role("alert")).to_contain_text("The portal does not answer.")
