"""What the other services ask of storage, and how it starts after a crash."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from emulator.arm.changes import Changes
from emulator.arm.operations import Operations
from emulator.defaults import STORAGE_ACCOUNT
from emulator.services.storage import Storage
from emulator.services.storage import files as files_module
from emulator.services.storage.catalogue import BLOCK_LIFETIME, Blob, Block, new_etag
from emulator.services.storage.errors import StorageError
from emulator.store import Store

CONTAINER = "azureml-blobstore"


def nobody(token: str, audiences: tuple[str, ...]) -> dict[str, Any]:
    raise AssertionError("no test here has a token")


def made_in(store: Store, folder: Path) -> Storage:
    return Storage(store, Changes(store, Operations(store)), folder, verify=nobody)


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    folder = tmp_path / "blobs"
    folder.mkdir()
    made = made_in(Store(tmp_path / "state.db"), folder)
    made.seed()
    return made


async def chunks(content: bytes) -> AsyncIterator[bytes]:
    yield content


def put(storage: Storage, name: str, content: bytes, **metadata: str) -> Blob:
    async def work() -> Blob:
        async with storage.files.receive(chunks(content)) as received:
            blob = Blob(
                STORAGE_ACCOUNT,
                CONTAINER,
                name,
                received.file,
                received.length,
                new_etag(),
                0,
                0,
                metadata=metadata,
            )
            await storage.files.remove(storage.catalogue.put_blob(blob))
        return blob

    return asyncio.run(work())


def materialize(storage: Storage, prefix: str, target: Path) -> int:
    return asyncio.run(storage.materialize(STORAGE_ACCOUNT, CONTAINER, prefix, target))


def tree(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


# Materialize


def test_one_blob_becomes_a_file(storage, tmp_path):
    put(storage, "LocalUpload/abc/model.pt", b"weights")
    put(storage, "LocalUpload/abc/model.pt.sha", b"other")
    target = tmp_path / "one"
    assert materialize(storage, "LocalUpload/abc/model.pt", target) == 1
    assert tree(target) == {"model.pt": b"weights"}


@pytest.mark.parametrize("prefix", ["LocalUpload/abc/model", "LocalUpload/abc/model/"])
def test_a_folder_becomes_a_folder(storage, tmp_path, prefix):
    put(storage, "LocalUpload/abc/model/MLmodel", b"1")
    put(storage, "LocalUpload/abc/model/data/weights.bin", b"2")
    put(storage, "LocalUpload/abc/model/data", b"", hdi_isfolder="true")
    put(storage, "LocalUpload/abc/model/empty/", b"")
    put(storage, "LocalUpload/abc/model2/no", b"3")
    target = tmp_path / "folder"
    assert materialize(storage, prefix, target) == 2
    assert tree(target) == {"MLmodel": b"1", "data/weights.bin": b"2"}


def test_the_whole_container(storage, tmp_path):
    put(storage, "score.py", b"1")
    put(storage, "lib/a.py", b"2")
    assert materialize(storage, "", tmp_path / "all") == 2
    assert tree(tmp_path / "all") == {"score.py": b"1", "lib/a.py": b"2"}


def test_more_blobs_than_one_query_reads(storage, tmp_path):
    blob = put(storage, "many/0000", b"x")
    for number in range(1, 2500):
        storage.catalogue.put_blob(replace(blob, name=f"many/{number:04}"))
    assert materialize(storage, "many", tmp_path / "many") == 2500
    assert len(list((tmp_path / "many").iterdir())) == 2500


@pytest.mark.skipif(os.name == "nt", reason="there are no read-only links on Windows")
def test_files_are_links_that_cannot_harm_the_blob(storage, tmp_path):
    blob = put(storage, "model.pt", b"weights")
    materialize(storage, "model.pt", tmp_path)
    path = tmp_path / "model.pt"
    assert path.samefile(storage.files.path(blob.file))
    assert path.stat().st_mode & 0o222 == 0
    put(storage, "model.pt", b"new weights")
    assert path.read_bytes() == b"weights"
    materialize(storage, "model.pt", tmp_path)  # over what is there
    assert path.read_bytes() == b"new weights"


def test_a_file_system_without_links_gets_copies(storage, tmp_path, monkeypatch):
    def refuse(source: Path, target: Path) -> None:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(files_module.os, "link", refuse)
    blob = put(storage, "model.pt", b"weights")
    assert materialize(storage, "model.pt", tmp_path) == 1
    assert (tmp_path / "model.pt").read_bytes() == b"weights"
    assert not (tmp_path / "model.pt").samefile(storage.files.path(blob.file))


def test_nothing_to_materialize(storage, tmp_path):
    put(storage, "model/a", b"1")
    for prefix in ("mod", "model/b", "other"):
        with pytest.raises(FileNotFoundError, match=f"There is no blob '{prefix}'"):
            materialize(storage, prefix, tmp_path / "none")
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("name", ["../out", "a/../../out", "/out", "a//b", "./a", "a/.", "a/.."])
def test_no_name_leads_out_of_the_folder(storage, tmp_path, name):
    put(storage, f"model/{name}", b"evil")
    with pytest.raises(OSError, match="cannot be a file"):
        materialize(storage, "model", tmp_path / "deep" / "target")
    outside = [path for path in tree(tmp_path) if not path.startswith(("blobs/", "state.db"))]
    assert outside == []


def test_a_blob_below_a_blob(storage, tmp_path):
    put(storage, "model/a", b"1")
    put(storage, "model/a/b", b"2")
    with pytest.raises(OSError, match="'model/a/b' cannot be a file here"):
        materialize(storage, "model", tmp_path / "target")


def test_whether_something_is_there(storage):
    put(storage, "folder/file", b"1")
    for path, there in {
        "folder/file": True,
        "folder": True,
        "folder/": True,
        "": True,
        "fold": False,
        "folder/file/x": False,
    }.items():
        assert storage.exists(STORAGE_ACCOUNT, CONTAINER, path) is there
    assert not storage.exists(STORAGE_ACCOUNT, "another", "")


# Accounts and containers


def test_the_key_of_an_account(storage):
    assert len(storage.account_key(STORAGE_ACCOUNT)) == 88
    assert storage.account_key(STORAGE_ACCOUNT) == storage.account_key(STORAGE_ACCOUNT.upper())
    with pytest.raises(LookupError, match="no storage account named 'nobody'"):
        storage.account_key("nobody")


def test_creating_a_container_twice_changes_nothing(storage):
    storage.create_container(STORAGE_ACCOUNT, "mine")
    first = storage.catalogue.container(STORAGE_ACCOUNT, "mine")
    storage.create_container(STORAGE_ACCOUNT, "mine")
    assert storage.catalogue.container(STORAGE_ACCOUNT, "mine") == first
    with pytest.raises(StorageError, match="InvalidResourceName"):
        storage.create_container(STORAGE_ACCOUNT, "Not Valid")


def test_a_container_sas_is_a_query_string(storage):
    sas = storage.container_sas(STORAGE_ACCOUNT, CONTAINER, "lwr", 1)
    fields = dict(field.split("=", 1) for field in sas.split("&"))
    assert set(fields) == {"sv", "sr", "sp", "se", "spr", "sig"}
    assert (fields["sr"], fields["sp"], fields["spr"]) == ("c", "rwl", "https")


# Starts


def test_a_start_keeps_keys_and_blobs(storage, tmp_path):
    key = storage.account_key(STORAGE_ACCOUNT)
    put(storage, "kept", b"content")
    again = made_in(storage.catalogue.store, tmp_path / "blobs")
    again.seed()
    assert again.account_key(STORAGE_ACCOUNT) == key
    assert materialize(again, "kept", tmp_path) == 1


def test_a_start_removes_what_no_blob_needs(storage, tmp_path):
    kept = put(storage, "kept", b"content")
    (tmp_path / "blobs" / "orphan").write_bytes(b"half")
    storage.seed()
    assert [file.name for file in (tmp_path / "blobs").iterdir()] == [kept.file]


@pytest.mark.parametrize("damage", ["missing", "cut off"])
def test_a_blob_whose_file_is_lost_is_not_pretended(storage, caplog, damage):
    lost, kept = put(storage, "lost", b"content"), put(storage, "kept", b"content")
    path = storage.files.path(lost.file)
    path.unlink()
    if damage == "cut off":
        path.write_bytes(b"con")
    storage.seed()
    assert storage.catalogue.blob(STORAGE_ACCOUNT, CONTAINER, "lost") is None
    assert storage.catalogue.blob(STORAGE_ACCOUNT, CONTAINER, "kept") == kept
    assert f"{CONTAINER}/lost" in caplog.text


def test_blocks_that_nobody_commits_are_forgotten_after_a_week(storage):
    place = (STORAGE_ACCOUNT, CONTAINER)

    def stage(blob: str, block: str, age: int) -> None:
        async def work() -> None:
            async with storage.files.receive(chunks(b"block")) as content:
                storage.catalogue.put_block(*place, blob, Block(block, content.file, 5))

        asyncio.run(work())
        storage.catalogue.store.execute(
            "UPDATE blocks SET staged = staged - ? WHERE blob = ? AND id = ?", age, blob, block
        )

    stage("old", "AAAA", BLOCK_LIFETIME + 60)
    stage("active", "AAAA", BLOCK_LIFETIME + 60)
    stage("active", "AQAA", 60)
    storage.seed()
    assert storage.catalogue.blocks(*place, "old") == []
    assert [block.id for block in storage.catalogue.blocks(*place, "active")] == ["AAAA", "AQAA"]
    assert len(list(storage.files.folder.iterdir())) == 2
