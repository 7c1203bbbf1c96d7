"""The drawing pad in JupyterLab: a digit drawn with the mouse is sent to a real endpoint."""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pytest
import requests
from azure.ai.ml.constants import AssetTypes
from azure.ai.ml.entities import CodeConfiguration, ManagedOnlineDeployment, Model
from playwright.sync_api import Browser, Locator, expect

from helpers.workspace import SCORING, ensure_endpoint, environment
from scoring.train import load_digits_split, save, train

from .conftest import Opener
from .lab_page import LabPage

if TYPE_CHECKING:
    from azure.ai.ml import MLClient

# Points on the paper, 0 to 1, right and down.
ONE = [[(0.42, 0.32), (0.55, 0.18), (0.55, 0.85)]]
SEVEN = [[(0.25, 0.2), (0.75, 0.18), (0.4, 0.85)], [(0.35, 0.5), (0.68, 0.5)]]
ZERO = [[(0.5 + 0.2 * np.sin(t), 0.5 - 0.35 * np.cos(t)) for t in np.linspace(0, 6.3, 30)]]

ASK = """\
import requests
from practice.widgets.pad import DrawingPad

def classify(image):
    headers = {{"Authorization": "Bearer {key}"}}
    answer = requests.post("{url}", json={{"data": image.tolist()}}, headers=headers, timeout=30)
    answer.raise_for_status()
    return answer.json()["predictions"][0]["probabilities"]

pad = DrawingPad(classify)
pad"""
SENT = "print(pad.image.ravel().tolist())"


@pytest.fixture(scope="module")
def endpoint(
    browser: Browser, ml_client: MLClient, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, str]:
    """The url and a key of an endpoint with the trained PyTorch model behind it."""
    name = f"digits-{secrets.token_hex(3)}"
    folder = tmp_path_factory.mktemp("model") / name
    save(train("pytorch", load_digits_split()), folder)
    ensure_endpoint(ml_client, name)
    needs = environment("pytorch")
    needs.name = f"{name}-env"
    deployment = ManagedOnlineDeployment(
        name="blue",
        endpoint_name=name,
        model=Model(name=name, path=folder, type=AssetTypes.CUSTOM_MODEL),
        environment=needs,
        code_configuration=CodeConfiguration(
            code=str(SCORING / "pytorch"), scoring_script="score.py"
        ),
        instance_type="Standard_D4as_v4",
        instance_count=1,
    )
    ml_client.online_deployments.begin_create_or_update(deployment).result()
    made = ml_client.online_endpoints.get(name)
    made.traffic = {"blue": 100}
    ml_client.online_endpoints.begin_create_or_update(made).result()
    keys = ml_client.online_endpoints.get_keys(name)
    return {"url": made.scoring_uri, "key": keys.primary_key}


def draw(pad: Locator, strokes: Sequence[Sequence[tuple[float, float]]]) -> None:
    """Draw with the mouse, point by point."""
    paper = pad.get_by_role("application")
    paper.scroll_into_view_if_needed()
    box = paper.bounding_box()
    assert box is not None
    mouse = pad.page.mouse
    for stroke in strokes:
        places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in stroke]
        mouse.move(*places[0])
        mouse.down()
        for place in places[1:]:
            mouse.move(*place, steps=5)
        mouse.up()


def shown(pad: Locator, digit: int) -> tuple[int, list[float]]:
    """The digit and the ten probabilities on the page, once that digit is there."""
    told = pad.locator(".result")
    expect(told).to_have_text(re.compile(rf"It looks like a {digit} "), timeout=15_000)
    numbers = pad.locator("td.number").all_inner_texts()
    best = int(pad.locator("tr.best th").inner_text())
    return best, [float(number.removesuffix(" %")) / 100 for number in numbers]


def image_sent(lab: LabPage, cell: int) -> np.ndarray:
    return np.array(re.findall(r"[\d.]+", lab.run(cell).inner_text()), dtype=float).reshape(8, 8)


def test_what_is_drawn_with_the_mouse_is_what_the_endpoint_says(
    open_cells: Opener, endpoint: dict[str, str]
) -> None:
    lab = open_cells(ASK.format(**endpoint), *[SENT] * 3)
    pad = lab.run(0).locator(".course-pad")
    for cell, (digit, strokes) in enumerate({1: ONE, 7: SEVEN, 0: ZERO}.items(), start=1):
        draw(pad, strokes)
        best, probabilities = shown(pad, digit)
        image = image_sent(lab, cell)
        headers = {"Authorization": f"Bearer {endpoint['key']}"}
        body = {"data": image.tolist()}
        answer = requests.post(endpoint["url"], json=body, headers=headers, timeout=30)
        (direct,) = answer.json()["predictions"]
        assert best == direct["digit"] == digit
        assert probabilities == pytest.approx(direct["probabilities"], abs=0.001)
        expect(pad.get_by_role("row").nth(digit)).to_have_class(re.compile("best"))
        pad.get_by_role("button", name="Clear").click()
        expect(pad.locator(".result")).to_have_text("Draw a digit from 0 to 9.")
        assert pad.locator("td.number").all_inner_texts() == [""] * 10


STAND_IN = """\
from practice.widgets.pad import DrawingPad

def classify(image):
    return [0.1] * 9 + [0.1 + image.max() / 1000]

pad = DrawingPad(classify)
pad"""


def test_a_digit_is_painted_with_the_keyboard_alone(open_cells: Opener) -> None:
    """A one: seven cells down the fourth column."""
    lab = open_cells(STAND_IN, "print(pad.image.round().astype(int).tolist())")
    pad = lab.run(0).locator(".course-pad")
    paper = pad.get_by_role("application")
    paper.focus()
    expect(paper).to_have_accessible_description(re.compile("arrow keys"))
    for key in ["ArrowRight"] * 3 + ["ArrowDown", "Space"] * 7:
        lab.page.keyboard.press(key)
    expect(pad.get_by_role("status").first).to_have_text("Row 8, column 4: painted")
    expect(paper).to_be_focused()
    lab.page.keyboard.press("Enter")
    expect(pad.locator(".result")).to_have_text("It looks like a 9 (11.6 %).")
    printed = lab.run(1).inner_text()
    assert printed.startswith("[[0, 0, 2, 16, 16, 2, 0, 0], [0, 0, 4, 16, 16, 4, 0, 0]")
    paper.focus()
    lab.page.keyboard.press("Escape")
    expect(pad.locator(".result")).to_have_text("Draw a digit from 0 to 9.")


def test_what_goes_wrong_is_shown_with_what_to_do(open_cells: Opener) -> None:
    lab = open_cells(
        STAND_IN,
        "def fail(image): raise KeyError('predictions')\npad.classify = fail",
        "import requests\n"
        "pad.classify = lambda image: requests.post('http://127.0.0.1:9/score', timeout=5)",
    )
    pad = lab.run(0).locator(".course-pad")
    for cell, told in {1: "classify(pad.image)", 2: "Nothing answers at the address"}.items():
        lab.run(cell)
        draw(pad, ONE)
        expect(pad.locator(".result")).to_contain_text("Error. ")
        expect(pad.locator(".result")).to_contain_text(told)
        assert pad.locator("td.number").all_inner_texts() == [""] * 10
