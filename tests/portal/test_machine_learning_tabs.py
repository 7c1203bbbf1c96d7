"""The tabs of an endpoint in a browser: test it, consume it, read its logs."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import numpy as np
import pytest
from azure.ai.ml import MLClient
from PIL import Image, ImageDraw
from playwright.sync_api import Page, expect

from scoring.pytorch.digits_input import read_digits
from tests.emulator.services.deployments import Workbench
from tests.waiting import until

from .accessibility import violations
from .conftest import Opener

ENDPOINTS = "/machine-learning/endpoints"


@pytest.fixture(scope="module")
def served(bench: Workbench) -> str:
    """An endpoint with one deployment that gets all the traffic."""
    name: str = bench.endpoint().name
    bench.deploy(name, "blue")
    bench.send_traffic(name, blue=100)
    return name


def draw_a_seven(page: Page) -> None:
    box = page.locator("canvas").bounding_box()
    assert box is not None
    points = [(0.25, 0.2), (0.75, 0.2), (0.45, 0.8)]
    places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in points]
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=8)
    page.mouse.up()


def test_an_endpoint_is_tested_by_drawing(open_portal: Opener, served: str) -> None:
    page = open_portal(f"{ENDPOINTS}/{served}/test")
    body = page.get_by_label("Input data (JSON)")
    result = page.locator("#answer")

    draw_a_seven(page)
    drawn = read_digits(body.input_value())
    assert drawn.shape == (1, 8, 8)
    assert drawn[0, 0].min() > 0  # a seven's bar
    assert drawn[0, 6:, :2].max() == 0

    page.get_by_role("button", name="Test").click()
    expect(result).to_contain_text("200")
    expect(result).to_contain_text("by the deployment blue")
    answer = json.loads(result.get_by_label("the answer", exact=True).inner_text())
    assert answer["asked"] == json.loads(body.input_value())

    # As a picture it is the same digit to the scoring script.
    page.get_by_label("Input as").select_option("image")
    sent = read_digits(body.input_value())
    assert np.abs(sent - drawn).max() <= 1

    page.get_by_role("button", name="Clear").click()
    canvas = page.locator("canvas")
    page.get_by_label("Input as").select_option("data")
    canvas.focus()
    for key in ("Space", "ArrowDown", "Space", "ArrowDown", "Space"):
        page.keyboard.press(key)
    one = read_digits(body.input_value())
    assert one[0, :, 3:5].sum() > one[0, :, :2].sum()


def test_a_picture_becomes_the_input(open_portal: Opener, served: str, tmp_path: Path) -> None:
    picture = Image.new("RGB", (90, 60), "navy")  # light on dark, and wider than high
    ImageDraw.Draw(picture).line([(30, 10), (60, 10), (40, 50)], "white", width=6)
    picture.save(tmp_path / "seven.png")
    encoded = base64.b64encode((tmp_path / "seven.png").read_bytes()).decode()
    page = open_portal(f"{ENDPOINTS}/{served}/test")
    body = page.get_by_label("Input data (JSON)")
    before = body.input_value()

    page.get_by_label("Image").set_input_files(tmp_path / "seven.png")

    expect(body).not_to_have_value(before)
    wanted = read_digits(json.dumps({"image": encoded}))
    assert np.abs(read_digits(body.input_value()) - wanted).max() <= 4


def test_what_an_endpoint_refuses_is_shown_as_azure_says_it(
    open_portal: Opener, bench: Workbench, served: str
) -> None:
    page = open_portal(f"{ENDPOINTS}/{served}/test")
    result = page.locator("#answer")
    page.get_by_label("Deployment").select_option("blue")
    page.get_by_label("Input data (JSON)").fill('{"raise": true}')
    page.get_by_role("button", name="Test").click()
    expect(result).to_contain_text("424")
    expect(result).to_contain_text("ms-azureml-model-error-statuscode")
    expect(result).to_contain_text("500")

    result.get_by_text("The same request with curl").click()
    command = result.get_by_label("the curl command", exact=True).inner_text()
    assert "azureml-model-deployment: blue" in command
    assert "az ml online-endpoint get-credentials" in command
    result.get_by_text("The same request in Python").click()
    program = result.get_by_label("the Python program", exact=True).inner_text()
    compile(program, "snippet", "exec")
    keys = bench.client.online_endpoints.get_keys(served)
    assert keys.primary_key not in page.content()


def test_the_python_of_the_page_runs(
    open_portal: Opener, served: str, capsys: pytest.CaptureFixture[str]
) -> None:
    page = open_portal(f"{ENDPOINTS}/{served}/consume")
    exec(page.get_by_label("the Python program", exact=True).inner_text(), {})
    told = capsys.readouterr().out
    assert "200 blue" in told
    assert '"greeting": "hello"' in told


def test_a_key_is_shown_when_asked_for_and_regenerated_when_confirmed(
    open_portal: Opener, ml_client: MLClient, bench: Workbench, served: str
) -> None:
    old = ml_client.online_endpoints.get_keys(served)
    page = open_portal(f"{ENDPOINTS}/{served}/consume")
    assert old.primary_key not in page.content()

    page.get_by_role("button", name="Show keys").click()
    expect(page.get_by_label("Primary key", exact=True)).to_have_text(old.primary_key)
    expect(page.get_by_label("Secondary key", exact=True)).to_have_text(old.secondary_key)
    page.get_by_role("link", name="Hide").click()
    assert old.primary_key not in page.content()

    page.get_by_role("button", name="Regenerate primary key", exact=True).click()
    page.get_by_role("button", name="Cancel").click()
    assert ml_client.online_endpoints.get_keys(served).primary_key == old.primary_key
    page.get_by_role("button", name="Regenerate primary key", exact=True).click()
    page.get_by_role("button", name="Regenerate", exact=True).click()
    until(lambda: ml_client.online_endpoints.get_keys(served).primary_key != old.primary_key)
    until(lambda: bench.caller(served)({}, key=old.primary_key).status_code == 401)


def test_a_token_is_fetched_when_asked_for(open_portal: Opener, bench: Workbench) -> None:
    page = open_portal(f"{ENDPOINTS}/{bench.endpoint(auth_mode='aml_token').name}/consume")
    expect(page.get_by_role("button", name="Regenerate primary key", exact=True)).to_have_count(0)
    page.get_by_role("button", name="Get a token").click()
    expect(page.get_by_label("Token", exact=True)).to_contain_text("eyJ")
    expect(page.get_by_text("It expires at")).to_be_visible()


@pytest.mark.parametrize("auth_mode", ["aml_token", "aad_token"])
def test_a_token_opens_the_endpoint(open_portal: Opener, bench: Workbench, auth_mode: str) -> None:
    page = open_portal(f"{ENDPOINTS}/{bench.endpoint(auth_mode=auth_mode).name}/test")
    page.get_by_role("button", name="Test", exact=True).click()
    expect(page.locator("#answer")).to_contain_text("404")  # not 401; it has no deployment
    expect(page.locator("#answer")).to_contain_text("No deployment takes this request")


def test_logs_follow_pause_and_filter(open_portal: Opener, bench: Workbench, served: str) -> None:
    ask = bench.caller(served)
    page = open_portal(f"{ENDPOINTS}/{served}/logs")
    log = page.get_by_role("log")
    expect(log).to_contain_text("init has read the model")
    ask({"first": 1})
    expect(log).to_contain_text("run was called with ['first']")
    assert log.evaluate("pane => pane.scrollTop + pane.clientHeight >= pane.scrollHeight - 8")

    log.evaluate("pane => { pane.scrollTop = 0; }")
    ask({"second": 1})
    expect(log).to_contain_text("run was called with ['second']")
    assert log.evaluate("pane => pane.scrollTop") == 0  # what is being read stays

    page.get_by_role("button", name="Pause").click()
    ask({"third": 1})
    page.get_by_label("Filter lines").fill("RUN WAS CALLED")
    expect(page.locator("[data-count]")).to_contain_text(" of ")
    assert all("run was called" in line for line in log.inner_text().splitlines())
    page.get_by_role("button", name="Pause").click()
    expect(log).to_contain_text("run was called with ['third']")

    page.get_by_role("link", name="storage-initializer").click()
    expect(page.get_by_role("log")).to_contain_text("greeting")


def test_monitoring_counts_requests_as_they_come(
    open_portal: Opener, bench: Workbench, served: str
) -> None:
    ask = bench.caller(served)
    ask({"n": 1})
    page = open_portal(f"{ENDPOINTS}/{served}/monitoring")
    row = page.get_by_role("row").filter(has=page.get_by_role("rowheader", name="blue")).first
    requests, errors = (row.get_by_role("cell").nth(column) for column in range(2))
    expect(requests).not_to_have_text("0")
    before = [int(cell.inner_text()) for cell in (requests, errors)]

    for _ in range(3):
        ask({"n": 1})
    ask({"raise": True})

    expect(requests).to_have_text(str(before[0] + 4))
    expect(errors).to_have_text(str(before[1] + 1))
    assert float(row.get_by_role("cell").nth(3).inner_text()) > 0  # p95
    expect(page.get_by_role("img", name="Latency of blue")).to_be_visible()
    page.get_by_text("Errors as a table").click()
    table = page.locator("table").filter(has_text="424 blue")
    expect(table).to_be_visible()
    ask({"n": 1})
    expect(requests).to_have_text(str(before[0] + 5))
    expect(table).to_be_visible()  # what was opened stays open


def test_no_page_width_or_theme_keeps_anybody_out(open_portal: Opener, served: str) -> None:
    here = f"{ENDPOINTS}/{served}"
    paths = ["/machine-learning", "/machine-learning/models", "/machine-learning/models/greeting"]
    paths += ["/machine-learning/environments", "/machine-learning/create-endpoint", here]
    paths += [
        f"{here}/{tab}" for tab in ("create-deployment", "test", "consume", "monitoring", "logs")
    ]
    page = open_portal()
    for path in paths:
        page.goto(path)
        for width, theme in ((400, "light"), (400, "dark"), (1600, "dark"), (1600, "light")):
            page.set_viewport_size({"width": width, "height": 900})
            page.emulate_media(color_scheme=theme)
            assert violations(page) == [], (path, width, theme)
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
