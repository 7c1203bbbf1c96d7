"""`course run`: every lesson in order with papermill, against one place."""

from __future__ import annotations

import base64
import json
import re
import shutil
import sys
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass
from html import escape
from pathlib import Path

import click
import nbformat
from nbconvert import HTMLExporter
from nbformat import NotebookNode
from nbval.plugin import coalesce_streams
from rich.console import Console
from rich.table import Table

from course import kernels
from course.execution import LessonFailedError, execute
from course.notebooks import WIDGET
from course.places import TITLES, open_place

# What nbconvert writes for a figure without a description.
PICTURES = {".svg": "image/svg+xml", ".png": "image/png"}  # that lessons link, and their types
UNDESCRIBED = "No description has been provided for this image"


@dataclass(frozen=True)
class Result:
    """What summary.json holds of a lesson; wall time in seconds."""

    lesson: str
    seconds: float
    ok: bool


def run(lessons: Sequence[Path], kernel: str, target: Path) -> bool:
    """Execute `lessons` until one fails; write copies, HTML pages and summary.json into `target`.

    Return whether all succeeded. Raises PlaceError.
    """
    kernels.install()
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    results: list[Result] = []
    failure: str | None = None
    click.echo(f"{len(lessons)} lesson{'s' * (len(lessons) > 1)} on {TITLES[kernel]}")
    with open_place(kernel, lessons[0].parent), ThreadPoolExecutor(max_workers=1) as exporter:
        pages: list[Future[None]] = []
        for lesson in lessons:
            copy = target / lesson.name
            started = time.monotonic()
            if not sys.stdout.isatty():  # where there is no progress bar
                click.echo(lesson.stem)
            try:
                execute(lesson, copy, kernel, lesson.parent)
            except LessonFailedError as error:
                failure = str(error)
            results.append(Result(lesson.stem, round(time.monotonic() - started, 2), not failure))
            _write_summary(results, target / "summary.json")
            if copy.exists():
                # The page is made while the next lesson's kernel starts.
                pages.append(exporter.submit(write_page, copy, lesson.parent))
            if failure:
                break
        for page in pages:
            page.result()
    _print_table(results, planned=lessons)
    if failure:
        click.echo(f"\n{failure}\n", err=True)
        click.echo(f"The lesson as far as it went: {target / results[-1].lesson}.html", err=True)
    else:
        click.echo(f"Executed lessons and a page for each: {target}")
    return failure is None


def write_page(notebook: Path, folder: Path) -> None:
    """Write an HTML page beside an executed notebook, with the pictures that it links to."""
    content = nbformat.read(notebook, as_version=4)
    # A widget without its kernel is dead, and its script would come from a foreign server.
    content.metadata.pop("widgets", None)
    for cell in content.cells:
        if cell.cell_type == "markdown":
            _attach_pictures(cell, folder)
        if "outputs" in cell:
            # A line that was written over and over is shown once, as a terminal does.
            cell.outputs = coalesce_streams(cell.outputs)
        for output in cell.get("outputs", []):
            output.get("data", {}).pop(WIDGET, None)
    page, _ = HTMLExporter().from_notebook_node(
        content, resources={"metadata": {"name": notebook.stem}}
    )
    notebook.with_suffix(".html").write_text(_describe(page, content), encoding="utf-8")


def _attach_pictures(cell: NotebookNode, folder: Path) -> None:
    """Put the pictures that a markdown cell links, relative to `folder`, into the cell."""

    def attach(link: re.Match[str]) -> str:
        picture = folder / link["target"]
        if not picture.is_file():
            return link[0]
        data = base64.b64encode(picture.read_bytes()).decode()
        cell.setdefault("attachments", {})[picture.name] = {PICTURES[picture.suffix]: data}
        return f"![{link['alt']}](attachment:{picture.name})"

    cell.source = re.sub(
        r"!\[(?P<alt>[^]]*)\]\((?P<target>[^)]+\.(svg|png))\)", attach, cell.source
    )


def _describe(page: str, notebook: NotebookNode) -> str:
    """Give each figure the description in its output's metadata, which this template leaves out."""
    descriptions = iter(
        output.metadata.get("image/png", {}).get("alt", UNDESCRIBED)
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if "image/png" in output.get("data", {})
    )
    return re.sub(
        f'alt="{UNDESCRIBED}"',
        lambda _: f'alt="{escape(next(descriptions, UNDESCRIBED))}"',
        page,
    )


def _write_summary(results: Sequence[Result], file: Path) -> None:
    file.write_text(json.dumps([asdict(result) for result in results], indent=1) + "\n")


def _print_table(results: Sequence[Result], planned: Sequence[Path]) -> None:
    table = Table()
    table.add_column("lesson")
    table.add_column("seconds", justify="right")
    table.add_column("result")
    for result in results:
        shown = "[green]ok[/]" if result.ok else "[red]failed[/]"
        table.add_row(result.lesson, f"{result.seconds:.1f}", shown)
    for lesson in planned[len(results) :]:
        table.add_row(lesson.stem, "", "not run")
    table.add_section()
    table.add_row("total", f"{sum(result.seconds for result in results):.1f}", "")
    Console().print(table)
