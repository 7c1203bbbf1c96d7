"""The pages of a container app: what is seen there is so, and what is done there is done."""

from __future__ import annotations

from collections import Counter

import pytest
from playwright.sync_api import expect

from emulator.defaults import REGION, RESOURCE_GROUP
from tests.emulator.services.apps_bench import AppsBench
from tests.waiting import until

from ..accessibility import violations
from ..conftest import Opener

JOB = "mcr.microsoft.com/k8se/quickstart-jobs:latest"


def path(apps: AppsBench, tab: str = "") -> str:
    return f"/container-apps/{RESOURCE_GROUP}/{apps.name}{tab and '/' + tab}"


def two_revisions(apps: AppsBench) -> tuple[str, str]:
    """Revisions a and b, all traffic to a."""
    first, second = f"{apps.name}--a", f"{apps.name}--b"
    for suffix in ("a", "b"):
        traffic = [{"revisionName": first, "weight": 100}]
        apps.put(
            apps.body(
                apps.container(env={"VERSION": suffix}),
                configuration={
                    "activeRevisionsMode": "Multiple",
                    "ingress": {"traffic": traffic},
                },
                revisionSuffix=suffix,
            )
        )
    return first, second


def versions(apps: AppsBench, count: int = 40) -> Counter[str]:
    return Counter(apps.ask().json()["version"] for _ in range(count))


def test_traffic_labels_and_revisions(open_portal: Opener, apps: AppsBench) -> None:
    first, second = two_revisions(apps)
    page = open_portal(path(apps, "revisions"))
    assert versions(apps, 4) == {"a": 4}

    # The slider's share is what the ingress does.
    page.get_by_label(f"{second}, slider").fill("60")
    expect(page.get_by_role("button", name="Save", exact=True).first).to_be_disabled()
    expect(page.get_by_role("status").filter(has_text="Sum")).to_contain_text("160 %")
    page.get_by_label(f"{first}, slider").fill("40")
    page.get_by_role("button", name="Save", exact=True).first.click()
    expect(page.get_by_role("row").filter(has_text=second).first).to_contain_text("60 %")
    until(lambda: set(versions(apps)) == {"a", "b"})

    # A label is an address of its own.
    page.get_by_label(f"Label of {second}", exact=True).fill("next")
    page.get_by_role("button", name=f"Save the label of {second}").click()
    expect(page.get_by_label(f"Label of {second}", exact=True)).to_have_value("next")
    host = apps.fqdn().replace(apps.name, f"{apps.name}---next", 1)
    until(lambda: apps.ask(host=host).json()["version"] == "b")

    # A label that Azure refuses stays to be mended.
    page.get_by_label(f"Label of {first}", exact=True).fill("Not a label")
    page.get_by_role("button", name=f"Save the label of {first}").click()
    expect(page.get_by_role("alert")).to_contain_text("ContainerAppInvalidTraffic")
    expect(page.get_by_label(f"Label of {first}", exact=True)).to_have_value("Not a label")
    page.goto(path(apps, "revisions"))

    # Without traffic and label it can be deactivated, and the page says so by itself.
    page.get_by_label(f"Label of {second}", exact=True).fill("")
    page.get_by_role("button", name=f"Save the label of {second}").click()
    page.get_by_label(f"{second}, slider").fill("0")
    page.get_by_label(f"{first}, slider").fill("100")
    page.get_by_role("button", name="Save", exact=True).first.click()
    there = page.get_by_role("row").filter(has_text=second).first
    expect(there).to_contain_text("0 %")
    there.get_by_role("button", name="Deactivate").click()
    expect(there).to_contain_text("Inactive")
    assert not apps.revision(second).active
    apps.revisions.activate_revision(RESOURCE_GROUP, apps.name, second)
    expect(there).not_to_contain_text("Inactive")


