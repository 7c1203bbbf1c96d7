"""Setting the course up: once, again after an interruption, and in words when it cannot be."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from course import environment
from course.lessons import ROOT
from tests.waiting import until


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A checkout of its own, with a lock that pins nothing."""
    root = tmp_path / "a course"
    (root / "course").mkdir(parents=True)
    (root / "requirements.lock").write_text("# nothing\n")
    (root / "pyproject.toml").write_text("[project]\n")
    for name in ("bootstrap.py", "environment.py"):
        shutil.copy(ROOT / "course" / name, root / "course")
    (root / "course" / "__init__.py").touch()
    return root


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The commands of the set-up, recorded instead of run; making the venv is real."""
    recorded: list[list[str]] = []
    real = environment.Steps._run

    def run(
        steps: environment.Steps, command: list[str], line: environment.StatusLine, started: float
    ) -> str | None:
        recorded.append(command)
        if "venv" in command:
            return real(steps, [*command, "--without-pip"], line, started)
        return None

    monkeypatch.setattr(environment.Steps, "_run", run)
    return recorded


def test_the_second_run_does_nothing(project: Path, commands: list[list[str]]) -> None:
    assert environment.main([], project) == 0
    assert len(commands) == 4  # venv, packages, the course, its kernels
    commands.clear()
    assert environment.main([], project) == 0
    assert commands == []


def test_the_second_run_as_a_command_does_nothing_either(
    project: Path, commands: list[list[str]]
) -> None:
    assert environment.main([], project) == 0
    subprocess.run([sys.executable, "-m", "course.bootstrap"], cwd=project, check=True)


@pytest.mark.parametrize("changed", ["requirements.lock", "pyproject.toml"])
def test_a_changed_list_is_installed_into_the_same_environment(
    project: Path, commands: list[list[str]], changed: str
) -> None:
    assert environment.main([], project) == 0
    kept = project / ".venv" / "kept"
    kept.touch()
    with (project / changed).open("a") as file:
        file.write("# a change\n")
    assert environment.main([], project) == 0
    assert len(commands) == 8
    assert kept.exists()


def test_an_interrupted_set_up_is_made_anew(
    project: Path, commands: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        (project / ".venv" / "half").touch()
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(environment, "install", interrupt)
        assert environment.main([], project) == 130
    assert (project / ".venv" / "half").exists()
    assert environment.main([], project) == 0
    assert not (project / ".venv" / "half").exists()


def test_a_killed_set_up_frees_its_lock(project: Path) -> None:
    holder = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import pathlib, time; from course.environment import only_one\n"
            "with only_one(pathlib.Path('.setup.lock')): print('held', flush=True); time.sleep(60)",
        ],
        cwd=project,
        stdout=subprocess.PIPE,
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"held\n"
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    with environment.only_one(project / ".setup.lock"):
        pass


SLOW = "import time; open('begun', 'w'); time.sleep(2); open('ended', 'w')"


@pytest.mark.skipif(os.name == "nt", reason="Windows ends a process's children with its console")
def test_a_command_that_outlives_a_killed_set_up_keeps_the_next_one_waiting(project: Path) -> None:
    killed = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import pathlib, sys; from course.environment import Steps, only_one\n"
            "with only_one(pathlib.Path('.setup.lock')) as lock:\n"
            "    steps = Steps(pathlib.Path('build/setup.log'), 1, lock)\n"
            f"    steps.run('pip', [sys.executable, '-c', {SLOW!r}])\n",
        ],
        cwd=project,
        stdout=subprocess.PIPE,
    )
    assert killed.stdout is not None
    assert killed.stdout.readline() == b"[1/1] pip ...\n"
    until((project / "begun").exists, seconds=60)
    killed.kill()
    killed.wait()
    with environment.only_one(project / ".setup.lock"):
        assert (project / "ended").exists()


def test_a_moved_checkout_is_set_up_again(
    project: Path, commands: list[list[str]], tmp_path: Path
) -> None:
    assert environment.main([], project) == 0
    commands.clear()
    moved = project.rename(tmp_path / "moved")
    assert environment.main([], moved) == 0
    assert commands


def test_here_installs_into_the_active_environment(
    project: Path, commands: list[list[str]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    active = tmp_path / "conda"
    (active / "conda-meta").mkdir(parents=True)
    python = environment.interpreter(active)
    python.parent.mkdir(parents=True, exist_ok=True)
    python.touch()
    monkeypatch.setattr(sys, "prefix", str(active))
    monkeypatch.setattr(sys, "base_prefix", str(active))
    assert environment.main(["--here"], project) == 0
    assert {command[0] for command in commands} == {str(python)}
    assert not (project / ".venv").exists()
    commands.clear()
    assert environment.main(["--here"], project) == 0
    assert commands == []


def test_here_is_refused_outside_an_environment(
    project: Path,
    commands: list[list[str]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "usr"))
    monkeypatch.setattr(sys, "base_prefix", str(tmp_path / "usr"))
    assert environment.main(["--here"], project) == 1
    assert "Activate a conda environment" in capsys.readouterr().err
    assert commands == []


def test_a_python_without_venv_names_debians_package(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    without = project / "python"
    without.write_text("#!/bin/sh\nexit 1\n")
    without.chmod(0o755)
    monkeypatch.setattr(sys, "_base_executable", str(without))
    assert environment.main([], project) == 1
    assert "apt install python3.11-venv" in capsys.readouterr().err


def test_a_full_disk_is_told_before_it_is_filled(
    project: Path,
    commands: list[list[str]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(environment, "DISK_NEEDED", 10**18)
    assert environment.main([], project) == 1
    assert "GB free, and the course needs" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("output", "meaning"),
    [
        ("ERROR: [Errno 28] No space left on device", "The disk is full"),
        (
            "NewConnectionError('...: [Errno -3] Temporary failure in name resolution')\n"
            "ERROR: No matching distribution found for torch==2.13.0",
            "registry cannot be reached",
        ),
        ("SSLError(SSLCertVerificationError(1, '... CERTIFICATE_VERIFY_FAILED", "not trusted"),
        ("ERROR: No matching distribution found for torch==2.13.0", "There is no torch for this"),
        ("something else\nERROR: odd", "ERROR: odd"),
    ],
)
def test_what_pip_says_is_told_in_plain_words(
    project: Path, capsys: pytest.CaptureFixture[str], output: str, meaning: str
) -> None:
    steps = environment.Steps(project / "build" / "setup.log", total=1)
    failing = [sys.executable, "-c", f"print({output!r}); raise SystemExit(1)"]
    with pytest.raises(environment.StepError, match=meaning):
        steps.run("packages", failing)
    assert "failed" in capsys.readouterr().out
    assert output.splitlines()[0] in (project / "build" / "setup.log").read_text()


class Pip:
    """Stands for pip and uv: notes what they are asked for, refuses what `refused` names."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.asked: list[str] = []
        self.refused: tuple[str, ...] = ()

    def run(self, steps: object, command: list[str], *_: object) -> str | None:
        text = " ".join(command[1:])
        self.asked.append(text)
        return "ERROR: refused" if any(part in text for part in self.refused) else None

    def install(self, python: Path) -> None:
        steps = environment.Steps(self.root / "build" / "setup.log", total=3)
        environment.install(steps, self.root, str(python))


