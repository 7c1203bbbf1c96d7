"""This Python where it will do, else one that is built: once, and whole or not at all."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from emulator.python_environments import environments
from emulator.python_environments.environments import (
    BuildError,
    PythonEnvironment,
    PythonEnvironments,
)
from tests.waiting import until_async

pytestmark = pytest.mark.anyio
IMAGE = "mcr.microsoft.com/azureml/minimal-ubuntu22.04-py39-cpu-inference:latest"
HERE = f"{sys.version_info.major}.{sys.version_info.minor}"


def nothing(_: str) -> None:
    pass


def wheel(folder: Path, name: str, code: str, version: str = "1.0", requires: str = "") -> None:
    """A package of one module in `folder`."""
    folder.mkdir(exist_ok=True)
    info = f"{name}-{version}.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as archive:
        archive.writestr(f"{name}.py", code)
        archive.writestr(
            f"{info}/METADATA", metadata + (f"Requires-Dist: {requires}\n" if requires else "")
        )
        archive.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{info}/RECORD", "")


@pytest.fixture
def wheels(tmp_path: Path) -> Path:
    """Packages to build from without a registry; the inference server's is a stand-in."""
    folder = tmp_path / "wheels"
    wheel(folder, "azureml_inference_server_http", "")
    wheel(folder, "digit_names", "names = ['zero', 'one']\n")
    return folder


def conda(wheels: Path, *packages: str) -> str:
    lines = ["--no-index", f"--find-links {wheels}", *packages]
    return "\n".join(["dependencies:", "- pip:", *(f"  - {line}" for line in lines)])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "environments"


async def test_no_conda_file(folder: Path) -> None:
    log: list[str] = []
    image = "mcr.microsoft.com/azureml/minimal-py311-inference:latest"
    found = await PythonEnvironments(folder).resolve(None, image, log.append)
    assert log[:2] == [
        f"Image: {image}",
        "No conda file: the image's own packages, azureml-inference-server-http,"
        " azure-storage-blob, azure-identity, numpy, joblib.",
    ]
    imports = "import numpy, joblib, azure.storage.blob, azureml_inference_server_http"
    subprocess.check_output([found.python, "-Ic", imports])
    with pytest.raises(subprocess.CalledProcessError):
        subprocess.run([found.python, "-Ic", "import scipy"], check=True, capture_output=True)


async def test_no_conda_file_and_nobody_knows_what_is_in_the_image(folder: Path) -> None:
    with pytest.raises(BuildError, match=r"does not know what is in the image mine.azurecr.io/x:1"):
        await PythonEnvironments(folder).resolve(None, "mine.azurecr.io/x:1", nothing)


@pytest.mark.parametrize(
    ("image", "there"),
    [(IMAGE, True), ("mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu22.04:latest", False)],
)
async def test_the_inference_server_is_listed_or_comes_with_the_image(
    folder: Path, image: str, there: bool
) -> None:
    text = f"dependencies: [python={HERE}, numpy]"
    found = await PythonEnvironments(folder).resolve(text, image, nothing)
    look = "import azureml_inference_server_http"
    assert (subprocess.run([found.python, "-Ic", look], check=False).returncode == 0) is there


async def test_this_python_when_it_has_everything(folder: Path) -> None:
    text = f"dependencies: [python={HERE}, pip, {{pip: [torch, numpy, azureml-defaults]}}]"
    log: list[str] = []
    built = PythonEnvironments(folder)
    first, second = await asyncio.gather(*(built.resolve(text, IMAGE, log.append) for _ in "ab"))
    assert first == second
    assert first.preload == ("torch",)
    assert "has every package of the list" in log[-1]
    assert first.python.is_relative_to(folder)
    assert len(list(folder.iterdir())) == 1
    # Another order is the same list, and so is what another emulator finds.
    text = f"dependencies: [numpy, python={HERE}, {{pip: [torch]}}]"
    assert await PythonEnvironments(folder).resolve(text, IMAGE, nothing) == first


async def test_a_package_that_does_not_say_which_files_it_has(
    folder: Path, wheels: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    info = tmp_path / "site" / "digit_names-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: digit-names\nVersion: 1.0\n")
    monkeypatch.syspath_prepend(str(info.parent))
    log: list[str] = []
    await PythonEnvironments(folder).resolve(conda(wheels, "digit-names"), IMAGE, log.append)
    assert "it does not say which files its packages have" in log[1]
    assert any("pip install" in line for line in log)


