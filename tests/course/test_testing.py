"""`course lint` and `course test`: what they check, and that others check the same."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from course import testing
from course.lessons import ROOT
from course.testing import LINT, Check

HOOKS = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"][0]["hooks"]


def test_the_hooks_at_a_commit_are_the_checks_of_lint() -> None:
    assert [hook["name"] for hook in HOOKS] == [check.name for check in LINT]


@pytest.mark.parametrize("hook", HOOKS, ids=lambda hook: hook["id"])
def test_a_hook_needs_nothing_but_the_environment(hook: dict[str, str]) -> None:
    assert hook["language"] == "system"
    program, *arguments = hook["entry"].split()
    if program == "python":
        module = arguments[arguments.index("-m") + 1]
        command = [sys.executable, "-m", module, "--help"]
    else:
        command = [str(Path(sys.executable).with_name(program)), "--help"]
    done = subprocess.run(command, capture_output=True, check=False, cwd=ROOT)
    assert done.returncode == 0


@pytest.mark.parametrize(("check", "text"), [("style", "import os\n"), ("format", "x  =  1\n")])
def test_what_is_not_in_style_is_found(check: str, text: str, tmp_path: Path) -> None:
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    (tmp_path / "file.py").write_text(text)
    (found,) = (each for each in LINT if each.name == check)
    assert subprocess.run(found.command, cwd=tmp_path, check=False).returncode == 1


def test_the_first_failure_stops_unless_told_otherwise(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(testing.kernels, "install", list)
    checks = [
        Check("bad", [sys.executable, "-c", "raise SystemExit(1)"]),
        Check("good", [sys.executable, "-c", ""]),
    ]
    assert not testing.check(checks)
    assert "good" not in capsys.readouterr().out
    assert not testing.check(checks, keep_going=True)
    assert "good" in capsys.readouterr().out
    assert testing.check(checks[1:])


def test_what_fails_twice_has_failed_and_what_fails_once_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(testing.kernels, "install", list)
    good, bad = ([sys.executable, "-c", f"raise SystemExit({code})"] for code in (0, 1))
    assert testing.check([Check("upset", bad, second_try=good)])
    assert "passed at the second try" in capsys.readouterr().out
    assert not testing.check([Check("bad", bad, second_try=bad)])
    assert "second try" not in capsys.readouterr().out
    assert testing.check([Check("good", good, second_try=bad)])


def test_the_second_try_repeats_what_has_failed_alone(tmp_path: Path) -> None:
    (tmp_path / "test_once.py").write_text(
        "from pathlib import Path\n\n\n"
        "def test_upset():\n    first = not Path('seen').exists()\n    Path('seen').touch()\n"
        "    assert not first\n\n\n"
        "def test_good():\n    Path('good').open('a').write('.')\n"
    )
    (tests,) = (each for each in testing.tests() if each.name == "tests")
    assert tests.second_try
    for command, code in ((tests.command, 1), (tests.second_try, 0), (tests.second_try, 5)):
        assert subprocess.run(command, cwd=tmp_path, check=False).returncode == code
    assert (tmp_path / "good").read_text() == "."
