"""The pictures of the portal that lessons and documents show, and whether they still are true.

Each scene is set up on a local Azure of its own with the course's programs, opened in Chromium, and
compared with what was there when its picture was taken: all that a reader sees or hears, with what
differs from run to run (numbers, generated names) left out. `make screenshots` takes them anew.

https://playwright.dev/python/docs/aria-snapshots
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from course.lessons import ROOT
from emulator.defaults import REGION, RESOURCE_GROUP, SUBSCRIPTION
from tests.azure import LocalAzure, azure_in

from .conftest import Portal

PICTURES = ROOT / "docs" / "images" / "portal"
SEEN = Path(__file__).parent / "seen"
TAKE = os.environ.get("TAKE_SCREENSHOTS") == "1"
WIDTH, HEIGHT = 1200, 800
COLOURS = 128
SHARPNESS = 1.5  # pixels of a picture for each of the page, in each direction
ENDPOINT = "digits-maria"
ENDPOINT_PAGE = f"/machine-learning/endpoints/{ENDPOINT}"
GROUP = "digits-group"
FORM = "main"  # without the portal's head, which says nothing in the fourth picture of a form

# What differs from run to run, and what stands for it.
VOLATILE = (
    (r"\d+ (s|min|h|d)\b", "AGE"),
    (r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", "ID"),
    (r"\b[0-9a-f]{7,64}\b", "HASH"),
    (r"managedEnvironment-\w+", "managedEnvironment-NAME"),
    (r"under \$", "$"),
    (r"\d+(\.\d+)*", "N"),
)


@dataclass(frozen=True)
class Scene:
    """`prepare` takes the page, which is open at `path`, to what the picture shows.

    The picture is of the element `part`, a CSS selector.
    """

    name: str
    path: str
    prepare: Callable[[Page], None]
    part: str = "body"


def as_it_is(page: Page) -> None:
    expect(page.get_by_role("heading", level=1)).to_be_visible()


# A four, as per cent of the drawing's width and height: one list for each stroke.
FOUR = (
    ((62, 8), (50, 24), (36, 42), (22, 60), (40, 61), (60, 61), (82, 61)),
    ((62, 36), (61, 60), (60, 78), (59, 94)),
)


def drawn_test(page: Page) -> None:
    page.get_by_label("Deployment").select_option("blue")
    box = page.locator("canvas").bounding_box()
    assert box
    for stroke in FOUR:
        points = [
            (box["x"] + box["width"] * x / 100, box["y"] + box["height"] * y / 100)
            for x, y in stroke
        ]
        page.mouse.move(*points[0])
        page.mouse.down()
        for point in points[1:]:
            page.mouse.move(*point, steps=4)
        page.mouse.up()
    page.get_by_role("button", name="Test", exact=True).click()
    expect(page.get_by_text("azureml-model-deployment").first).to_be_visible()


def traffic_being_moved(page: Page) -> None:
    page.get_by_role("spinbutton", name="blue").fill("20")
    page.get_by_role("spinbutton", name="green").fill("80")
    expect(page.locator("#traffic-form")).to_contain_text("Sum: 100 %")


def running_group(page: Page) -> None:
    expect(page.get_by_text("Running").first).to_be_visible()


def basics(page: Page) -> None:
    page.get_by_label("Container app name").fill("mine-maria")
    page.get_by_label("Container Apps environment").select_option(
        label=f"{ENDPOINT} ({RESOURCE_GROUP})"
    )


def container(page: Page) -> None:
    basics(page)
    page.get_by_role("button", name="Next: Container").click()
    page.get_by_label("Simple hello world container").uncheck()
    page.get_by_label("Name", exact=True).fill("digits")
    page.get_by_label("Registry", exact=True).select_option("digitsgroup.azurecr.io")
    page.get_by_label("Image", exact=True).select_option("digits")
    page.get_by_label("Image tag").select_option("1")
    page.get_by_label("CPU and Memory").select_option(label="0.5 CPU cores, 1 Gi memory")
    page.get_by_label("Name of variable 1").fill("APP_VERSION")
    page.get_by_label("Value of variable 1").fill("1")


def ingress(page: Page) -> None:
    container(page)
    page.get_by_role("button", name="Next: Ingress").click()
    page.get_by_role("checkbox", name="Enabled").check()
    page.get_by_label("Accepting traffic from anywhere").check()
    page.get_by_label("Target port").fill("8080")


def review(page: Page) -> None:
    ingress(page)
    page.get_by_role("button", name="Next: Review + create").click()
    expect(page.get_by_text("Validation passed")).to_be_visible()


SCENES = (
    Scene("home", "/", as_it_is),
    Scene("endpoint-new", "/machine-learning/endpoints/digits-new", as_it_is),
    Scene("endpoint-test", f"{ENDPOINT_PAGE}/test", drawn_test),
    Scene("endpoint-traffic", ENDPOINT_PAGE, traffic_being_moved),
    Scene("container-group", f"/container-instances/{RESOURCE_GROUP}/{GROUP}", running_group),
    Scene("app-basics", "/container-apps/create", basics, FORM),
    Scene("app-container", "/container-apps/create", container, FORM),
    Scene("app-ingress", "/container-apps/create", ingress, FORM),
    Scene("app-review", "/container-apps/create", review, FORM),
)


@pytest.fixture(scope="module")
def azure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAzure]:
    """A local Azure in which the course's programs have made what the scenes show."""
    folder = tmp_path_factory.mktemp("scenes")
    with azure_in(folder / "azure", {"AZURE_LOCAL_CONTAINERS": "process"}) as azure:
        model = folder / "model"
        run("train", "--framework", "pytorch", "--output", str(model), "--epochs", "5")
        run("create_endpoint", ENDPOINT, "--model-path", str(model))
        container = start("create_container", GROUP, "--model-path", str(model / "digits.pt"))
        run("create_endpoint", ENDPOINT, "--deployment", "green")
        create_endpoint("digits-new")
        create_environment(ENDPOINT)  # of the same name, as in lesson 07
        assert container.wait(timeout=300) == 0
        yield azure


