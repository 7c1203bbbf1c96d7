"""An error of Azure's in JupyterLab: the box, its folded traceback, its link; in light and dark."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from course.lessons import BUILD

from .conftest import Opener

REFUSED = """\
import os
from azure.ai.ml import MLClient
from azure.ai.ml.entities import ManagedOnlineEndpoint
from azure.identity import DefaultAzureCredential
place = [os.environ[name] for name in
         ("AZURE_SUBSCRIPTION_ID", "AZURE_RESOURCE_GROUP", "AZUREML_WORKSPACE")]
ml_client = MLClient(DefaultAzureCredential(), *place)
ml_client.online_endpoints.get("no-such-endpoint")"""
# What lesson 04 provokes, without the deployments that it takes.
QUOTA = """\
from azure.core.exceptions import HttpResponseError
error = HttpResponseError("(OutOfQuota) Not enough quota available for Standard_D4as_v4")
error.add_note("The end of the log of blue:\\n" + "a line of the log\\n" * 3)
raise error"""


@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
def test_an_error_is_a_box_that_leads_to_its_repair(open_cells: Opener, theme: str) -> None:
    lab = open_cells(REFUSED, QUOTA, "%tb")
    lab.set_theme(theme)
    refused = lab.run(0).get_by_role("group", name="Error")
    expect(refused).to_contain_text("Azure says: ResourceNotFound")
    expect(lab.output(0)).to_contain_text("ResourceNotFoundError in Cell In[1], line 8. %tb shows")
    quota = lab.run(1).get_by_role("group", name="Error")
    expect(quota).to_contain_text("Azure says: OutOfQuota")
    expect(quota).to_contain_text("a line of the log")

    # Folded until somebody asks, by the keyboard too.
    traceback = quota.get_by_text("Traceback (most recent call last)")
    expect(traceback).to_be_hidden()
    quota.get_by_text("The whole traceback").focus()
    lab.page.keyboard.press("Enter")
    expect(traceback).to_be_visible()
    lab.page.keyboard.press("Enter")
    expect(traceback).to_be_hidden()
    lab.page.screenshot(path=BUILD / "browser" / f"azure-error-{theme[11:].lower()}.png")
    found = Axe().run(lab.page, context='[aria-label="Error"]')
    assert found.violations_count == 0, found.generate_report()
    expect(lab.run(2)).to_contain_text("HttpResponseError: (OutOfQuota)")

    quota.get_by_role("link", name="more cores than the subscription may use").click()
    page = lab.page.locator(".jp-MarkdownViewer")
    expect(page.get_by_role("heading", name="OutOfQuota")).to_be_in_viewport()
