"""`course run`: what a reader gets of lessons that succeed, and of one that does not."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import pytest

from course.execution import LessonFailedError, execute
from course.notebooks import WIDGET
from course.running import UNDESCRIBED, write_page
from emulator import daemon
from emulator.home import Home
from tests.waiting import until

from .conftest import course, notebook

pytestmark = pytest.mark.usefixtures("kernelspecs")


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(course("run", *arguments), capture_output=True, text=True, check=False)


def test_every_lesson_leaves_a_copy_a_page_and_a_line_in_the_summary(
    home: Home, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "old.html").touch()
    (tmp_path / "lessons").mkdir()
    (tmp_path / "lessons" / "data.txt").write_text("beside the lesson")
    first = notebook(tmp_path / "lessons" / "00-first.ipynb", "open('data.txt').read()")
    second = notebook(
        tmp_path / "lessons" / "01-second.ipynb", "import os; os.environ['AZUREML_WORKSPACE']"
    )
    began = time.monotonic()
    done = run("--output", out, first, second)
    took = time.monotonic() - began
    assert done.returncode == 0, done.stderr
    summary = json.loads((out / "summary.json").read_text())
    assert [(entry["lesson"], entry["ok"]) for entry in summary] == [
        ("00-first", True),
        ("01-second", True),
    ]
    assert all(entry["seconds"] > 0 for entry in summary)
    assert sum(entry["seconds"] for entry in summary) < took
    assert sorted(file.name for file in out.iterdir()) == [
        "00-first.html",
        "00-first.ipynb",
        "01-second.html",
        "01-second.ipynb",
        "summary.json",
    ]
    assert "beside the lesson" in (out / "00-first.html").read_text()
    assert "mlw-deploying-models" in (out / "01-second.html").read_text()
    assert "00-first" in done.stdout
    assert "total" in done.stdout
    assert daemon.running(home) is None, "what the command started it also stops"


def test_a_failing_cell_stops_the_run_and_is_shown_in_plain_words(
    home: Home, tmp_path: Path
) -> None:
    bad = notebook(
        tmp_path / "01-bad.ipynb",
        "def divide(number):\n    return 1 / number",
        "print('before')\ndivide(\n    0)",
        "print('never')",
    )
    never = notebook(tmp_path / "02-never.ipynb", "1")
    done = run("--output", tmp_path / "out", bad, never)
    assert done.returncode == 1
    told = done.stderr.split("The lesson as far as it went")[0]
    assert told == (
        "\n01-bad stopped at cell 2:\n\n"
        "    1  print('before')\n"
        ">   2  divide(\n"
        "    3      0)\n\n"
        "  ZeroDivisionError: division by zero\n\n"
    )
    assert "not run" in done.stdout
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert [(entry["lesson"], entry["ok"]) for entry in summary] == [("01-bad", False)]
    copy = nbformat.read(tmp_path / "out" / "01-bad.ipynb", as_version=4)
    outputs = [output for cell in copy.cells for output in cell.get("outputs", [])]
    assert any(output.get("text") == "before\n" for output in outputs)
    assert (tmp_path / "out" / "01-bad.html").exists()
    assert daemon.running(home) is None


def test_a_kernel_that_dies_is_told_with_its_cell(home: Home, tmp_path: Path) -> None:
    dying = notebook(tmp_path / "00-dying.ipynb", "1 + 1", "import os; os._exit(1)")
    done = run("--output", tmp_path / "out", dying)
    assert done.returncode == 1
    assert "00-dying stopped at cell 2:" in done.stderr
    assert "The kernel died while this cell ran" in done.stderr
    assert "Traceback" not in done.stderr


# A kernel that ends while it starts, for as many times as its first argument says.
FALTERING = """
import pathlib, runpy, sys
failures, starts = int(sys.argv.pop(1)), pathlib.Path(sys.argv.pop(1))
with starts.open("a") as file:
    file.write("x")
if len(starts.read_text()) <= failures:
    sys.exit("a port that was taken meanwhile")
