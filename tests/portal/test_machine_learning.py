"""Machine Learning in a browser: forms, traffic, states as they change."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from azure.ai.ml import MLClient
from azure.ai.ml.entities import Environment, Model
from playwright.sync_api import Locator, Page, expect

from tests.emulator.services.arm import GROUP, HOME, WORKSPACES, call
from tests.emulator.services.deployments import CONDA, ECHO, IMAGE, Workbench
from tests.waiting import until

from .conftest import Opener

ENDPOINTS = "/machine-learning/endpoints"


@pytest.fixture(scope="module")
def served(bench: Workbench) -> str:
    """An endpoint with two deployments; blue gets all the traffic."""
    name: str = bench.endpoint().name
    bench.deploy(name, "blue")
    bench.deploy(name, "green")
    bench.send_traffic(name, blue=100, green=0)
    return name


def row_of(page: Page, name: str) -> Locator:
    return page.get_by_role("row").filter(has=page.get_by_role("rowheader", name=name, exact=True))


def refreshed(page: Page) -> None:
    """Wait until the page has asked again, twice, so that what came of the first is shown."""
    for _ in range(2):
        page.wait_for_event("response", lambda response: response.request.method == "GET")


def test_a_deployment_says_by_which_setting_it_is_scaled(open_portal: Opener, served: str) -> None:
    id = f"{HOME}/onlineEndpoints/{served}"
    setting = f"{GROUP}/providers/Microsoft.Insights/autoscaleSettings/autoscale-{served}"
    capacity = {"minimum": "1", "maximum": "3", "default": "1"}
    properties = {
        "enabled": True,
        "targetResourceUri": f"{id}/deployments/blue",
        "profiles": [{"name": "usual", "capacity": capacity, "rules": []}],
    }
    page = open_portal(f"{ENDPOINTS}/{served}")
    body = {"location": "westeurope", "properties": properties}
    assert call("PUT", setting, body).status_code == 201
    expect(row_of(page, "blue")).to_contain_text(
        f"1 to 3, by the autoscale setting autoscale-{served}"
    )
    expect(row_of(page, "green")).not_to_contain_text("autoscale")
    assert call("DELETE", setting).status_code == 200
    expect(row_of(page, "blue")).not_to_contain_text("autoscale")


def test_traffic_moved_with_the_slider_changes_what_the_gateway_does(
    open_portal: Opener, bench: Workbench, served: str
) -> None:
    def answers(number: int) -> Counter[str]:
        ask = bench.caller(served)
        return Counter(ask().headers["azureml-model-deployment"] for _ in range(number))

    page = open_portal(f"{ENDPOINTS}/{served}")
    blue, green = (page.get_by_role("slider", name=name) for name in ("blue", "green"))
    save = page.get_by_role("button", name="Update traffic", exact=True)
    traffic = page.locator("#traffic-form")
    assert answers(5) == {"blue": 5}

    blue.focus()
    for _ in range(50):
        page.keyboard.press("ArrowLeft")
    expect(page.get_by_role("spinbutton", name="blue")).to_have_value("50")
    expect(traffic).to_contain_text("Sum: 50 %, 50 % missing")
    expect(save).to_be_disabled()
    refreshed(page)
    expect(blue).to_have_value("50")  # what is being set is not lost

    green.fill("50")
    expect(traffic).to_contain_text("Sum: 100 %")
    save.click()
    expect(row_of(page, "green")).to_contain_text("50 %")
    until(lambda: answers(20).keys() == {"blue", "green"})

    page.get_by_role("spinbutton", name="blue").fill("0")
    page.get_by_role("spinbutton", name="green").fill("100")
    expect(green).to_have_value("100")
    save.click()
    expect(row_of(page, "green")).to_contain_text("100 %")
    until(lambda: answers(20) == {"green": 20})

    page.get_by_label("Deployment", exact=True).select_option("green")
    page.get_by_label("Mirrored traffic, per cent").fill("10")
    save.click()
    expect(page.get_by_role("alert")).to_contain_text("live or mirrored traffic")
    refreshed(page)
    expect(page.get_by_label("Deployment", exact=True)).to_have_value("green")
    expect(page.get_by_label("Mirrored traffic, per cent")).to_have_value("10")


def test_a_deployment_of_the_sdk_appears_with_its_states_and_its_log(
    open_portal: Opener, ml_client: MLClient, bench: Workbench, tmp_path: Path
) -> None:
    name = bench.endpoint().name
    go = tmp_path / "go"
    waits = (
        f"import os, time\n    print('init waits')\n    while not os.path.exists({str(go)!r}):\n"
    )
    script = ECHO.replace("    global", f"    {waits}        time.sleep(0.05)\n    global", 1)
    page = open_portal(f"{ENDPOINTS}/{name}")
    expect(page.get_by_text("This endpoint has no deployments yet")).to_be_visible()

    wanted = bench.wanted(name, "blue", script=script)
    poller = ml_client.online_deployments.begin_create_or_update(wanted)

    row = row_of(page, "blue")
    expect(row).to_contain_text("Creating")
    expect(page.get_by_label("Log of blue")).to_contain_text("init waits")
    page.get_by_role("button", name="Delete deployment blue").click()
    page.keyboard.type("b")
    page.keyboard.press("Escape")  # the page goes on showing what changes
    go.touch()
    poller.result()
    expect(row).to_contain_text("Succeeded")
    expect(page.get_by_label("Log of blue")).to_have_count(0)

    endpoint = ml_client.online_endpoints.get(name)
    endpoint.tags = {"owner": "the SDK"}
    ml_client.online_endpoints.begin_create_or_update(endpoint).result()
    expect(page.locator("#facts")).to_contain_text("owner: the SDK")


def test_the_keyboard_alone_creates_an_endpoint_and_deletes_it(
    open_portal: Opener, ml_client: MLClient, unique: str
) -> None:
    name = f"keys-{unique}"
    page = open_portal("/machine-learning")

    def tab_to(target: Locator) -> None:
        for _ in range(60):
            if target.evaluate("element => element === document.activeElement"):
                return
            page.keyboard.press("Tab")
        raise AssertionError(f"the Tab key does not lead to {target}")

    tab_to(page.get_by_role("link", name="Create"))
    page.keyboard.press("Enter")
    tab_to(page.get_by_label("Endpoint name"))
    page.keyboard.type(name)
    tab_to(page.get_by_label("Authentication type"))
    page.keyboard.press("ArrowDown")
    tab_to(page.get_by_role("button", name="Create", exact=True))
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name=name)).to_be_visible()
    expect(page.locator("#facts")).to_contain_text("Succeeded")
    expect(page.locator("#facts")).to_contain_text(f"https://{name}.")
    assert ml_client.online_endpoints.get(name).auth_mode == "aml_token"

    tab_to(page.get_by_role("button", name=f"Delete endpoint {name}"))
    page.keyboard.press("Enter")
    page.keyboard.type(name[:-1])
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible()  # the name is not whole
    page.keyboard.type(name[-1])
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Machine Learning")).to_be_visible()
    expect(row_of(page, name)).to_have_count(0)
    until(lambda: name not in [one.name for one in ml_client.online_endpoints.list()])


def test_a_refused_endpoint_says_why_and_keeps_what_was_typed(open_portal: Opener) -> None:
    page = open_portal("/machine-learning/create-endpoint")
    page.get_by_label("Endpoint name").fill("9-no--good")
    page.get_by_label("Description").fill("a description")
    page.get_by_role("button", name="Create", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("9-no--good")
    expect(page.get_by_label("Endpoint name")).to_have_value("9-no--good")
    expect(page.get_by_label("Description")).to_have_value("a description")


def test_a_deployment_by_form_is_refused_mended_made_scaled_and_deleted(
    open_portal: Opener, ml_client: MLClient, bench: Workbench, tmp_path: Path, unique: str
) -> None:
    endpoint = bench.endpoint().name
    for file, text in (("greeting.txt", "hello"), ("score.py", ECHO), ("conda.yaml", CONDA)):
        (tmp_path / file).write_text(text)
    model = Model(name=f"form-{unique}", version="7", path=str(tmp_path / "greeting.txt"))
    environment = Environment(
        name=f"env-{unique}", version="1", image=IMAGE, conda_file=str(tmp_path / "conda.yaml")
    )
    ml_client.models.create_or_update(model)
    ml_client.environments.create_or_update(environment)

    page = open_portal(f"{ENDPOINTS}/{endpoint}/create-deployment")
    page.get_by_label("Deployment name").fill("blue")
    page.get_by_label("Model").select_option(f"form-{unique}:7")
    page.get_by_label("Scoring script and the files beside it").set_input_files(
        [tmp_path / "score.py"]
    )
    page.get_by_label("Environment", exact=True).select_option(f"env-{unique}:1")
    expect(page.get_by_text("Standard_D4as_v4: $0.230 an hour")).to_be_visible()
    page.get_by_label("Virtual machine").fill("Standard_None")
    page.get_by_label("Request timeout (ms)").fill("4000")
    page.get_by_role("button", name="Create", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("Standard_None")
    expect(page.get_by_label("Deployment name")).to_have_value("blue")
    expect(page.get_by_text("Uploaded: score.py")).to_be_visible()

    page.get_by_label("Virtual machine").fill("Standard_D4as_v4")
    page.get_by_role("button", name="Create", exact=True).click()
    row = row_of(page, "blue")
    expect(row).to_contain_text("Succeeded")
    made = ml_client.online_deployments.get("blue", endpoint)
    assert made.request_settings.request_timeout_ms == 4000
    answer = bench.caller(endpoint)({"n": 1}, headers={"azureml-model-deployment": "blue"})
    assert answer.json()["greeting"] == "hello"

    page.get_by_role("button", name="Scale blue").click()
    page.get_by_label("Instance count").fill("2")
    page.get_by_role("button", name="Update", exact=True).click()
    expect(row).to_contain_text("2 x Standard_D4as_v4")
    expect(row).to_contain_text("Succeeded")

    row.get_by_role("button", name="Delete").click()
    page.get_by_label("Type blue to confirm").fill("blue")
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(row).to_have_count(0)
    expect(page.get_by_text("This endpoint has no deployments yet")).to_be_visible()


def test_a_model_shows_its_versions_tags_and_files(
    open_portal: Opener, ml_client: MLClient, served: str, tmp_path: Path, unique: str
) -> None:
    name = f"folder-{unique}"
    (tmp_path / "model" / "deep").mkdir(parents=True)
    (tmp_path / "model" / "deep" / "weights.bin").write_bytes(bytes(2_500))
    wanted = Model(name=name, version="3", path=str(tmp_path / "model"), tags={"stage": "trial"})
    page = open_portal("/machine-learning/models")
    ml_client.models.create_or_update(wanted)
    row = row_of(page, name)
    expect(row).to_contain_text("stage: trial")

    row.get_by_role("link").click()
    expect(page.get_by_role("heading", name="Version 3")).to_be_visible()
    expect(page.get_by_role("row").filter(has_text="deep/weights.bin")).to_contain_text("2.5 kB")

    page.get_by_role("link", name=f"Deploy to {served}").click()
    expect(page.get_by_label("Model").locator("option:checked")).to_have_text(f"{name}:3")


def test_a_workspace_is_chosen_where_there_are_several(open_portal: Opener, unique: str) -> None:
    name = f"other-{unique}"
    path = f"{WORKSPACES}/{name}"
    own = call("GET", WORKSPACES).json()["value"][0]
    kept = ("storageAccount", "keyVault", "applicationInsights")
    properties = {one: own["properties"][one] for one in kept if own["properties"].get(one)}
    body = {
        "location": own["location"],
        "identity": {"type": "SystemAssigned"},
        "properties": properties,
    }
    assert call("PUT", path, body).status_code in (200, 201, 202)
    until(lambda: call("GET", path).json()["properties"]["provisioningState"] == "Succeeded")
    endpoint = {"location": own["location"], "identity": {"type": "SystemAssigned"}}
    endpoint["properties"] = {"authMode": "Key"}
    call("PUT", f"{path}/onlineEndpoints/far-{unique}", endpoint)
    try:
        page = open_portal(f"{ENDPOINTS}/far-{unique}")  # as Home links to it
        expect(page.get_by_role("heading", name=f"far-{unique}")).to_be_visible()
        page.goto("/machine-learning")
        page.get_by_role("combobox", name="Workspace").select_option(
            label=f"{name} (rg-deploying-models, {own['location']})"
        )
        page.get_by_role("button", name="Open").click()
        expect(row_of(page, f"far-{unique}")).to_contain_text("Succeeded")
        page.get_by_role("link", name="Models").click()
        expect(page.get_by_role("heading", name=name)).to_be_visible()
    finally:
        call("DELETE", f"{path}/onlineEndpoints/far-{unique}")
        until(lambda: call("GET", f"{path}/onlineEndpoints/far-{unique}").status_code == 404)
        call("DELETE", path)
