"""Where the coordinates of live Azure come from, and what is said when a place is not ready."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from course import places
from emulator import daemon
from emulator.home import Home

from .conftest import course, notebook
from .test_kernels import refuse_every_credential, write_config

FROM_ENVIRONMENT = {
    "AZURE_SUBSCRIPTION_ID": "1",
    "AZURE_RESOURCE_GROUP": "2",
    "AZUREML_WORKSPACE": "3",
}
FROM_FILE = {
    "AZURE_SUBSCRIPTION_ID": "s",
    "AZURE_RESOURCE_GROUP": "g",
    "AZUREML_WORKSPACE": "my-workspace",
}


def test_the_environment_comes_before_config_json(tmp_path: Path) -> None:
    write_config(tmp_path)
    assert places.find_coordinates(FROM_ENVIRONMENT, tmp_path) == FROM_ENVIRONMENT


@pytest.mark.parametrize("folder", [".", ".azureml"])
def test_config_json_is_found_in_a_folder_above(tmp_path: Path, folder: str) -> None:
    (tmp_path / folder).mkdir(exist_ok=True)
    write_config(tmp_path / folder)
    inner = tmp_path / "notebooks" / "more"
    assert places.find_coordinates({"AZUREML_WORKSPACE": "half"}, inner) == FROM_FILE


@pytest.mark.parametrize("content", ["{", "[]", '{"subscription_id": "s"}'])
def test_a_config_json_that_cannot_be_used_is_named(tmp_path: Path, content: str) -> None:
    (tmp_path / "config.json").write_text(content)
    with pytest.raises(places.PlaceError, match=r"config\.json should hold subscription_id"):
        places.find_coordinates({}, tmp_path)


def test_live_azure_is_not_confused_with_local_settings(tmp_path: Path) -> None:
    settings = {**FROM_ENVIRONMENT, "AZURE_LOCAL_PROXY": "x"}
    with pytest.raises(places.PlaceError, match="live Azure cannot be reached"):
        places.find_coordinates(settings, tmp_path)


def test_what_is_opened_for_a_command_is_closed_after_it(home: Home, tmp_path: Path) -> None:
    with places.open_place(places.LOCAL, tmp_path):
        assert daemon.running(home) is not None
    assert daemon.running(home) is None


def test_what_was_up_before_a_command_stays_up(home: Home, tmp_path: Path) -> None:
    daemon.up(home)
    with places.open_place(places.LOCAL, tmp_path):
        pass
    assert daemon.running(home) is not None


def test_a_fresh_local_azure_is_another_one_and_leaves_nothing(home: Home) -> None:
    with places.fresh_local_azure():
        fresh = places.find_home()
        assert fresh != home
        daemon.up(fresh)
    assert daemon.running(fresh) is None
    assert not fresh.root.exists()
    assert places.find_home() == home


def test_course_run_on_live_azure_says_early_what_is_missing(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_config(tmp_path)
    refuse_every_credential(monkeypatch)
    lesson = notebook(tmp_path / "lesson.ipynb", "print(1)")
    done = subprocess.run(
        course("run", "--kernel", "azure-live", "--output", tmp_path / "out", lesson),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "No Azure credential works here." in done.stderr
    assert "Traceback" not in done.stderr