runpy.run_module("ipykernel_launcher", run_name="__main__")
"""


def run_faltering(kernelspecs: Path, folder: Path, failures: int) -> Path:
    """Execute a lesson on such a kernel; the copy with its outputs, `starts` beside it."""
    folder_of_kernel = kernelspecs / "share" / "jupyter" / "kernels" / "faltering"
    folder_of_kernel.mkdir()
    starts = str(folder / "starts")
    argv = [sys.executable, "-c", FALTERING, str(failures), starts, "-f", "{connection_file}"]
    (folder_of_kernel / "kernel.json").write_text(
        json.dumps({"argv": argv, "display_name": "Faltering", "language": "python"})
    )
    output = folder / "executed.ipynb"
    execute(notebook(folder / "00-lesson.ipynb", "print('it ran')"), output, "faltering", folder)
    return output


def test_a_kernel_that_ends_while_it_starts_is_started_once_more(
    tmp_path: Path, kernelspecs: Path
) -> None:
    assert "it ran" in run_faltering(kernelspecs, tmp_path, failures=1).read_text()
    assert len((tmp_path / "starts").read_text()) == 2


def test_a_kernel_that_ends_while_it_starts_twice_is_told_with_its_log(
    tmp_path: Path, kernelspecs: Path
) -> None:
    with pytest.raises(LessonFailedError, match="its kernel did not start") as failed:
        run_faltering(kernelspecs, tmp_path, failures=2)
    assert len((tmp_path / "starts").read_text()) == 2
    log = tmp_path / "executed.log"
    assert str(log) in str(failed.value)
    assert "a port that was taken meanwhile" in log.read_text()


def test_an_unknown_lesson_is_told_with_those_there_are(home: Home) -> None:
    done = run("77")
    assert done.returncode == 1
    assert "There is no lesson '77'. There are:" in done.stderr


@pytest.mark.skipif(os.name == "nt", reason="Windows ends a process without telling it")
def test_a_run_that_is_stopped_stops_what_it_started(home: Home, tmp_path: Path) -> None:
    waiting = notebook(
        tmp_path / "00-waiting.ipynb",
        "import os, pathlib, time\n"
        "pathlib.Path('pid').write_text(str(os.getpid()))\n"
        "time.sleep(120)",
    )
    process = subprocess.Popen(course("run", "--output", tmp_path / "out", waiting))
    pid = tmp_path / "pid"
    kernel = int(until(lambda: pid.exists() and pid.read_text(), seconds=60))
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=60) != 0
    assert daemon.running(home) is None
    with pytest.raises(ProcessLookupError):
        os.kill(kernel, 0)


def test_figures_keep_their_descriptions_on_the_page(tmp_path: Path) -> None:
    pixel = (
        "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAA"
        "AABJRU5ErkJggg=="
    )
    outputs = [
        nbformat.v4.new_output(
            "display_data",
            {"image/png": pixel},
            metadata={"image/png": {"alt": words}} if words else {},
        )
        for words in ("first <b>", None, "third")
    ]
    cell = nbformat.v4.new_code_cell("", outputs=outputs)
    file = tmp_path / "figures.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), file)
    write_page(file, tmp_path)
    described = re.findall(r'alt="([^"]*)"', file.with_suffix(".html").read_text())
    assert described == ["first &lt;b&gt;", UNDESCRIBED, "third"]


def test_a_widget_is_text_on_the_page(tmp_path: Path) -> None:
    """Without its kernel it is dead, and a page loads nothing from elsewhere for it."""
    output = nbformat.v4.new_output(
        "display_data",
        {
            WIDGET: {"model_id": "f00", "version_major": 2, "version_minor": 0},
            "text/html": "<p>Which?</p>",
            "text/plain": "Which?",
        },
    )
    cell = nbformat.v4.new_code_cell("guess", outputs=[output], execution_count=1)
    state = {"application/vnd.jupyter.widget-state+json": {"state": {}, "version_major": 2}}
    file = tmp_path / "lesson.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[cell], metadata={"widgets": state}), file)
    write_page(file, tmp_path)
    page = file.with_suffix(".html").read_text()
    assert "<p>Which?</p>" in page
    assert "widget-view+json" not in page
    assert "html-manager" not in page


@pytest.mark.parametrize(("name", "kind"), [("life.svg", "svg+xml"), ("page.png", "png")])
def test_a_linked_picture_is_in_the_page(tmp_path: Path, name: str, kind: str) -> None:
    """The page is in another folder than the lesson, whose links would lead nowhere."""
    (tmp_path / "lessons").mkdir()
    (tmp_path / name).write_text('<svg xmlns="http://www.w3.org/2000/svg"/>')
    cell = nbformat.v4.new_markdown_cell(f"![What it\nshows](../{name})")
    file = tmp_path / "lesson.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), file)
    write_page(file, tmp_path / "lessons")
    (source,) = re.findall(r'<img[^>]* src="([^"]*)"', file.with_suffix(".html").read_text())
    assert source.startswith(f"data:image/{kind};base64,")


def test_a_line_that_was_written_over_is_shown_once(tmp_path: Path) -> None:
    written = [
        nbformat.v4.new_output("stream", name="stdout", text=text)
        for text in ("waiting, 1 s\r", "waiting, 2 s\r", "ready         \n")
    ]
    cell = nbformat.v4.new_code_cell("wait()", outputs=written, execution_count=1)
    file = tmp_path / "lesson.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), file)
    write_page(file, tmp_path)
    page = file.with_suffix(".html").read_text()
    assert "ready" in page
    assert "waiting" not in page
