"""The static site: complete, with links that lead somewhere, without the network, accessible."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass, field
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from course import lessons
from course.site import build

# What a browser fetches by itself when it shows a page.
FETCHED = {
    "audio": "src",
    "embed": "src",
    "iframe": "src",
    "img": "src",
    "link": "href",
    "object": "data",
    "script": "src",
    "source": "src",
    "video": "src",
}
LESSONS = lessons.choose([], lessons.NOTEBOOKS, ".ipynb")
DOCUMENTS = sorted((lessons.ROOT / "docs").glob("*.md"))


@dataclass
class Page:
    """The elements of an HTML file in order: tag and attributes."""

    file: Path
    elements: list[tuple[str, dict[str, str | None]]] = field(default_factory=list)
    words: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        parser = HTMLParser()
        parser.handle_starttag = lambda tag, found: self.elements.append((tag, dict(found)))
        parser.handle_startendtag = parser.handle_starttag
        parser.handle_data = self.words.append
        parser.feed(self.file.read_text(encoding="utf-8"))

    def values(self, name: str) -> list[str]:
        """Every value that an attribute has on the page."""
        return [found[name] or "" for _, found in self.elements if name in found]

    @property
    def headings(self) -> list[int]:
        """Levels in order. Before the article stands what the theme shows in print alone."""
        tags = [tag for tag, _ in self.elements]
        start = tags.index("article") if "article" in tags else 0
        return [int(tag[1]) for tag in tags[start:] if re.fullmatch("h[1-6]", tag)]

    @property
    def text(self) -> str:
        return " ".join("".join(self.words).split())


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("built") / "site"
    assert build(target), "Sphinx warned; the lines above say of what"
    return target


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[Path, Page]:
    """Every page; the theme's templates among the static files are none."""
    files = [file for file in sorted(site.rglob("*.html")) if "_static" not in file.parts]
    return {file: Page(file) for file in files}


def test_every_lesson_and_document_is_there(site: Path, pages: dict[Path, Page]) -> None:
    start = site / "docs" / "index.html"
    linked = {(start.parent / link).resolve() for link in pages[start].values("href")} | {start}
    assert LESSONS
    assert DOCUMENTS
    for source in LESSONS + DOCUMENTS:
        page = (site / source.relative_to(lessons.ROOT)).with_suffix(".html")
        assert page in pages
        assert page in linked


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda file: file.stem)
def test_a_lesson_shows_its_stored_outputs(
    site: Path, pages: dict[Path, Page], lesson: Path
) -> None:
    shown = pages[site / "notebooks" / f"{lesson.stem}.html"]
    cells = json.loads(lesson.read_text(encoding="utf-8"))["cells"]
    outputs = [output for cell in cells for output in cell.get("outputs", [])]
    assert outputs
    for output in outputs:
        if output["output_type"] == "stream":
            for line in "".join(output["text"]).splitlines():
                plain = re.sub(r"\x1b\[[\d;]*m", "", line)
                assert " ".join(plain.split()) in shown.text
    pictures = [output for output in outputs if "image/png" in output.get("data", {})]
    alts = shown.values("alt")
    for picture in pictures:
        assert picture["metadata"]["image/png"]["alt"] in alts


def test_local_links_and_anchors_lead_somewhere(pages: dict[Path, Page]) -> None:
    broken = []
    for page in pages.values():
        for link in page.values("href") + page.values("src"):
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = page.file
            if parts.path:
                target = (page.file.parent / unquote(parts.path)).resolve()
            anchors = pages[target].values("id") if target in pages else []
            if not target.is_file() or (parts.fragment and unquote(parts.fragment) not in anchors):
                broken.append(f"{page.file.name}: {link}")
    assert broken == []


def test_nothing_is_fetched_from_another_site(site: Path, pages: dict[Path, Page]) -> None:
    fetched = [
        f"{page.file.name}: {found[FETCHED[tag]]}"
        for page in pages.values()
        for tag, found in page.elements
        if tag in FETCHED and urlsplit(found.get(FETCHED[tag]) or "").netloc
    ]
    assert fetched == []
    for sheet in site.rglob("*.css"):
        text = sheet.read_text(encoding="utf-8")
        assert not re.search(r"(@import|url\()\s*[\"']?(https?:)?//", text), sheet.name


def test_every_page_says_its_language_and_has_one_title(pages: dict[Path, Page]) -> None:
    assert pages
    for page in pages.values():
        tags = [tag for tag, _ in page.elements]
        assert dict(page.elements)["html"].get("lang") == "en", page.file.name
        assert page.headings.count(1) == 1, page.file.name
        assert tags.count("title") == 1, page.file.name


def test_headings_are_in_order(pages: dict[Path, Page]) -> None:
    assert pages
    for page in pages.values():
        assert page.headings[0] == 1, page.file.name
        jumps = [pair for pair in pairwise(page.headings) if pair[1] > pair[0] + 1]
        assert jumps == [], page.file.name


def test_every_picture_is_described(pages: dict[Path, Page]) -> None:
    pictures = [
        (page.file.name, found.get("src"), found.get("alt") or "")
        for page in pages.values()
        for tag, found in page.elements
        if tag == "img"
    ]
    assert len(pictures) > 10
    for page, source, alt in pictures:
        assert len(alt) > 5, (page, source)
        assert not re.search(r"\.(png|svg)$", alt), (page, alt)


def test_no_id_is_there_twice(pages: dict[Path, Page]) -> None:
    twice = [
        (page.file.name, name)
        for page in pages.values()
        for name, count in Counter(page.values("id")).items()
        if count > 1
    ]
    assert twice == []


def test_the_search_knows_the_lessons(site: Path) -> None:
    index = (site / "searchindex.js").read_text(encoding="utf-8")
    for word in ("notebooks/04-deployment", "docs/emulator", "deploy"):
        assert word in index