def test_secrets_are_shown_to_who_asks(open_portal: Opener, apps: AppsBench) -> None:
    token = f"very-{apps.unique}"
    variable = {"name": "TOKEN", "secretRef": "token"}
    container = {**apps.container(), "env": [variable]}
    secrets = [{"name": "token", "value": token}]
    apps.put(apps.body(container, configuration={"secrets": secrets}))

    page = open_portal(path(apps, "secrets"))
    there = page.get_by_role("row").filter(has_text="variable TOKEN of web")
    expect(there).to_be_visible()
    assert token not in page.content()
    page.get_by_role("button", name="Show the value of token").click()
    expect(page.get_by_text(token)).to_be_visible()

    page.get_by_label("Key").fill("second")
    page.get_by_label("Value", exact=True).fill("another")
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.get_by_role("rowheader", name="second")).to_be_visible()
    expect(page.get_by_text(token)).to_have_count(0)
    values = apps.apps.list_secrets(RESOURCE_GROUP, apps.name).value
    found = {one.name: one.value for one in values}
    assert found["second"] == "another"
    assert found["token"] == token

    # One in use is kept by Azure, which says why.
    page.get_by_role("button", name="Delete secret token").click()
    expect(page.get_by_role("alert")).to_contain_text("ContainerAppSecretRefNotFound")
    page.get_by_role("button", name="Delete secret second").click()
    expect(page.get_by_role("rowheader", name="second")).to_have_count(0)


def test_the_log_follows(open_portal: Opener, apps: AppsBench) -> None:
    apps.put(apps.body())
    page = open_portal(path(apps, "logs"))
    log = page.get_by_role("log")
    expect(log).to_contain_text("listening")
    apps.ask(f"/print/hello-{apps.unique}")
    expect(log).to_contain_text(f"hello-{apps.unique}")

    page.get_by_label("Log of").select_option("System log")
    page.get_by_role("button", name="Connect").click()
    expect(log).to_contain_text("RevisionReady")


def test_a_new_revision_and_its_scale(open_portal: Opener, apps: AppsBench) -> None:
    apps.put(apps.body(apps.container(env={"VERSION": "one"})))
    page = open_portal(path(apps))
    page.get_by_role("link", name="Edit and deploy").click()
    expect(page.get_by_label("Image tag")).to_have_value("1")
    page.get_by_label("Name / suffix").fill("two")
    page.get_by_label("Value of variable 1").fill("two")
    page.get_by_label("CPU and Memory").select_option("0.5,1Gi")
    page.get_by_role("button", name="Next: Scale").click()
    page.get_by_label("Max replicas").fill("2")
    page.get_by_label("Name of rule 1").fill("busy")
    page.get_by_role("button", name="Create", exact=True).click()
    expect(page.get_by_role("heading", name="Your deployment is complete")).to_be_visible()

    assert apps.ask().json()["version"] == "two"
    template = apps.get().properties.template
    assert template.containers[0].resources.cpu == 0.5
    assert template.scale.max_replicas == 2
    assert template.scale.rules[0].http.metadata == {"concurrentRequests": "10"}

    # The name of a revision is used once: Azure says so, and what was typed is there still.
    page.goto(path(apps, "scale"))
    expect(page.get_by_role("rowheader", name="busy")).to_be_visible()
    page.get_by_role("link", name="Edit and deploy").click()
    page.get_by_label("Min replicas").fill("5")
    page.get_by_role("button", name="Create", exact=True).click()
    expect(page.get_by_role("heading", name="Your deployment failed")).to_be_visible()
    expect(page.get_by_role("alert")).to_contain_text("minReplicas")
    page.get_by_role("link", name="Change it and try again").click()
    page.get_by_role("button", name="Scale", exact=True).click()
    expect(page.get_by_label("Min replicas")).to_have_value("5")


def test_ingress_stop_and_start(open_portal: Opener, apps: AppsBench) -> None:
    apps.put(apps.body())
    page = open_portal(path(apps, "ingress"))
    page.get_by_label("Limited to Container Apps Environment").check()
    page.get_by_label("Transport").select_option("HTTP/2")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("alert")).to_contain_text("transport http2")
    expect(page.get_by_label("Limited to Container Apps Environment")).to_be_checked()
    page.get_by_label("Transport").select_option("Auto")
    page.get_by_role("button", name="Save").click()
    until(lambda: apps.get().properties.configuration.ingress.external is False)
    assert ".internal." in apps.fqdn()
    page.get_by_role("checkbox", name="Enabled").first.uncheck()
    page.get_by_role("button", name="Save").click()
    until(lambda: apps.get().properties.configuration.ingress is None)

    page.get_by_role("link", name="Overview").click()
    page.get_by_role("button", name="Stop").click()
    status = page.locator("#essentials")
    expect(status).to_contain_text("Stopped")
    expect(page.get_by_role("button", name="Start")).to_be_visible()
    page.get_by_role("button", name="Start").click()
    until(lambda: apps.get().properties.running_status == "Running")