async def test_built_once_for_all_that_wait(folder: Path, wheels: Path) -> None:
    built = PythonEnvironments(folder)
    text = conda(wheels, "digit-names==1.0")
    logs: list[list[str]] = [[], []]
    first, second = await asyncio.gather(*(built.resolve(text, IMAGE, log.append) for log in logs))

    assert first == second
    assert len(list(folder.iterdir())) == 1
    for log in logs:
        assert "has no digit-names" in log[1]
        assert any("pip install" in line for line in log)
        assert any("Successfully installed" in line for line in log)
    code = "import digit_names, sys; print(digit_names.names, sys.prefix != sys.base_prefix)"
    output = subprocess.check_output([first.python, "-c", code], text=True)
    assert output.strip() == "['zero', 'one'] True"
    with pytest.raises(subprocess.CalledProcessError):  # this Python's packages are not its own
        subprocess.run([first.python, "-c", "import numpy"], check=True, capture_output=True)

    again: list[str] = []
    assert await PythonEnvironments(folder).resolve(text, IMAGE, again.append) == first
    assert not any("pip install" in line for line in again)


async def test_list_that_cannot_be_installed(folder: Path, wheels: Path) -> None:
    built = PythonEnvironments(folder)
    for _ in range(2):  # a failure is not kept
        log: list[str] = []
        with pytest.raises(BuildError) as error:
            await built.resolve(conda(wheels, "digit-names==9.9"), IMAGE, log.append)
        assert error.value.log == "\n".join(log)
        assert "pip install" in error.value.log
        assert str(error.value) == (
            "The environment could not be built: No matching distribution found for"
            " digit-names==9.9."
        )
        assert list(folder.iterdir()) == []


async def test_conda_file_that_cannot_be_understood(folder: Path) -> None:
    log: list[str] = []
    with pytest.raises(BuildError, match="not valid YAML") as error:
        await PythonEnvironments(folder).resolve("dependencies: [a\n- b", IMAGE, log.append)
    assert error.value.log == "\n".join(log)


