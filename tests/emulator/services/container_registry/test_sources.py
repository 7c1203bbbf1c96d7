"""Build contexts come from outside: what is in the archive is not believed."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from emulator.services.container_registry import sources
from emulator.services.container_registry.sources import InvalidSource, unpack


def archive(path: Path, *members: tarfile.TarInfo, mode: str = "w:gz") -> Path:
    with tarfile.open(path, mode) as tar:
        for member in members:
            tar.addfile(member, io.BytesIO(b"x" * member.size))
    return path


def member(name: str, **fields: object) -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    for field, value in fields.items():
        setattr(made, field, value)
    return made


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
def test_an_archive_is_unpacked(tmp_path, mode):
    source = archive(
        tmp_path / "a.tar",
        # The az CLI writes the root with an empty name.
        member("", type=tarfile.DIRTYPE, mode=0o755),
        member("folder", type=tarfile.DIRTYPE, mode=0o755),
        member("folder/file", size=3),
        member("link", type=tarfile.SYMTYPE, linkname="folder/file"),
        mode=mode,
    )
    unpack(source, tmp_path / "out")
    assert (tmp_path / "out" / "link").read_bytes() == b"xxx"


@pytest.mark.parametrize(
    "bad",
    [
        member("../escaped", size=1),
        member("folder/../../escaped", size=1),
        member("link", type=tarfile.SYMTYPE, linkname="../../escaped"),
        member("link", type=tarfile.SYMTYPE, linkname="/etc/passwd"),
        member("hard", type=tarfile.LNKTYPE, linkname="../escaped"),
        member("device", type=tarfile.CHRTYPE),
        member("pipe", type=tarfile.FIFOTYPE),
    ],
    ids=lambda one: f"{one.name}-{one.linkname}",
)
def test_nothing_is_written_outside(tmp_path, bad):
    (tmp_path / "escaped").write_text("before")
    source = archive(tmp_path / "a.tar.gz", bad)
    with pytest.raises(InvalidSource):
        unpack(source, tmp_path / "deep" / "out")
    assert (tmp_path / "escaped").read_text() == "before"
    assert not any((tmp_path / "deep" / "out").iterdir())


def test_an_absolute_name_stays_below_the_folder(tmp_path):
    unpack(archive(tmp_path / "a.tar.gz", member("/etc/inside", size=1)), tmp_path / "out")
    assert (tmp_path / "out" / "etc" / "inside").is_file()


def test_a_link_and_a_file_through_it(tmp_path):
    source = archive(
        tmp_path / "a.tar.gz",
        member("way", type=tarfile.SYMTYPE, linkname=".."),
        member("way/escaped", size=1),
    )
    with pytest.raises(InvalidSource):
        unpack(source, tmp_path / "deep" / "out")
    assert not (tmp_path / "deep" / "escaped").exists()


def test_set_user_id_is_dropped(tmp_path):
    unpack(archive(tmp_path / "a.tar.gz", member("tool", size=1, mode=0o4755)), tmp_path / "out")
    assert (tmp_path / "out" / "tool").stat().st_mode & 0o7000 == 0


def test_an_archive_can_be_too_large_and_have_too_many_files(tmp_path, monkeypatch):
    monkeypatch.setattr(sources, "LARGEST_CONTEXT", 1000)
    source = archive(tmp_path / "a.tar.gz", member("large", size=1001))
    with pytest.raises(InvalidSource, match="dockerignore"):
        unpack(source, tmp_path / "out")
    assert not (tmp_path / "out" / "large").exists()
    monkeypatch.setattr(sources, "MOST_FILES", 2)
    source = archive(tmp_path / "b.tar.gz", *(member(str(number)) for number in range(3)))
    with pytest.raises(InvalidSource, match="2 files"):
        unpack(source, tmp_path / "other")


@pytest.mark.parametrize("content", [b"", b"text", b"\x1f\x8b" + b"broken" * 20])
def test_what_is_no_archive_is_refused(tmp_path, content):
    (tmp_path / "a.tar.gz").write_bytes(content)
    with pytest.raises(InvalidSource):
        unpack(tmp_path / "a.tar.gz", tmp_path / "out")


def test_an_archive_that_is_cut_off_is_refused(tmp_path):
    source = archive(tmp_path / "a.tar.gz", member("file", size=100_000))
    source.write_bytes(source.read_bytes()[:60])
    with pytest.raises(InvalidSource):
        unpack(source, tmp_path / "out")