def test_by_keyboard_alone_until_it_is_deleted(open_portal: Opener, apps: AppsBench) -> None:
    """Created, seen and deleted without a mouse."""
    page = open_portal("/container-apps")
    environment = apps.environment_id.rpartition("/")[2]
    page.get_by_role("link", name="Create a container app").focus()
    page.keyboard.press("Enter")
    page.get_by_label("Container app name").focus()
    page.keyboard.type(apps.name)
    page.keyboard.press("Enter")  # to the next page
    expect(page.get_by_label("Simple hello world container")).to_be_checked()
    page.get_by_role("button", name="Review + create").last.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("Validation passed")).to_be_visible()
    expect(page.get_by_role("main")).to_contain_text(environment)
    page.get_by_role("button", name="Create", exact=True).focus()
    page.keyboard.press("Enter")
    page.get_by_role("link", name="Go to resource").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name=apps.name)).to_be_visible()

    page.get_by_role("button", name=f"Delete container app {apps.name}").focus()
    page.keyboard.press("Enter")
    page.keyboard.type("another")
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible()  # the wrong name
    page.get_by_role("dialog").get_by_role("textbox").fill("")
    page.keyboard.type(apps.name)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Container Apps", exact=True)).to_be_visible()
    expect(page.get_by_role("rowheader", name=apps.name, exact=True)).to_have_count(0)


def test_what_is_measured_is_drawn(open_portal: Opener, apps: AppsBench) -> None:
    apps.put(apps.body())
    for _ in range(7):
        apps.ask()
    page = open_portal(path(apps, "metrics"))
    page.get_by_text("Requests as a table").click()
    numbers = page.get_by_role("figure").filter(has_text="Requests").locator("td")
    until(lambda: sum(int(text) for text in numbers.all_inner_texts()) == 7)
    expect(page.get_by_role("img", name="Replica Count")).to_be_visible()


def test_environments_jobs_and_the_revision_mode(open_portal: Opener, apps: AppsBench) -> None:
    apps.put(apps.body())
    environment = apps.environment_id.rpartition("/")[2]
    template = {"containers": [{**apps.container(), "image": JOB, "name": "job"}]}
    configuration = {
        "triggerType": "Manual",
        "replicaTimeout": 60,
        "manualTriggerConfig": {"parallelism": 1, "replicaCompletionCount": 1},
    }
    properties = {
        "environmentId": apps.environment_id,
        "configuration": configuration,
        "template": template,
    }
    job = {"location": REGION, "properties": properties}
    name = f"job-{apps.unique}"
    apps.client.jobs.begin_create_or_update(RESOURCE_GROUP, name, job).result()

    page = open_portal("/container-apps")
    row = page.get_by_role("row").filter(has=page.get_by_role("rowheader", name=name))
    row.get_by_role("button", name="Start").click()
    expect(row.locator("[data-label='Last executions']")).to_contain_text("Succeeded")

    # What is still used is not deleted, and Azure says so.
    page.get_by_role("button", name=f"Delete environment {environment}").click()
    page.get_by_role("dialog").get_by_role("textbox").fill(environment)
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.get_by_role("alert")).to_contain_text(environment)
    apps.client.jobs.begin_delete(RESOURCE_GROUP, name).result()
    expect(row).to_have_count(0)

    page.goto(path(apps, "revisions"))
    page.get_by_role("button", name="Choose revision mode: Multiple").click()
    until(lambda: apps.get().properties.configuration.active_revisions_mode == "Multiple")
    expect(page.get_by_role("button", name="Choose revision mode: Single")).to_be_visible()


@pytest.mark.parametrize(("width", "dark"), [(400, False), (1600, True)])
def test_every_page_is_for_everybody(
    open_portal: Opener, apps: AppsBench, width: int, dark: bool
) -> None:
    two_revisions(apps)
    page = open_portal(path(apps), width=width, dark=dark)
    tabs = page.get_by_role("navigation", name=f"Pages of {apps.name}").get_by_role("link")
    for name in tabs.all_inner_texts():
        tabs.filter(has_text=name).click()
        expect(tabs.filter(has_text=name)).to_have_attribute("aria-current", "page")
        assert violations(page) == [], name
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), name
