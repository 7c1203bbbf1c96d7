"""A container app by form alone, as a learner makes one."""

from __future__ import annotations

import pytest
from azure.core.exceptions import ResourceNotFoundError
from playwright.sync_api import Page, expect

from emulator.defaults import RESOURCE_GROUP
from tests.emulator.services.apps_bench import REGISTRY, AppsBench

from ..accessibility import violations
from ..conftest import Opener


def begin(page: Page, name: str, environment: str) -> None:
    """Fill in the page Basics; the environment is a new one."""
    page.get_by_role("link", name="Create a container app").click()
    expect(page.get_by_role("button", name="Basics")).to_have_attribute("aria-current", "step")
    page.get_by_label("Container app name").fill(name)
    page.get_by_label("Container Apps environment").select_option(label="Create new")
    page.get_by_label("Environment name").fill(environment)


def choose_image(page: Page, image: str) -> None:
    """Fill in the page Container with an image of Microsoft's registry."""
    go(page, "Container")
    page.get_by_label("Simple hello world container").uncheck()
    page.get_by_label("Docker Hub or other registries").check()
    page.get_by_label("Registry login server").fill("mcr.microsoft.com")
    page.get_by_label("Name", exact=True).fill("web")
    page.get_by_label("Image and tag").fill(image)


def go(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).last.click()  # some are a tab as well


def test_an_app_and_its_environment_by_form_alone(open_portal: Opener, apps: AppsBench) -> None:
    server = f"{apps.image.partition('/')[0]}"
    page = open_portal("/container-apps")
    begin(page, apps.name, f"env-{apps.unique}")
    apps.made.append(f"env-{apps.unique}")

    go(page, "Next: Container")
    page.get_by_label("Simple hello world container").uncheck()
    page.get_by_label("Name", exact=True).fill("web")
    page.get_by_label("Registry", exact=True).select_option(server)
    page.get_by_label("Image", exact=True).select_option("web")
    page.get_by_label("Image tag").select_option("1")
    page.get_by_label("Name of variable 1").fill("VERSION")
    page.get_by_label("Value of variable 1").fill("by form")
    go(page, "Next: Ingress")
    page.get_by_role("checkbox", name="Enabled").check()
    page.get_by_label("Accepting traffic from anywhere").check()

    # Nothing is lost on the way back and forth.
    go(page, "Container")
    expect(page.get_by_label("Image tag")).to_have_value("1")
    expect(page.get_by_label("Value of variable 1")).to_have_value("by form")
    go(page, "Ingress")
    expect(page.get_by_label("Target port")).to_have_value("80")
    go(page, "Next: Review + create")
    expect(page.get_by_text("Validation passed")).to_be_visible()
    go(page, "Create")

    expect(page.get_by_role("heading", name="Your deployment is complete")).to_be_visible()
    expect(page.get_by_role("row").filter(has_text=f"env-{apps.unique}")).to_contain_text(
        "Succeeded"
    )
    app = apps.get()
    assert app.properties.configuration.active_revisions_mode == "Single"
    assert app.properties.template.containers[0].image == f"{REGISTRY}.azurecr.io/web:1"
    (secret,) = app.properties.configuration.secrets
    assert secret.name.startswith("reg-pswd-")
    assert apps.ask().json()["version"] == "by form"

    page.get_by_role("link", name="Go to resource").click()
    with page.context.expect_page() as opened:
        page.get_by_role("link", name=apps.fqdn()).click()
    expect(opened.value.locator("body")).to_contain_text('"version": "by form"')


def test_what_is_wrong_is_said_in_azures_words_and_what_was_typed_stays(
    open_portal: Opener, apps: AppsBench
) -> None:
    page = open_portal("/container-apps")
    begin(page, "No Good--", f"env-{apps.unique}")
    choose_image(page, "")
    go(page, "Ingress")
    page.get_by_role("checkbox", name="Enabled").check()
    page.get_by_label("Target port").fill("70000")
    go(page, "Review + create")

    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("Validation failed")
    expect(alert).to_contain_text("Invalid ContainerApp name 'No Good--'")
    expect(alert).to_contain_text("Container, Image and tag: The value must not be empty.")
    expect(alert).to_contain_text("between 1 and 65535")
    expect(page.get_by_role("button", name="Create", exact=True)).to_be_disabled()
    page.get_by_role("button", name="Ingress has errors").click()
    port = page.get_by_label("Target port")
    expect(port).to_have_attribute("aria-invalid", "true")
    expect(port).to_have_value("70000")


def test_what_only_azure_can_refuse_is_told_and_can_be_changed(
    open_portal: Opener, apps: AppsBench
) -> None:
    page = open_portal("/container-apps")
    begin(page, apps.name, f"env-{apps.unique}")
    choose_image(page, "k8se/quickstart:latest")
    go(page, "Review + create")
    expect(page.get_by_role("main")).to_contain_text("Disabled")  # nobody was at Ingress yet
    go(page, "Ingress")
    page.get_by_role("checkbox", name="Enabled").check()
    page.get_by_label("TCP").check()
    apps.made.append(f"env-{apps.unique}")
    go(page, "Review + create")
    go(page, "Create")

    expect(page.get_by_role("heading", name="Your deployment failed")).to_be_visible()
    expect(page.get_by_role("main")).to_contain_text("NotEmulated")
    expect(page.get_by_role("main")).to_contain_text("transport tcp")
    with pytest.raises(ResourceNotFoundError):
        apps.get()

    page.get_by_role("link", name="Change it and try again").click()
    go(page, "Ingress")
    expect(page.get_by_label("TCP")).to_be_checked()
    page.get_by_label("HTTP", exact=True).check()
    go(page, "Review + create")
    expect(page.get_by_text("Validation passed")).to_be_visible()
    go(page, "Create")
    expect(page.get_by_role("heading", name="Your deployment is complete")).to_be_visible()
    assert apps.get().properties.configuration.ingress.transport.lower() == "auto"


@pytest.mark.parametrize(("width", "dark"), [(400, False), (1600, True)])
def test_the_form_is_for_everybody(
    open_portal: Opener, apps: AppsBench, width: int, dark: bool
) -> None:
    page = open_portal("/container-apps", width=width, dark=dark)
    assert violations(page) == []
    begin(page, "", "")
    for button in ("Container", "Ingress", "Review + create"):
        assert violations(page) == []
        go(page, button)
        tab = page.get_by_role("navigation").get_by_role("button", name=button)
        expect(tab).to_have_attribute("aria-current", "step")
        if button == "Container":
            page.get_by_label("Simple hello world container").uncheck()
            expect(page.get_by_label("Registry", exact=True)).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert violations(page) == []
    assert RESOURCE_GROUP in page.get_by_role("main").inner_text()
