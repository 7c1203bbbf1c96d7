"""JupyterLab as a learner has it, in a headless Chromium."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import nbformat
import pytest
from playwright.sync_api import Browser

from course.lessons import BUILD, ROOT
from tests.azure import LocalAzure

from .lab_page import LabPage

METADATA = {"kernelspec": {"name": "azure-local", "display_name": "", "language": "python"}}

Opener = Callable[..., LabPage]


@contextmanager
def running_lab(folder: Path, kernel: str, settings: Mapping[str, str]) -> Iterator[str]:
    """The address of a `course lab` that runs for as long as the block lasts.

    JupyterLab's own files (settings, open tabs, running kernels) are in `folder`; `settings` are
    the environment.
    """
    places = {"JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR"}
    places |= {"JUPYTERLAB_SETTINGS_DIR", "JUPYTERLAB_WORKSPACES_DIR"}
    process = subprocess.Popen(
        [sys.executable, "-m", "course", "lab", "--no-browser", "--kernel", kernel],
        cwd=ROOT,
        env={**settings, "PYTHONPATH": str(ROOT), **{name: str(folder) for name in places}},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        address = next((line.strip() for line in process.stdout if "token=" in line), None)
        assert address is not None, "course lab ended before it told its address"
        yield address
    finally:
        process.terminate()
        try:
            process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            # Jupyter Server can wait for ever for a kernel that was starting;
            # tests/course/test_lab.py is where stopping is tested.
            process.kill()
            process.wait()


@pytest.fixture(scope="module")
def lab(
    browser: Browser, local_azure: LocalAzure, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """The address of `course lab`; the tests' local Azure is up already, and it finds it."""
    with running_lab(tmp_path_factory.mktemp("jupyter"), "azure-local", os.environ) as address:
        yield address


@pytest.fixture
def open_cells(lab: str, browser: Browser) -> Iterator[Opener]:
    """Open a scratch notebook with these code cells; it is gone after the test."""
    folder = BUILD / "browser"
    folder.mkdir(parents=True, exist_ok=True)
    files: list[Path] = []
    pages = []

    def open_page(*sources: str) -> LabPage:
        cells = [nbformat.v4.new_code_cell(source) for source in sources]
        files.append(folder / f"scratch-{secrets.token_hex(3)}.ipynb")
        nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=METADATA), files[-1])
        pages.append(browser.new_page(viewport={"width": 1200, "height": 900}))
        return LabPage(pages[-1], lab, files[-1].relative_to(ROOT).as_posix())

    yield open_page
    for page in pages:
        page.close()
    for file in files:
        file.unlink()