@pytest.fixture
def pip(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Pip:
    """On Linux, with torch in the lock."""
    pip = Pip(tmp_path)
    monkeypatch.setattr(environment.Steps, "_run", lambda steps, *rest: pip.run(steps, *rest))
    monkeypatch.setattr(environment.platform, "system", lambda: "Linux")
    (tmp_path / "requirements.lock").write_text("torch==2.13.0\nuv==0.13.9\n")
    return pip


@pytest.fixture
def python(tmp_path: Path) -> Path:
    """An interpreter whose `pip show torch` finds none."""
    file = tmp_path / "python"
    file.write_text("#!/bin/sh\nexit 1\n")
    file.chmod(0o755)
    return file


def test_torch_is_first_looked_for_where_pip_looks(pip: Pip, python: Path) -> None:
    pip.install(python)
    assert pip.asked[0].endswith("--no-deps torch==2.13.0+cpu")
    assert "requirements.lock" in pip.asked[1]


def test_torch_is_then_looked_for_where_uv_knows_it_to_be(pip: Pip, python: Path) -> None:
    pip.refused = ("2.13.0+cpu",)
    pip.install(python)
    assert pip.asked[1].endswith("--no-deps uv==0.13.9")
    assert pip.asked[2].endswith("--no-deps --torch-backend=cpu torch==2.13.0")
    assert "requirements.lock" in pip.asked[3]


def test_torch_with_cuda_is_the_last_resort_and_comes_announced(
    pip: Pip, python: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pip.refused = ("2.13.0+cpu", "--torch-backend=cpu")
    pip.install(python)
    assert pip.asked[3].endswith("requirements.lock torch==2.13.0")
    assert "--no-deps" not in pip.asked[3]  # CUDA is among its dependencies
    assert "several GB of CUDA come along" in capsys.readouterr().out


def test_torch_that_is_there_is_left_alone(pip: Pip, python: Path) -> None:
    python.write_text("#!/bin/sh\necho 'Name: torch\nVersion: 2.13.0+cpu'\n")
    pip.install(python)
    assert not any("torch==2.13.0" in text for text in pip.asked)


def test_no_registry_is_named() -> None:
    assert "://" not in (ROOT / "course" / "environment.py").read_text()
