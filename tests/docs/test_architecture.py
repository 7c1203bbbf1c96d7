"""The page on the architecture names what is there, and every room there is."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest

from course.lessons import ROOT

PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
DRAWING = ElementTree.parse(ROOT / "docs" / "images" / "rooms.svg").getroot()
DRAWN = " ".join(element.text or "" for element in DRAWING.iter("{http://www.w3.org/2000/svg}text"))
PACKAGES = ["course", "emulator", "helpers", "portal", "practice", "scoring"]
# As `emulator/arm/http.py`, `notebooks/src/` and `README.md`; a name to be chosen has NN in it.
PATH = re.compile(r"`([\w.-]+(?:/[\w.-]+)*/|[\w.-]+(?:/[\w.-]+)+|[A-Z]\w+\.md|pyproject\.toml)`")


def rooms(package: str) -> list[str]:
    """The folders of code right below a package, as "name/"."""
    found = (ROOT / package).iterdir()
    return sorted(f"{each.name}/" for each in found if any(each.glob("*.py")))


def test_what_it_names_is_there() -> None:
    named = [path for path in PATH.findall(PAGE) if "NN" not in path]
    inside = {"scoring/", "ingress/", "routes/", "engine/", "process/", "blobs/"}
    assert len(named) > 100
    assert [path for path in named if path not in inside and not (ROOT / path).exists()] == []


@pytest.mark.parametrize("package", PACKAGES)
def test_it_names_every_room(package: str) -> None:
    assert f"`{package}/`" in PAGE
    missing = [room for room in rooms(package) if f"`{package}/{room}" not in PAGE]
    assert missing == []


def test_the_drawing_has_every_room_of_local_azure() -> None:
    services = [
        *rooms("emulator/services"),
        *(file.name for file in (ROOT / "emulator" / "services").glob("[a-z]*.py")),
    ]
    assert len(services) > 5
    wanted = {*rooms("emulator"), *services, "notebooks/", *(f"{name}/" for name in PACKAGES)}
    desc = DRAWING.findtext("{http://www.w3.org/2000/svg}desc") or ""
    assert {room for room in wanted if room not in DRAWN and room not in desc} <= {"emulator/"}


def test_every_class_and_function_that_a_recipe_names_is_there() -> None:
    recipes = PAGE.partition("## Add an operation")[2]
    code = "\n".join(
        file.read_text(encoding="utf-8")
        for package in ["emulator", "practice", "tests"]
        for file in (ROOT / package).rglob("*.py")
    )
    named = ["Fields", "not_emulated", "Move", "Lifecycle", "begin", "accepted", "apply", "private"]
    named += ["another_azure", "predict", "compare"]
    assert [name for name in named if name not in recipes] == []
    assert [n for n in named if not re.search(rf"(def|class) {n}\b|\b{n}: ", code)] == []
