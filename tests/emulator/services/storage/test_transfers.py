"""Content on its way: ranges, blocks, large blobs, many clients at once."""

from __future__ import annotations

import base64
import hashlib
import io
import random
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest
from azure.core.exceptions import (
    HttpResponseError,
    ResourceExistsError,
    ResourceNotFoundError,
)
from azure.identity import DefaultAzureCredential
from azure.storage.blob import BlobBlock, BlobServiceClient, ContainerClient, ContentSettings

from emulator.defaults import STORAGE_ACCOUNT

URL = f"https://{STORAGE_ACCOUNT}.blob.core.windows.net"
MB = 1024 * 1024


def service_client(**options) -> BlobServiceClient:
    return BlobServiceClient(URL, credential=DefaultAzureCredential(), **options)


@pytest.fixture(scope="module")
def service(local_azure) -> BlobServiceClient:
    return service_client()


@pytest.fixture
def container(service, unique: str) -> Iterator[ContainerClient]:
    made = service.create_container(f"move-{unique}")
    yield made
    made.delete_container()


def block_id(number: int) -> str:
    return base64.b64encode(f"{number:06}".encode()).decode()


# Ranges


def test_ranges(container):
    content = bytes(range(256)) * 8
    blob = container.upload_blob("ranged", content)
    assert blob.download_blob(offset=0, length=1).readall() == content[:1]
    assert blob.download_blob(offset=100, length=50).readall() == content[100:150]
    assert blob.download_blob(offset=2000).readall() == content[2000:]
    assert blob.download_blob(offset=2000, length=10_000).readall() == content[2000:]
    with pytest.raises(HttpResponseError, match="InvalidRange") as caught:
        blob.download_blob(offset=2048, length=1)
    assert caught.value.status_code == 416
    assert caught.value.response.headers["Content-Range"] == "bytes */2048"


def test_a_range_that_is_the_whole_is_still_a_range(container):
    answers = []
    blob = container.upload_blob("whole", b"content")
    read = blob.download_blob(raw_response_hook=answers.append)
    assert read.readall() == b"content"
    answer = answers[0].http_response
    assert answer.status_code == 206
    assert answer.headers["Content-Range"] == "bytes 0-6/7"
    whole = base64.b64encode(hashlib.md5(b"content").digest()).decode()
    assert answer.headers["x-ms-blob-content-md5"] == whole
    assert "Content-MD5" not in answer.headers  # would be the range's, and nobody asked for it


def test_a_download_in_chunks(local_azure, container):
    content = random.Random(0).randbytes(3 * MB + 7)
    name = container.container_name
    container.upload_blob("chunked", content)
    small = service_client(max_single_get_size=256 * 1024, max_chunk_get_size=128 * 1024)
    blob = small.get_blob_client(name, "chunked")
    assert blob.download_blob(max_concurrency=4).readall() == content
    assert b"".join(blob.download_blob().chunks()) == content
    assert blob.download_blob(validate_content=True).readall() == content
    target = io.BytesIO()
    blob.download_blob(offset=MB, length=MB + 1).readinto(target)
    assert target.getvalue() == content[MB : 2 * MB + 1]


def test_a_blob_that_changes_while_it_is_read(local_azure, container):
    small = service_client(max_single_get_size=1024, max_chunk_get_size=1024)
    blob = small.get_blob_client(container.container_name, "changing")
    blob.upload_blob(b"a" * 4096)
    read = blob.download_blob()
    blob.upload_blob(b"b" * 4096, overwrite=True)
    with pytest.raises(HttpResponseError, match="ConditionNotMet"):
        read.readall()


# Blocks


def test_blocks_become_a_blob(container):
    blob = container.get_blob_client("blocks")
    for number, content in enumerate([b"one ", b"two ", b"three"]):
        blob.stage_block(block_id(number), content, validate_content=True)
    committed, staged = blob.get_block_list("all")
    assert committed == []
    assert [(block.id, block.size) for block in staged] == [
        (block_id(0), 4),
        (block_id(1), 4),
        (block_id(2), 5),
    ]
    assert not blob.exists()
    blob.commit_block_list(
        [BlobBlock(block_id(n)) for n in (2, 0, 1, 0)],
        metadata={"a": "1"},
        content_settings=ContentSettings(content_type="text/plain"),
    )
    found = blob.download_blob()
    assert found.readall() == b"threeone two one "
    assert found.properties.metadata == {"a": "1"}
    assert found.properties.content_settings.content_type == "text/plain"
    committed, staged = blob.get_block_list("all")
    assert [block.id for block in committed] == [block_id(n) for n in (2, 0, 1, 0)]
    assert staged == []


def test_a_blob_is_edited_by_its_blocks(container):
    blob = container.get_blob_client("edited")
    for number, content in enumerate([b"one ", b"two ", b"three"]):
        blob.stage_block(block_id(number), content)
    blob.commit_block_list([block_id(n) for n in range(3)])
    blob.stage_block(block_id(1), b"TWO ")
    blob.stage_block(block_id(3), b" four")
    assert blob.download_blob().readall() == b"one two three"  # until it is committed
    blob.commit_block_list([block_id(n) for n in range(4)])
    assert blob.download_blob().readall() == b"one TWO three four"
    with pytest.raises(HttpResponseError, match="InvalidBlockList"):
        blob.commit_block_list([block_id(0), block_id(9)])
    assert blob.download_blob().readall() == b"one TWO three four"


