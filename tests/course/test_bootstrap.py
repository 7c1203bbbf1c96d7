"""Whatever Python there is, the right one sets the course up; or it is said how to get that."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from course import bootstrap
from course.lessons import ROOT

OLDEST = (3, 5)
OTHERS = ("3.6", "3.7", "3.8", "3.9", "3.10", "3.12", "3.13", "3.14")


def interpreter(version: str) -> str | None:
    """A Python of this version that this machine happens to have."""
    pyenv = Path.home() / ".pyenv" / "versions"
    found = [str(path) for path in pyenv.glob(f"{version}.*/bin/python3")]
    return found[0] if found else shutil.which(f"python{version}")


def test_an_old_python_can_read_it() -> None:
    text = (ROOT / "course" / "bootstrap.py").read_text()
    tree = ast.parse(text, feature_version=OLDEST)
    assert not any(isinstance(node, ast.JoinedStr) for node in ast.walk(tree))
    assert "__future__ import annotations\n" not in text
    # What is read on the way to it
    ast.parse((ROOT / "course" / "__init__.py").read_text(), feature_version=OLDEST)


@pytest.mark.parametrize("version", OTHERS)
def test_another_python_is_told_where_to_get_the_right_one(version: str, tmp_path: Path) -> None:
    python = interpreter(version)
    if python is None:
        pytest.skip(f"there is no Python {version} here")
    for arguments in ([], ["--here"]):
        done = subprocess.run(
            [python, "-m", "course.bootstrap", *arguments],
            cwd=ROOT,
            env={"PATH": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 1
        first, *rest = done.stderr.splitlines()
        assert first.startswith(f"The course needs Python 3.11, and this is Python {version}.")
        assert "  Debian 12        sudo apt install python3.11 python3.11-venv" in rest


def test_another_python_hands_over_to_the_right_one_on_the_path(tmp_path: Path) -> None:
    python = next(filter(None, map(interpreter, OTHERS)), None)
    if python is None:
        pytest.skip("there is no other Python here")
    (tmp_path / "course").mkdir()
    (tmp_path / "course" / "__init__.py").touch()
    shutil.copy(ROOT / "course" / "bootstrap.py", tmp_path / "course")
    (tmp_path / "course" / "environment.py").write_text(
        "import sys\ndef main(): print(sys.version_info[:2], sys.argv[1:]); return 7\n"
    )
    folders = scripts(tmp_path, shim="exit 127", real=f'exec {sys.executable} "$@"')
    done = subprocess.run(
        [python, "-m", "course.bootstrap", "--help"],
        cwd=tmp_path,
        env={"PATH": folders},
        capture_output=True,
        text=True,
    )
    assert (done.stdout.strip(), done.returncode) == ("(3, 11) ['--help']", 7)


def scripts(folder: Path, **pythons: str) -> str:
    """A PATH of folders, each with such a script in place of a python3.11."""
    for name, script in pythons.items():
        (folder / name).mkdir()
        (folder / name / "python3.11").write_text(f"#!/bin/sh\n{script}\n")
        (folder / name / "python3.11").chmod(0o755)
    return os.pathsep.join(str(folder / name) for name in pythons)


def test_a_python_that_is_there_in_name_alone_is_passed_over(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(
        "PATH", scripts(tmp_path, shim="exit 127", real=f'exec {sys.executable} "$@"')
    )
    assert bootstrap.find_python() == sys.executable
    monkeypatch.setenv("PATH", str(tmp_path / "shim"))
    assert bootstrap.find_python() is None


@pytest.mark.skipif(os.name == "nt", reason="make is for Linux and macOS")
def test_make_picks_a_python_that_runs(tmp_path: Path) -> None:
    """A python3.11 that is there in name alone (a pyenv shim) is passed over."""
    broken = tmp_path / "python3.11"
    broken.write_text("#!/bin/sh\necho 'pyenv: python3.11: command not found' >&2; exit 127\n")
    broken.chmod(0o755)
    shown = make("--dry-run", "setup", path=f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    assert shown.stdout.splitlines()[-1] == "python3 -m course.bootstrap"


@pytest.mark.skipif(os.name == "nt", reason="make is for Linux and macOS")
def test_make_says_how_to_get_a_python_where_there_is_none(tmp_path: Path) -> None:
    for tool in ("make", "sh", "cat"):
        (tmp_path / tool).symlink_to(str(shutil.which(tool)))
    told = make("lab", path=str(tmp_path))
    assert told.returncode != 0
    first, *rest = told.stderr.splitlines()
    assert first == "The course needs Python 3.11, and there is no python3 here."
    assert "  Debian 12        sudo apt install python3.11 python3.11-venv" in rest


def make(*arguments: str, path: str) -> subprocess.CompletedProcess[str]:
    """Run make in the course's folder with this PATH."""
    environment = {**os.environ, "PATH": path}
    # Under `make test` this is a make within a make, which would say so.
    for name in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL"):
        environment.pop(name, None)
    return subprocess.run(
        ["make", *arguments], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
