"""The two kernels: where they are registered, and what a cell meets in each."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from jupyter_client.kernelspec import KernelSpecManager
from PIL import Image

from course import kernels, places
from emulator import daemon
from emulator.defaults import SUBSCRIPTION
from emulator.home import Home

from .cells import run_cell, started
from .conftest import course

LOGOS = ["logo-32x32.png", "logo-64x64.png", "logo-svg.svg"]


def test_they_are_registered_in_the_given_environment_alone(tmp_path: Path) -> None:
    done = subprocess.run(
        course("kernels", "--prefix", tmp_path), check=True, capture_output=True, text=True
    )
    folder = tmp_path / "share" / "jupyter" / "kernels"
    assert done.stdout.split() == [
        str(folder / "azure-local"),
        str(folder / "azure-live"),
        str(folder.parent / "labextensions" / "deploying-models-on-azure"),
    ]
    found = KernelSpecManager(kernel_dirs=[str(folder)], ensure_native_kernel=False)
    assert {name: spec["spec"]["display_name"] for name, spec in found.get_all_specs().items()} == {
        "azure-local": "Azure (local)",
        "azure-live": "Azure (live)",
    }
    spec = json.loads((folder / "azure-live" / "kernel.json").read_text())
    assert spec["argv"][0] == sys.executable


def test_registering_again_leaves_right_files_untouched(tmp_path: Path) -> None:
    files = kernels.install(tmp_path)
    before = [file.stat().st_mtime_ns for file in files]
    assert [file.stat().st_mtime_ns for file in kernels.install(tmp_path)] == before
    files[0].write_text("{}")
    kernels.install(tmp_path)
    assert "course.kernel" in files[0].read_text()


def test_an_environment_that_shares_the_file_by_a_link_keeps_its_own(tmp_path: Path) -> None:
    file = tmp_path / "mine" / "share" / "jupyter" / "kernels" / "azure-local" / "kernel.json"
    file.parent.mkdir(parents=True)
    file.write_text("theirs")
    (tmp_path / "theirs.json").hardlink_to(file)
    kernels.install(tmp_path / "mine")
    assert "course.kernel" in file.read_text()
    assert (tmp_path / "theirs.json").read_text() == "theirs"
    assert sorted(each.name for each in file.parent.iterdir()) == ["kernel.json", *LOGOS]


def test_each_has_a_logo_of_its_own_in_the_sizes_that_jupyter_asks_for(tmp_path: Path) -> None:
    """https://jupyter-client.readthedocs.io/en/stable/kernels.html#kernel-specs"""
    for size in (32, 64):
        pictures = []
        for file in kernels.install(tmp_path):
            with Image.open(file.with_name(f"logo-{size}x{size}.png")) as picture:
                assert picture.size == (size, size)
                pictures.append(picture.convert("RGBA").resize((1, 1)).getpixel((0, 0)))
        local, live = pictures
        assert local[2] > local[0]  # blue
        assert live[0] > live[2]  # orange


def test_azure_local_starts_the_emulator_and_sets_its_own_environment(
    home: Home, kernelspecs: Path, tmp_path: Path
) -> None:
    assert daemon.running(home) is None
    with started("azure-local", tmp_path) as client:
        assert run_cell(client, "print(1 + 1)") == ("2\n", "")
        printed, error = run_cell(
            client, "import os; print(os.environ['AZURE_SUBSCRIPTION_ID'], os.getcwd())"
        )
        assert (printed.split(), error) == ([SUBSCRIPTION, str(tmp_path)], "")
        printed, error = run_cell(
            client,
            "from azure.identity import DefaultAzureCredential as C\n"
            "print(C().get_token('https://management.azure.com/.default').token.count('.'))",
        )
        assert (printed, error) == ("2\n", "")
    assert daemon.running(home) is not None, "it stays up for the next kernel"


def test_a_module_beside_the_notebook_can_be_imported_but_does_not_break_the_kernel(
    home: Home, kernelspecs: Path, tmp_path: Path
) -> None:
    (tmp_path / "platform.py").write_text("raise RuntimeError")
    (tmp_path / "mine.py").write_text("answer = 42")
    with started("azure-local", tmp_path) as client:
        assert run_cell(client, "import mine; print(mine.answer)") == ("42\n", "")


