"""A view of this Python: what is linked into it is there, and nothing else is."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from emulator.python_environments.closure import closure
from emulator.python_environments.environments import interpreter_of
from emulator.python_environments.view import can_be_shown, make_view
from tests.emulator.python_environments.test_environments import wheel

LIST = ("azure-core", "markdown-it-py[linkify]", "numpy", "setuptools", "pip", "wheel")


def made(folder: Path, *packages: str) -> Path:
    shown = closure(map(Requirement, packages)).values()
    assert all(map(can_be_shown, shown))
    python = interpreter_of(folder)
    make_view(folder, python, shown)
    return python


def said(python: Path, code: str) -> str:
    command = [str(python), "-Ic", code]
    output = subprocess.check_output(
        command, text=True, stderr=subprocess.STDOUT, cwd=python.parent
    )
    return output.strip()


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made(tmp_path_factory.mktemp("view"), *LIST)


def test_closure_heeds_extras_and_markers() -> None:
    assert {"requests", "urllib3", "idna"} <= closure([Requirement("requests")]).keys()
    assert "pytest" not in closure([Requirement("numpy; sys_platform == 'plan9'")])
    assert "httpcore" in closure([Requirement("httpx")])
    assert "click" not in closure([Requirement("httpx")])
    assert "click" in closure([Requirement("httpx[cli]")])
    assert "click" in closure([Requirement("httpx"), Requirement("httpx[cli]")])
    assert closure([Requirement("no-such-package")]) == {}


@pytest.mark.parametrize("module", ["numpy.linalg", "azure.core.pipeline", "markdown_it", "wheel"])
def test_what_the_list_brings_is_there(python: Path, module: str) -> None:
    said(python, f"import {module}")


@pytest.mark.parametrize(
    "module", ["torch", "scipy", "azure.identity", "azure.ai.ml", "yaml", "emulator", "click"]
)
def test_what_it_does_not_bring_is_not(python: Path, module: str) -> None:
    code = f"import {module}"
    below = f"import subprocess, sys; sys.exit(subprocess.call([sys.executable, '-c', {code!r}]))"
    for each in (code, below):  # in a process that it starts, too
        with pytest.raises(subprocess.CalledProcessError) as error:
            said(python, each)
        assert "ModuleNotFoundError: No module named" in error.value.stdout


def test_metadata_are_those_of_the_list(python: Path) -> None:
    code = "from importlib.metadata import distributions; print(*(d.name for d in distributions()))"
    names = set(said(python, code).split())
    assert {"numpy", "azure-core", "setuptools"} <= names
    assert not names & {"torch", "azure-identity", "pytest"}
    assert said(
        python, "from importlib.metadata import version; print(version('numpy'))"
    ) == version("numpy")


def test_pth_files_and_commands(python: Path) -> None:
    assert said(python, "import sys; print('_distutils_hack' in sys.modules)") == "True"
    command = [str(python.with_name("pip")), "--version"]
    assert str(python.parents[1]) in subprocess.check_output(command, text=True)
    assert not python.with_name("pytest").exists()


def test_a_command_does_nothing_in_a_process_that_it_starts(python: Path) -> None:
    """Such a process imports the command's file by this name, as `uvicorn --workers 2` needs."""
    assert said(python, "import runpy; runpy.run_path('pip', run_name='__mp_main__')") == ""


def test_what_is_installed_into_it_leaves_this_python_alone(tmp_path: Path) -> None:
    python = made(tmp_path / "view", "packaging", "pip")
    wheel(tmp_path / "wheels", "packaging", "__version__ = '1.0'\n")
    pip = [str(python), "-m", "pip", "install", "--no-index", "--find-links"]
    subprocess.run([*pip, str(tmp_path / "wheels"), "packaging==1.0"], check=True)
    assert said(python, "import packaging; print(packaging.__version__)") == "1.0"
    here = [sys.executable, "-c", "import packaging.requirements as r; print(r.__file__)"]
    assert "site-packages" in subprocess.check_output(here, text=True)


def test_where_no_symbolic_links_can_be_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError("A required privilege is not held by the client")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "symlink_to", refuse)
        python = made(tmp_path / "view", "azure-core", "typing-extensions")
    assert said(python, "import azure.core, typing_extensions") == ""
    with pytest.raises(subprocess.CalledProcessError):
        said(python, "import numpy")
