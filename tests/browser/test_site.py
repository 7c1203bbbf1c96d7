"""The static site in a browser: what it fetches, whether it can be read and used by keyboard."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Request

from course import lessons
from course.site import build

# Every text on the page whose contrast with what is behind it is below 4.5, or 3 where it is large
# (WCAG 2.2, success criterion 1.4.3). Text over pictures is not judged.
FAINT = """() => {
  const parse = colour => (colour.match(/[\\d.]+/g) || [0, 0, 0, 0]).map(Number);
  const over = (top, under) => {
    const alpha = top[3] ?? 1;
    return [0, 1, 2].map(i => top[i] * alpha + under[i] * (1 - alpha));
  };
  const ground = element => {
    if (!element) return [255, 255, 255];
    const own = parse(getComputedStyle(element).backgroundColor);
    return (own[3] ?? 1) === 1 ? own : over(own, ground(element.parentElement));
  };
  const luminance = colour => {
    const [r, g, b] = colour.map(part => {
      part /= 255;
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const found = new Map();
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    const words = walker.currentNode.textContent.trim();
    if (!words || !element.checkVisibility({opacityProperty: true, visibilityProperty: true}))
      continue;
    const style = getComputedStyle(element);
    const size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    const under = ground(element);
    const [dark, light] = [luminance(over(parse(style.color), under)), luminance(under)].sort(
      (a, b) => a - b);
    const ratio = (light + 0.05) / (dark + 0.05);
    if (ratio < (large ? 3 : 4.5))
      found.set(`${element.className} ${style.color} ${ratio.toFixed(2)}`, words.slice(0, 40));
  }
  return [...found].map(pair => pair.join(": "));
}"""

NAMELESS = """() => [...document.querySelectorAll("a[href], button, input, select")]
  .filter(element => element.checkVisibility({visibilityProperty: true}))
  .filter(element => !(element.ariaLabel || element.title || element.textContent.trim()
    || element.placeholder || element.dataset.bsTitle || element.querySelector("img[alt]")
    || element.labels?.length))
  .map(element => element.outerHTML.slice(0, 120))"""

WIDER = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("built") / "site"
    assert build(target)
    return target


@pytest.fixture(params=["light", "dark"])
def theme(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def page(browser: Browser, theme: str) -> Iterator[Page]:
    page = browser.new_page(viewport={"width": 900, "height": 900}, color_scheme=theme)
    yield page
    page.close()


def addresses(site: Path) -> list[str]:
    sources = lessons.choose([], lessons.NOTEBOOKS, ".ipynb")
    sources += (lessons.ROOT / "docs").glob("*.md")
    pages = [(site / file.relative_to(lessons.ROOT)).with_suffix(".html") for file in sources]
    return [file.as_uri() for file in pages]


def test_every_page_reads_well_and_stays_at_home(site: Path, page: Page, theme: str) -> None:
    away: list[str] = []
    errors: list[str] = []

    def keep(request: Request) -> None:
        if not request.url.startswith(("file:", "data:", "blob:")):
            away.append(request.url)

    page.on("request", keep)
    page.on("pageerror", lambda error: errors.append(str(error)))
    problems = {}
    for address in addresses(site):
        page.goto(address)
        assert page.locator("html").get_attribute("data-theme") == theme
        found = {
            "faint": page.evaluate(FAINT),
            "nameless": page.evaluate(NAMELESS),
            "scrolls sideways": page.evaluate(WIDER),
        }
        problems[address.rsplit("/", 1)[-1]] = {kind: what for kind, what in found.items() if what}
    assert {name: found for name, found in problems.items() if found} == {}
    assert away == []
    assert errors == []


def test_by_keyboard_to_the_text_and_to_another_page(site: Path, page: Page) -> None:
    page.goto((site / "docs" / "index.html").as_uri())
    page.keyboard.press("Tab")
    first = page.locator(":focus")
    assert first.inner_text().strip() == "Skip to main content"
    page.keyboard.press("Enter")
    assert page.evaluate("location.hash") == "#main-content"
    link = page.locator("article a[href*='00-train-and-register']").first
    link.focus()
    outline = link.evaluate(
        "one => [getComputedStyle(one).outlineStyle, getComputedStyle(one).boxShadow]"
    )
    assert outline != ["none", "none"]
    page.keyboard.press("Enter")
    page.wait_for_url("**/00-train-and-register.html")


def test_search_finds_a_lesson(site: Path, page: Page) -> None:
    page.goto((site / "search.html").as_uri() + "?q=container")
    results = page.locator("#search-results li a")
    results.first.wait_for()
    assert any("06" in text for text in results.all_inner_texts())