def test_an_emulator_that_does_not_start_is_explained_in_the_first_cell(
    home: Home, kernelspecs: Path, tmp_path: Path
) -> None:
    home.root.write_text("a file where the folder should be")
    with started("azure-local", tmp_path) as client:
        printed, error = run_cell(client, "print('ran')")
        assert printed == ""
        assert error.startswith("Local Azure did not start: ")
        assert len(error.splitlines()) <= 3
        home.root.unlink()
        assert run_cell(client, "print('ran')") == ("ran\n", "")


@pytest.mark.parametrize("name", ["state.db", "identity.json"])
def test_damaged_state_is_explained_in_the_first_cell(
    home: Home, kernelspecs: Path, tmp_path: Path, name: str
) -> None:
    home.create()
    (home.root / name).write_text("[1]" * 1000)
    with started("azure-local", tmp_path) as client:
        printed, error = run_cell(client, "print('ran')")
        assert printed == ""
        said, *more = error.splitlines()
        assert said.startswith(f"Local Azure did not start: {home.root / name} is damaged")
        assert "python -m emulator reset" in said
        assert more == ["All of them: python -m emulator logs"]
        daemon.reset(home)
        assert run_cell(client, "print('ran')") == ("ran\n", "")


def test_azure_local_is_not_passed_by_whatever_no_proxy_says(
    home: Home, kernelspecs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "mine.example,*,.azure.com,login.microsoftonline.com")
    with started("azure-local", tmp_path) as client:
        printed, error = run_cell(
            client,
            "import os, requests\n"
            "url = 'https://management.azure.com/subscriptions?api-version=2022-12-01'\n"
            "print(os.environ['NO_PROXY'], requests.get(url).headers['x-ms-request-id'] != '')\n"
            "requests.get('https://management.azure.com', proxies={'https': 'http://127.0.0.1:1'})",
        )
    assert printed == "mine.example,localhost,127.0.0.1 True\n"
    assert "ProxyError" in error
    assert home.proxy_password.read_text() not in printed + error


def test_azure_live_without_a_workspace_says_what_to_do(
    home: Home, kernelspecs: Path, tmp_path: Path
) -> None:
    with started("azure-live", tmp_path) as client:
        printed, error = run_cell(client, "print('ran')")
        assert printed == ""
        assert error == places.NO_COORDINATES


def test_azure_live_without_a_credential_says_what_to_do(
    home: Home, kernelspecs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_config(tmp_path)
    refuse_every_credential(monkeypatch)
    with started("azure-live", tmp_path) as client:
        printed, error = run_cell(client, "print('ran')")
        assert printed == ""
        assert error.startswith("No Azure credential works here.\nSign in with `az login`")


def test_azure_live_sets_the_coordinates_of_config_json(
    home: Home, kernelspecs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Local Azure's Entra ID stands for the real one: the credential's check is the real one."""
    enter_as_live(home, tmp_path, monkeypatch)
    lessons = tmp_path / "notebooks"
    lessons.mkdir()
    with started("azure-live", lessons) as client:
        source = "import os; print(os.environ['AZUREML_WORKSPACE'])"
        assert run_cell(client, source) == ("my-workspace\n", "")


def enter_as_live(home: Home, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let children take local Azure for live Azure; `folder` gets its config.json."""
    daemon.up(home)
    for name, value in daemon.environment(home).items():
        if name not in {*places.COORDINATES, "AZURE_LOCAL_PROXY"}:
            monkeypatch.setenv(name, value)
    write_config(folder)


def write_config(folder: Path) -> None:
    (folder / "config.json").write_text(
        '{"subscription_id": "s", "resource_group": "g", "workspace_name": "my-workspace"}'
    )


def refuse_every_credential(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the environment is asked, and it holds a service principal that cannot be."""
    monkeypatch.setenv("AZURE_TOKEN_CREDENTIALS", "EnvironmentCredential")
