"""The state folder: closed to others; and what is said when it is damaged, full or read-only."""

from __future__ import annotations

import os
import resource
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from emulator import daemon
from emulator.home import Home

from .command import command


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    home = Home(tmp_path / "azure")
    yield home
    daemon.down(home)


@pytest.fixture(scope="module")
def used(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A folder that an emulator has run in, and no longer does."""
    home = Home(tmp_path_factory.mktemp("used") / "azure")
    daemon.up(home)
    daemon.down(home)
    return home


@pytest.fixture
def copy(used: Home, home: Home) -> Home:
    shutil.copytree(used.root, home.root)
    return home


def refusal(answer: subprocess.CompletedProcess[str]) -> str:
    """What a command that fails says: one line, and nothing else."""
    assert answer.returncode == 1, answer.stdout
    assert "Traceback" not in answer.stderr
    (line,) = answer.stderr.splitlines()
    return line


# Who may read it


def modes(folder: Path) -> dict[str, int]:
    return {
        str(path): path.lstat().st_mode & 0o077
        for path in (folder, *folder.rglob("*"))
        if not path.is_symlink()
    }


def test_it_is_its_owners_alone(home: Home) -> None:
    before = os.umask(0o000)
    try:
        daemon.up(home)
        daemon.environment(home)
    finally:
        os.umask(before)
    assert {path: mode for path, mode in modes(home.root).items() if mode} == {}


def test_one_that_was_open_is_closed(copy: Home) -> None:
    for path in (copy.root, *copy.root.iterdir()):
        path.chmod(path.stat().st_mode | 0o077)
    daemon.up(copy)
    assert {
        path for path in (copy.root, *copy.root.iterdir()) if path.stat().st_mode & 0o077
    } == set()


def test_an_open_folder_of_others_is_not_closed_to_them(tmp_path: Path) -> None:
    folder = tmp_path / "shared"
    folder.mkdir()
    (folder / "thesis.txt").write_text("four years")
    folder.chmod(0o755)
    said = refusal(command(folder, "up"))
    assert str(folder) in said
    assert "AZURE_LOCAL_HOME" in said
    assert folder.stat().st_mode & 0o777 == 0o755
    assert [path.name for path in folder.iterdir()] == ["thesis.txt"]


# Damage


DAMAGE = {
    "a database that is none": ("state.db", b"not a database" * 1000),
    "a database cut off": ("state.db", 5000),
    "an identity that is a list": ("identity.json", b"[1]"),
    "an identity that lacks what it needs": ("identity.json", b"{}"),
    "an identity whose key is none": (
        "identity.json",
        b'{"client_secret": "a", "key_id": "b", "key": "c"}',
    ),
    "an identity cut off": ("identity.json", 100),
    "an empty identity": ("identity.json", 0),
}


@pytest.mark.parametrize("what", DAMAGE)
def test_damage_is_named_and_reset_helps(copy: Home, what: str) -> None:
    name, content = DAMAGE[what]
    damage(copy.root / name, content)
    said = refusal(command(copy.root, "up"))
    assert str(copy.root / name) in said
    assert "python -m emulator reset" in said
    assert command(copy.root, "down").returncode == 0
    logs = command(copy.root, "logs")
    assert logs.returncode == 0
    assert said.removeprefix("Error: ") in logs.stdout
    assert "Traceback" not in logs.stdout
    assert "is not running" in refusal(command(copy.root, "env"))
    assert command(copy.root, "reset", "--yes").returncode == 0
    assert command(copy.root, "up").returncode == 0


def damage(file: Path, content: bytes | int) -> None:
    """Replace what a file holds, or cut it off after so many bytes."""
    if isinstance(content, int):
        os.truncate(file, content)
    else:
        file.write_bytes(content)


def test_status_names_a_damaged_database(copy: Home) -> None:
    damage(copy.database, b"not a database" * 1000)
    said = refusal(command(copy.root, "status"))
    assert str(copy.database) in said
    assert "python -m emulator reset" in said


def test_env_names_an_identity_that_was_damaged_since(copy: Home) -> None:
    daemon.up(copy)
    damage(copy.identity, b"[1]")
    assert str(copy.identity) in refusal(command(copy.root, "env"))


@pytest.mark.parametrize("content", [b"[1]", b"", b"99999", b"-5", b"1e3"])
def test_a_damaged_port_is_forgotten(copy: Home, content: bytes) -> None:
    damage(copy.port_file, content)
    assert 0 < daemon.up(copy).port < 65536


def test_state_of_another_version_is_named_and_reset_helps(home: Home) -> None:
    home.create()
    with sqlite3.connect(home.database) as database:
        database.execute("CREATE TABLE resources (id TEXT)")
    database.close()
    for words in (["up"], ["status"]):
        assert "python -m emulator reset" in refusal(command(home.root, *words))
    assert command(home.root, "reset", "--yes").returncode == 0
    assert command(home.root, "up").returncode == 0


# No room, no right


def test_a_limit_on_the_size_of_files_is_named(home: Home) -> None:
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))

    said = refusal(command(home.root, "up", before=limit))
    assert str(home.root) in said
    assert "AZURE_LOCAL_HOME" in said
    assert command(home.root, "up").returncode == 0, "with room it starts from what is there"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 KiB; only root may mount one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounting = ["mount", "-t", "tmpfs", "-o", "size=64k,mode=700", "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(mounting, capture_output=True).returncode:
        pytest.skip("no file system can be mounted here")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


def test_a_full_disk_is_named(small_disk: Path) -> None:
    home = small_disk / "azure"
    for words in (["up"], ["status"], ["up"]):
        said = refusal(command(home, *words))
        assert said.startswith(f"Error: {home}/")
        assert "cannot be used: the disk is full. Make room, or set AZURE_LOCAL_HOME" in said
    assert command(home, "logs").returncode == 0
    assert command(home, "reset", "--yes").returncode == 0
    assert not home.exists()
    with suppress(OSError), (small_disk / "fill").open("wb") as file:
        while True:
            file.write(bytes(1024))
    assert "the disk is full" in refusal(command(home, "up"))


@pytest.mark.parametrize("words", [["up"], ["status"], ["down"], ["env"], ["reset", "--yes"]])
def test_a_read_only_disk_is_named_after_a_run(small_disk: Path, words: list[str]) -> None:
    home = small_disk / "azure"
    Home(home).create()
    Home(home).lock.touch()
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    said = refusal(command(home, *words))
    assert said.startswith(f"Error: {home}/")
    assert "the file system is read-only. Set AZURE_LOCAL_HOME" in said


def test_a_read_only_disk_is_named(small_disk: Path) -> None:
    home = small_disk / "azure"
    Home(home).create()
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    for words in (["up"], ["reset", "--yes"]):
        said = refusal(command(home, *words))
        assert str(home) in said
        assert "the file system is read-only. Set AZURE_LOCAL_HOME" in said
    assert "does not run" in command(home, "status").stdout
    assert "not running" in command(home, "down").stdout
    assert "not running" in refusal(command(home, "env"))
    assert "no log yet" in refusal(command(home, "logs"))


@pytest.mark.parametrize("words", [["up"], ["reset", "--yes"]])
def test_a_file_where_the_folder_should_be_is_named(tmp_path: Path, words: list[str]) -> None:
    file = tmp_path / "azure"
    file.write_text("mine")
    said = refusal(command(file, *words))
    assert f"{file} cannot be used: a file is where a folder should be." in said
    assert file.read_text() == "mine"


def test_a_home_that_cannot_be_written_is_named() -> None:
    """The reader's own; /proc takes no folder from anybody."""
    for words in (["up"], ["env"]):
        said = refusal(
            command(Path(), *words, AZURE_LOCAL_HOME="", XDG_STATE_HOME="", HOME="/proc/nobody")
        )
        if words == ["up"]:
            assert said.startswith("Error: /proc/nobody")
            assert "AZURE_LOCAL_HOME" in said


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("AZURE_LOCAL_TOKEN_LIFETIME", "soon"),
        ("AZURE_LOCAL_TOKEN_LIFETIME", "0"),
        ("AZURE_LOCAL_SCALE_COOLDOWN", "-1"),
        ("AZURE_LOCAL_BACK_OFF", "nan"),
        ("AZURE_LOCAL_CONTAINERS", "vm"),
    ],
)
def test_a_setting_that_cannot_be_is_named(home: Home, name: str, value: str) -> None:
    said = refusal(command(home.root, "up", **{name: value}))
    assert name in said
    assert value in said


def test_a_user_without_a_home_is_told(tmp_path: Path) -> None:
    for words in (["up"], ["status"], ["down"], ["env"], ["logs"], ["reset", "--yes"]):
        said = refusal(command(tmp_path, *words, AZURE_LOCAL_HOME="~no-such-user/azure"))
        assert "Set AZURE_LOCAL_HOME" in said