def test_other_writes_drop_staged_blocks(container):
    blob = container.get_blob_client("dropped")
    for write in (
        lambda: blob.upload_blob(b"whole", overwrite=True),
        lambda: blob.commit_block_list([]),
        blob.delete_blob,
    ):
        blob.stage_block(block_id(0), b"staged")
        write()
        with pytest.raises(HttpResponseError, match="InvalidBlockList"):
            blob.commit_block_list([block_id(0)])
    assert not blob.exists()


def test_blocks_that_are_refused(container, service):
    blob = container.get_blob_client("refused")
    blob.stage_block(block_id(0), b"staged")
    with pytest.raises(HttpResponseError, match="InvalidBlobOrBlock"):
        blob.stage_block(base64.b64encode(b"shorter").decode(), b"x")
    with pytest.raises(HttpResponseError, match="InvalidQueryParameterValue"):
        blob.stage_block(base64.b64encode(b"x" * 65).decode(), b"x")
    wrong = base64.b64encode(hashlib.md5(b"else").digest()).decode()
    with pytest.raises(HttpResponseError, match="Md5Mismatch"):
        blob.stage_block(block_id(1), b"x", headers={"Content-MD5": wrong})
    with pytest.raises(ResourceNotFoundError, match="ContainerNotFound"):
        service.get_blob_client("no-such-container", "a").stage_block(block_id(0), b"x")
    with pytest.raises(ResourceNotFoundError, match="BlobNotFound"):
        container.get_blob_client("absent").get_block_list()
    blob.commit_block_list([block_id(0)])
    with pytest.raises(ResourceExistsError, match="BlobAlreadyExists"):
        blob.upload_blob(b"x", overwrite=False)


# Large


class _Pattern(io.RawIOBase):
    """A stream of so many bytes that holds none of them."""

    block = random.Random(1).randbytes(64 * 1024)

    def __init__(self, length: int) -> None:
        self.left = length
        self.md5 = hashlib.md5()

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        wanted = self.left if size < 0 else min(size, self.left)
        chunk = (self.block * (wanted // len(self.block) + 1))[:wanted]
        self.left -= len(chunk)
        self.md5.update(chunk)
        return chunk


def test_a_large_blob_in_blocks_with_little_memory(local_azure, container):
    emulator = psutil.Process(local_azure.process.pid)
    highest, done = emulator.memory_info().rss, threading.Event()
    before = highest

    def watch() -> None:
        nonlocal highest
        while not done.wait(0.01):
            highest = max(highest, emulator.memory_info().rss)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        source = _Pattern(70 * MB)
        blob = container.get_blob_client("large")
        blob.upload_blob(source, length=70 * MB, max_concurrency=4)
        read = hashlib.md5()
        for chunk in blob.download_blob(max_concurrency=2).chunks():
            read.update(chunk)
    finally:
        done.set()
        watcher.join()
    assert read.digest() == source.md5.digest()
    assert len(blob.get_block_list()[0]) == 18  # 4 MiB each
    # Four connections, each with a chunk on its way to the disk and TLS buffers.
    assert highest - before < 32 * MB


def test_the_service_answers_others_during_an_upload(container):
    blob = container.upload_blob("small", b"x")
    answered = 0

    def upload() -> None:
        container.upload_blob("large", b"\0" * (64 * MB))

    worker = threading.Thread(target=upload)
    worker.start()
    while worker.is_alive():
        assert blob.get_blob_properties().size == 1
        answered += 1
    worker.join()
    assert answered > 5  # not one, after the upload


# Many clients


def test_many_blobs_at_once(container):
    def round_trip(number: int) -> bool:
        content = random.Random(number).randbytes(number * 1000)
        blob = container.upload_blob(f"blob-{number}", content)
        return blob.download_blob().readall() == content

    with ThreadPoolExecutor(16) as pool:
        assert all(pool.map(round_trip, range(100)))
    assert len(list(container.list_blobs())) == 100


def test_one_blob_written_and_read_by_many(local_azure, container):
    """A reader sees one writer's content, whole, and no file stays behind."""
    blob = container.get_blob_client("contested")
    contents = [bytes([number]) * 300_000 for number in range(8)]
    blob.upload_blob(contents[0])

    def write(content: bytes) -> None:
        for _ in range(5):
            blob.upload_blob(content, overwrite=True)

    def read(_: int) -> bool:
        return all(blob.download_blob().readall() in contents for _ in range(5))

    with ThreadPoolExecutor(12) as pool:
        writers = [pool.submit(write, content) for content in contents]
        assert all(pool.map(read, range(4)))
        for writer in writers:
            writer.result()
    assert blob.download_blob().readall() in contents


def test_only_one_of_many_creates_a_blob(container):
    blob = container.get_blob_client("once")

    def create(number: int) -> bool:
        try:
            blob.upload_blob(bytes([number]) * 100_000)
        except ResourceExistsError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(create, range(8))) == 1


def test_no_file_stays_behind(local_azure, service, unique):
    def files() -> set[str]:
        return {file.name for file in local_azure.home.blobs.iterdir()}

    before = files()
    made = service.create_container(f"tidy-{unique}")
    blob = made.upload_blob("a", b"1")
    blob.upload_blob(b"2", overwrite=True)
    blob.stage_block(block_id(0), b"3")
    blob.stage_block(block_id(0), b"4")
    blob.commit_block_list([block_id(0)])
    with pytest.raises(HttpResponseError, match="Md5Mismatch"):
        blob.upload_blob(
            b"5", overwrite=True, headers={"Content-MD5": base64.b64encode(bytes(16)).decode()}
        )
    with pytest.raises(ResourceExistsError):
        blob.upload_blob(b"6")
    assert len(files() - before) == 1
    made.get_blob_client("b").stage_block(block_id(0), b"7")
    made.delete_container()
    assert files() == before