def start(program: str, *arguments: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-m", f"scoring.{program}", *arguments], cwd=ROOT)


def run(program: str, *arguments: str) -> None:
    assert start(program, *arguments).wait(timeout=300) == 0


def create_endpoint(name: str) -> None:
    from azure.ai.ml.entities import ManagedOnlineEndpoint

    from tests.azure import course_client

    endpoint = ManagedOnlineEndpoint(name=name, auth_mode="key")
    course_client().online_endpoints.begin_create_or_update(endpoint).result()


def create_environment(name: str) -> None:
    from azure.identity import DefaultAzureCredential
    from azure.mgmt.appcontainers import ContainerAppsAPIClient
    from azure.mgmt.appcontainers.models import ManagedEnvironment

    client = ContainerAppsAPIClient(DefaultAzureCredential(), SUBSCRIPTION)
    environment = ManagedEnvironment(location=REGION)
    client.managed_environments.begin_create_or_update(RESOURCE_GROUP, name, environment).result()


@pytest.fixture(scope="module")
def scenery(azure: LocalAzure, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    portal = Portal(tmp_path_factory.mktemp("portal"))
    yield portal
    portal.stop()


@pytest.mark.slow
@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.name)
def test_the_picture_shows_what_is_there(scenery: Portal, browser: Browser, scene: Scene) -> None:
    page = browser.new_page(
        viewport={"width": WIDTH, "height": HEIGHT},
        device_scale_factor=SHARPNESS,
        base_url=scenery.url,
    )
    page.goto(scenery.link)
    page.goto(scene.path)
    scene.prepare(page)
    seen = steady(page.locator("main").aria_snapshot())
    file = SEEN / f"{scene.name}.yaml"
    if TAKE:
        SEEN.mkdir(exist_ok=True)
        file.write_text(seen, encoding="utf-8")
        store(page.locator(scene.part).screenshot(), PICTURES / f"{scene.name}.png")
    page.close()
    assert (PICTURES / f"{scene.name}.png").exists()
    assert seen == file.read_text(encoding="utf-8"), "Take the pictures anew: make screenshots"


def store(picture: bytes, file: Path) -> None:
    """Write a picture with a palette: a page has few colours, and the file is a third as large."""
    image = Image.open(BytesIO(picture)).convert("RGB")
    image.quantize(COLOURS, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE).save(
        file, optimize=True
    )


def steady(snapshot: str) -> str:
    """Return the snapshot without what differs from run to run."""
    for pattern, stands_for in VOLATILE:
        snapshot = re.sub(pattern, stands_for, snapshot)
    return f"{snapshot}\n"


def test_every_picture_is_of_a_scene() -> None:
    assert {file.stem for file in PICTURES.glob("*.png")} == {scene.name for scene in SCENES}