async def test_python_that_is_nowhere(folder: Path) -> None:
    with pytest.raises(BuildError) as error:
        await PythonEnvironments(folder).resolve("dependencies: [python=3.5]", IMAGE, nothing)
    assert str(error.value) == (
        "No Python ==3.5.* is on this machine. Install it and put it on the PATH (with uv: uv"
        f" python install '==3.5.*'), or ask for python={HERE} in the conda file."
    )


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder at the head of the PATH of a machine whose user has no Pythons at all."""
    programs = tmp_path / "programs"
    programs.mkdir()
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}/usr/bin{os.pathsep}/bin")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("PYENV_ROOT", raising=False)
    return programs


def program(folder: Path, name: str, code: str) -> Path:
    file = folder / name
    file.write_text(f"#!/bin/sh\n{code}\n")
    file.chmod(0o755)
    return file


# Says that it is 3.13, and makes no environment: which is asked for one is what matters.
LIKE_313 = """case "$2" in *ensurepip*) exit 0;; esac
exit 3"""


async def asked_for_an_environment(folder: Path) -> str:
    """The Python that is to make the environment of a list that asks for 3.13."""
    log: list[str] = []
    with pytest.raises(BuildError, match="exit code 3"):
        await PythonEnvironments(folder).resolve("dependencies: [python=3.13]", IMAGE, log.append)
    (line,) = [line for line in log if " -m venv " in line]
    return line.removeprefix("$ ").partition(" ")[0]


async def test_name_on_the_path_with_nothing_behind_it(folder: Path, machine: Path) -> None:
    program(machine, "python3.13", "exit 127")
    program(machine, "uv", 'echo "error: Request failed after 3 retries" >&2; exit 2')
    log: list[str] = []
    with pytest.raises(BuildError, match=r"No Python ==3\.13\.\* is on this machine"):
        await PythonEnvironments(folder).resolve("dependencies: [python=3.13]", IMAGE, log.append)
    assert "error: Request failed after 3 retries" in log


async def test_another_python_on_the_path(folder: Path, machine: Path) -> None:
    other = program(machine, "python3.13", LIKE_313)
    assert await asked_for_an_environment(folder) == str(other)


async def test_python_of_a_version_manager_that_is_not_on_the_path(
    folder: Path, machine: Path
) -> None:
    bin = machine.parent / ".pyenv" / "versions" / "3.13.2" / "bin"
    bin.mkdir(parents=True)
    other = program(bin, "python3.13", LIKE_313)
    assert await asked_for_an_environment(folder) == str(other)


async def test_python_that_uv_brings(folder: Path, machine: Path) -> None:
    """A stand-in for uv, which puts it where uv puts it: no index has Pythons."""
    python = program(machine.parent, "python3.13", LIKE_313)
    bin = '"$5/cpython-3.13.1-linux-x86_64-gnu/bin"'
    asked = machine.parent / "asked"
    program(machine, "uv", f'echo "$@" >> {asked}; mkdir -p {bin}; cp {python} {bin}/python3.13')
    where = folder / "pythons"
    for _ in range(2):  # after a start, too, it is there
        brought = await asked_for_an_environment(folder)
        assert brought == str(where / "cpython-3.13.1-linux-x86_64-gnu" / "bin" / "python3.13")
    assert asked.read_text() == f"python install --no-bin --install-dir {where} 3.13\n"


async def test_conda_package_that_is_a_program(folder: Path, machine: Path) -> None:
    text = f"dependencies: [python={HERE}, ffmpeg=6]"
    with pytest.raises(BuildError, match=r"asks for 'ffmpeg=6', .* has no program 'ffmpeg'"):
        await PythonEnvironments(folder).resolve(text, IMAGE, nothing)
    ffmpeg = program(machine, "ffmpeg", "exit 0")
    log: list[str] = []
    await PythonEnvironments(folder).resolve(text, IMAGE, log.append)
    assert f"ffmpeg=6 is no Python package: this machine's own is used, {ffmpeg}." in log


async def test_what_conda_built_against_numpy_1_gets_no_numpy_2(folder: Path, wheels: Path) -> None:
    for name in ("numpy", "scipy"):
        wheel(wheels, name, "")
    wheel(wheels, "numpy", "", "2.0")
    wheel(wheels, "scipy", "", "1.12", requires="numpy")
    text = conda(wheels).replace("dependencies:", "dependencies:\n- scipy=1.12\n- numpy")
    log: list[str] = []
    found = await PythonEnvironments(folder).resolve(text, IMAGE, log.append)
    assert "As conda has them, the list's packages need numpy<2." in log
    code = "from importlib.metadata import version; print(version('numpy'))"
    assert subprocess.check_output([found.python, "-Ic", code], text=True).strip() == "1.0"


async def test_closing_ends_a_build(folder: Path, wheels: Path) -> None:
    built = PythonEnvironments(folder)
    waiting = asyncio.create_task(built.resolve(conda(wheels, "digit-names"), IMAGE, nothing))
    await until_async(lambda: list(folder.iterdir()))
    await built.close()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert list(folder.iterdir()) == []


async def test_a_build_that_nobody_waits_for_any_longer_ends(folder: Path, wheels: Path) -> None:
    built = PythonEnvironments(folder)

    def wait() -> asyncio.Task[PythonEnvironment]:
        return asyncio.create_task(built.resolve(conda(wheels, "digit-names"), IMAGE, nothing))

    first, second = wait(), wait()
    await until_async(lambda: list(folder.iterdir()))
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    assert built.builds, "the second waits for it still"
    second.cancel()
    with pytest.raises(asyncio.CancelledError):
        await second
    # One that comes while it ends gets a build of its own.
    found = await wait()
    assert found.python.exists()
    assert built.builds == {}


BUILD = """
import asyncio, sys
from pathlib import Path
from emulator.python_environments.environments import PythonEnvironments
asyncio.run(PythonEnvironments(Path(sys.argv[1])).resolve(sys.argv[2], sys.argv[3], print))
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="PR_SET_PDEATHSIG is Linux's")
async def test_killed_in_the_middle_of_a_build(folder: Path, wheels: Path) -> None:
    text = conda(wheels, "digit-names")
    emulator = subprocess.Popen(
        [sys.executable, "-c", BUILD, str(folder), text, IMAGE],
        cwd=Path(environments.__file__).parents[2],
        stdout=subprocess.DEVNULL,
    )
    await until_async(lambda: folder.exists() and list(folder.glob("*/pyvenv.cfg")))
    emulator.send_signal(signal.SIGKILL)
    emulator.wait()
    (left,) = folder.iterdir()
    built = PythonEnvironments(folder)
    assert list(folder.iterdir()) == []
    found = await built.resolve(text, IMAGE, nothing)
    assert found.python.is_relative_to(left)
