"""What the tests of the course command share."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import nbformat
import pytest

from course import kernels
from course.lessons import ROOT
from emulator import daemon
from emulator.home import Home

# Another test's local Azure may be in this process's environment.
SETTINGS = ("AZURE_", "AZUREML_", "HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """The state folder of a local Azure that is not running yet, for this process's children."""
    for name in list(os.environ):
        if name.startswith(SETTINGS):
            monkeypatch.delenv(name)
    home = Home(tmp_path / "local-azure")
    monkeypatch.setenv("AZURE_LOCAL_HOME", str(home.root))
    yield home
    daemon.down(home)


@pytest.fixture
def kernelspecs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Both kernels, registered in a scratch environment that Jupyter looks into first."""
    prefix = tmp_path / "environment"
    kernels.install(prefix)
    monkeypatch.setenv("JUPYTER_PATH", str(prefix / "share" / "jupyter"))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    return prefix


def notebook(path: Path, *sources: str) -> Path:
    """Write a notebook of code cells."""
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    return path


def course(*arguments: str | Path) -> list[str]:
    """A command line of the course command."""
    return [sys.executable, "-m", "course", *map(str, arguments)]
