"""The drawings are readable: on white and on black, and by those who do not see them."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from course.lessons import ROOT
from tests.contrast import contrast

SVG = "{http://www.w3.org/2000/svg}"
DRAWINGS = sorted((ROOT / "docs" / "images").glob("*.svg"))
SMALLEST = 12  # px
CONTRAST = 4.5  # WCAG 2.2, success criterion 1.4.3
THEMES = ["light", "dark"]

Rules = dict[str, dict[str, str]]


class Drawing:
    """An SVG file as one theme shows it."""

    def __init__(self, file: Path, theme: str) -> None:
        self.root = ElementTree.parse(file).getroot()
        style = self.root.findtext(f"{SVG}style") or ""
        light, _, dark = style.partition("@media (prefers-color-scheme: dark)")
        self.rules = rules(light)
        if theme == "dark":
            for selector, properties in rules(dark).items():
                self.rules.setdefault(selector, {}).update(properties)

    def texts(self) -> list[ElementTree.Element]:
        return list(self.root.iter(f"{SVG}text"))

    def value(self, element: ElementTree.Element, name: str) -> str | None:
        """A property: what the last class says, else the element's name, else its attribute."""
        tag = element.tag.removeprefix(SVG)
        selectors = [tag, *(f".{one}" for one in element.get("class", "").split())]
        found = [self.rules[s][name] for s in selectors if name in self.rules.get(s, {})]
        return found[-1] if found else element.get(name)

    def behind(self, text: ElementTree.Element) -> str:
        """The colour under a text's beginning: of the last filled shape drawn before it."""
        x, y = float(text.get("x", 0)), float(text.get("y", 0))
        colour = ""
        for element in self.root.iter():
            if element is text:
                break
            fill = self.value(element, "fill")
            if covers(element, x, y) and fill and fill != "none":
                colour = fill
        return colour


def rules(style: str) -> Rules:
    found: Rules = {}
    for selector, body in re.findall(r"([.\w]+) \{([^{}]*)\}", style):
        for name, value in re.findall(r"([\w-]+): ([^;]+);", body):
            if name == "font":
                name, value = "font-size", value.split()[0]
            found.setdefault(selector, {})[name] = value
    return found


def covers(element: ElementTree.Element, x: float, y: float) -> bool:
    def number(name: str) -> float:
        return float(element.get(name, 0))

    if element.tag == f"{SVG}rect":
        right, bottom = number("x") + number("width"), number("y") + number("height")
        return number("x") <= x <= right and number("y") <= y <= bottom
    if element.tag == f"{SVG}circle":
        return (x - number("cx")) ** 2 + (y - number("cy")) ** 2 <= number("r") ** 2
    return False


@pytest.fixture(params=DRAWINGS, ids=lambda file: file.stem)
def file(request: pytest.FixtureRequest) -> Path:
    return request.param


def test_a_ratio_that_is_known() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


def test_it_is_described(file: Path) -> None:
    root = Drawing(file, "light").root
    assert root.get("role") == "img"
    named = {element.get("id"): element.text or "" for element in root.iter()}
    labels = (root.get("aria-labelledby") or "").split()
    assert labels == ["title", "desc"]
    assert len(named["title"]) > 5
    assert len(named["desc"]) > 40


def test_it_loads_nothing_and_runs_nothing(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    assert not re.search(r"(href|src)=|url\((?!#)|<script|@import", text)


@pytest.mark.parametrize("theme", THEMES)
def test_text_is_large_and_stands_out(file: Path, theme: str) -> None:
    drawing = Drawing(file, theme)
    assert len(drawing.texts()) > 5
    for text in drawing.texts():
        words = "".join(text.itertext())
        size = (drawing.value(text, "font-size") or "0").removesuffix("px")
        assert float(size) >= SMALLEST, words
        for part in [text, *text]:
            colour = drawing.value(part, "fill") or drawing.value(text, "fill")
            assert colour, words
            assert contrast(colour, drawing.behind(text)) >= CONTRAST, (words, colour)


def test_it_has_a_ground_of_its_own(file: Path) -> None:
    """So that it can be read on any page, also where the page's theme is not the system's."""
    drawing = Drawing(file, "light")
    _, _, width, height = map(float, drawing.root.get("viewBox", "").split())
    first = next(drawing.root.iter(f"{SVG}rect"))
    assert drawing.value(first, "fill") not in (None, "none")
    assert float(first.get("width", 0)) >= width - 1
    assert float(first.get("height", 0)) >= height - 1
