"""Uploads that are cut off: by kill -9 of local Azure, and by the client that goes away."""

from __future__ import annotations

import base64
import http.client
import random
import ssl
import threading
import time

import pytest
from azure.core.exceptions import AzureError
from azure.identity import DefaultAzureCredential
from azure.storage.blob import BlobServiceClient

from emulator.defaults import STORAGE_ACCOUNT
from tests.waiting import until

HOST = f"{STORAGE_ACCOUNT}.blob.core.windows.net"
MB = 1024 * 1024


def service_client(**options) -> BlobServiceClient:
    return BlobServiceClient(f"https://{HOST}", credential=DefaultAzureCredential(), **options)


def block_id(number: int) -> str:
    return base64.b64encode(f"{number:06}".encode()).decode()


@pytest.fixture
def crashing(another_azure, monkeypatch):
    for name, value in another_azure.environment.items():
        monkeypatch.setenv(name, value)
    return another_azure


def test_blobs_survive_kill_9(crashing):
    client = service_client(retry_total=0).get_container_client("azureml-blobstore")
    contents = {f"blob-{n}": random.Random(n).randbytes(n * 50_000) for n in range(8)}
    for name, content in contents.items():
        client.upload_blob(name, content, metadata={"name": name})
    client.get_blob_client("staged").stage_block(block_id(0), b"staged before ")
    properties = client.get_blob_client("blob-3").get_blob_properties()
    # Two uploads are cut off: one whose body is half there, one with some of its blocks.
    connection = half_of_an_upload(crashing, "azureml-blobstore/half")
    in_blocks = service_client(retry_total=0, max_single_put_size=MB, max_block_size=MB)
    replaced = in_blocks.get_blob_client("azureml-blobstore", "blob-5")
    some_are_staged = threading.Event()

    def slowly():
        for number in range(30):
            if number == 10:
                some_are_staged.set()
            time.sleep(0.05 if number >= 10 else 0)
            yield b"\0" * MB

    def upload() -> None:
        with pytest.raises(AzureError):
            replaced.upload_blob(slowly(), overwrite=True)

    thread = threading.Thread(target=upload)
    thread.start()
    assert some_are_staged.wait(20)
    assert len(list(crashing.home.blobs.iterdir())) > 8
    crashing.kill()
    thread.join()
    connection.close()
    orphan = crashing.home.blobs / ("0" * 32)
    orphan.write_bytes(b"half of a blob")
    crashing.start()

    assert not orphan.exists()
    assert {blob.name for blob in client.list_blobs()} == set(contents)
    for name, content in contents.items():
        found = client.download_blob(name)
        assert found.readall() == content
        assert found.properties.metadata == {"name": name}
    assert client.get_blob_client("blob-3").get_blob_properties().etag == properties.etag
    # Files are the blobs and the blocks that still wait, nothing of what was cut off.
    waiting = replaced.get_block_list("uncommitted")[1]
    assert len(waiting) > 5
    assert len(list(crashing.home.blobs.iterdir())) == len(contents) + 1 + len(waiting)
    blob = client.get_blob_client("staged")
    blob.stage_block(block_id(1), b"and after")
    blob.commit_block_list([block_id(0), block_id(1)])
    assert blob.download_blob().readall() == b"staged before and after"


def half_of_an_upload(azure, path: str) -> http.client.HTTPSConnection:
    """A Put Blob of 8 MB of which 4 MB are on the disk; the rest will never come."""
    token = DefaultAzureCredential().get_token("https://storage.azure.com/.default").token
    context = ssl.create_default_context(cafile=azure.environment["SSL_CERT_FILE"])
    connection = http.client.HTTPSConnection("127.0.0.1", azure.process.port, context=context)
    connection.set_tunnel(HOST, 443, azure.proxy_authorization)
    connection.putrequest("PUT", f"/{path}")
    for name, value in {
        "Authorization": f"Bearer {token}",
        "Content-Length": str(8 * MB),
        "x-ms-blob-type": "BlockBlob",
        "x-ms-version": "2021-12-02",
    }.items():
        connection.putheader(name, value)
    connection.endheaders(b"\0" * 4 * MB)
    until(lambda: any(file.stat().st_size >= 3 * MB for file in azure.home.blobs.iterdir()))
    return connection


def test_an_upload_that_the_client_abandons(local_azure, unique):
    made = service_client().create_container(f"gone-{unique}")
    before = {file.name for file in local_azure.home.blobs.iterdir()}
    half_of_an_upload(local_azure, f"gone-{unique}/half").close()
    until(lambda: {file.name for file in local_azure.home.blobs.iterdir()} == before)
    assert not list(made.list_blobs())
    made.delete_container()


def test_kill_9_while_many_write(crashing):
    """Whatever was answered before the crash is there after it, whole."""
    client = service_client(retry_total=0).get_container_client("azureml-blobstore")
    answered: set[str] = set()

    def write(worker: int) -> None:
        for number in range(1000):
            name = f"{worker}/{number}"
            try:
                client.upload_blob(name, name.encode() * 1000)
            except AzureError:
                return
            answered.add(name)

    workers = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in workers:
        thread.start()
    until(lambda: len(answered) >= 40)
    crashing.kill()
    for thread in workers:
        thread.join()
    crashing.start()
    found = {blob.name: blob.size for blob in client.list_blobs()}
    assert answered <= set(found)
    for name in found:
        assert client.download_blob(name).readall() == name.encode() * 1000
    assert len(list(crashing.home.blobs.iterdir())) == len(found)
