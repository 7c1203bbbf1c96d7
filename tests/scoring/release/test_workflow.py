"""The workflow that runs a release on GitHub: well formed, and it runs the program that is here."""

from __future__ import annotations

import ast
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from scoring.release.__main__ import HERE, parse
from scoring.script import COORDINATES
from tests.scoring.release.conftest import ROOT

FILE = HERE / "release.yml"
TEXT = FILE.read_text(encoding="utf-8")
WORKFLOW: dict[str, Any] = yaml.safe_load(TEXT)
JOB = WORKFLOW["jobs"]["release"]
# jactionlint is actionlint, gone on with, in a package of PyPI's that has the program in it.
# https://github.com/jdx/jactionlint
CHECKER = shutil.which(
    "jactionlint", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
)
# What a package is imported as
PACKAGES = {"azure.ai.ml": "azure-ai-ml", "azure.core": "azure-ai-ml"}
PACKAGES |= {"azure.identity": "azure-identity", "numpy": "numpy", "requests": "requests"}


def checked(file: Path) -> subprocess.CompletedProcess[str]:
    if CHECKER is None:
        pytest.skip("jactionlint is not installed: it is one of the `dev` packages")
    command = [CHECKER, "--no-color", "--shellcheck=", "--pyflakes=", str(file)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def run_lines() -> list[str]:
    return [step["run"] for step in JOB["steps"] if "run" in step]


def test_actionlint_has_nothing_to_say() -> None:
    done = checked(FILE)
    assert (done.returncode, done.stdout) == (0, ""), done.stdout + done.stderr


@pytest.mark.parametrize(
    ("before", "after", "why"),
    [
        ("id-token: write", "id-tokn: write", "unknown permission scope"),
        ("client-id:", "client:", 'input "client" is not defined'),
        ("cancel-in-progress: false", "cancel-in-progres: false", "cancel-in-progres"),
        ("vars.AZURE_CLIENT_ID", "var.AZURE_CLIENT_ID", "undefined variable"),
        ("    runs-on: ubuntu-24.04\n", "", "runs-on"),
    ],
)
def test_actionlint_would_find_a_slip(before: str, after: str, why: str, tmp_path: Path) -> None:
    assert before in TEXT
    file = tmp_path / "release.yml"
    file.write_text(TEXT.replace(before, after))
    done = checked(file)
    assert done.returncode == 1, done.stdout + done.stderr
    assert why in done.stdout


def test_only_this_job_may_ask_for_a_token_and_nothing_is_secret() -> None:
    assert WORKFLOW["permissions"] == {"contents": "read"}
    assert JOB["permissions"] == {"contents": "read", "id-token": "write"}
    assert JOB["environment"] == "production"
    assert WORKFLOW["concurrency"] == {"group": "release", "cancel-in-progress": False}
    assert "secrets." not in TEXT


def test_every_action_is_pinned_to_a_commit_as_in_our_own_workflows() -> None:
    used = re.findall(r"uses: (\S+)@([0-9a-f]{40}) # v(\d+\.\d+\.\d+)$", TEXT, re.MULTILINE)
    assert len(used) == TEXT.count("uses:")
    ours = (ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8")
    for action, commit, _ in used:
        if action.startswith("actions/"):
            assert f"{action}@{commit}" in ours, "dependabot knows the newer one"


def test_it_runs_the_program_with_what_the_program_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    assert set(COORDINATES.values()) <= JOB["env"].keys()
    for name in COORDINATES.values():
        monkeypatch.setenv(name, "somewhere")
    monkeypatch.setenv("GITHUB_SHA", "0" * 40)  # GitHub sets it
    python, dash_m, module, *arguments = shlex.split(run_lines()[-1])
    assert [python, dash_m, module] == ["python", "-m", "scoring.release"]
    options = parse(arguments)
    assert (options.endpoint, options.version) == ("$ENDPOINT", "0" * 40)
    assert str(options.report) == "$GITHUB_STEP_SUMMARY"


def test_it_installs_what_the_program_imports() -> None:
    (line,) = [each for each in run_lines() if "pip install" in each]
    installed = dict(re.findall(r"([a-z-]+)(~=[\d.]+)", line))
    wanted, seen = set(), set()
    todo = [*HERE.glob("*.py")]
    while todo:
        file = todo.pop()
        seen.add(file)
        for name in imported(file):
            if name.startswith("scoring"):
                todo += [f for f in module_files(name) if f not in seen]
            elif name.partition(".")[0] not in sys.stdlib_module_names:
                wanted |= {package for start, package in PACKAGES.items() if name.startswith(start)}
                assert any(name.startswith(start) for start in PACKAGES), name
    assert installed.keys() == wanted
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for package, version in installed.items():
        assert f"{package}{version}" in project["dependencies"]


def imported(file: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def module_files(name: str) -> list[Path]:
    """The file of the module that a name is, or is in."""
    path = ROOT.joinpath(*name.split("."))
    return [
        file for file in (path.with_suffix(".py"), path.parent.with_suffix(".py")) if file.is_file()
    ]


def test_it_lies_where_github_does_not_run_it() -> None:
    """This repository has nothing to release to: learners copy it into one of theirs."""
    assert not (ROOT / ".github" / "workflows" / FILE.name).exists()
