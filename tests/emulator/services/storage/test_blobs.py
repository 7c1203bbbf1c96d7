"""Blob storage through azure-storage-blob: blobs, properties, conditions, copies, containers."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from azure.ai.ml._artifacts._blob_storage_helper import BlobStorageClient
from azure.core import MatchConditions
from azure.core.exceptions import (
    HttpResponseError,
    ResourceExistsError,
    ResourceModifiedError,
    ResourceNotFoundError,
)
from azure.identity import DefaultAzureCredential
from azure.storage.blob import (
    BlobServiceClient,
    ContainerClient,
    ContentSettings,
    StandardBlobTier,
)

from emulator.defaults import STORAGE_ACCOUNT


@pytest.fixture(scope="module")
def service(local_azure) -> BlobServiceClient:
    return BlobServiceClient(
        f"https://{STORAGE_ACCOUNT}.blob.core.windows.net", credential=DefaultAzureCredential()
    )


@pytest.fixture
def container(service, unique: str) -> Iterator[ContainerClient]:
    made = service.create_container(f"test-{unique}")
    yield made
    if made.exists():
        made.delete_container()


def test_the_default_container_is_there_from_the_start(service):
    assert service.get_container_client("azureml-blobstore").exists()


# Blobs


def test_the_life_of_a_blob(container):
    blob = container.get_blob_client("folder/model.bin")
    assert not blob.exists()
    uploaded = blob.upload_blob(b"one", metadata={"name": "digits", "version": "1"})
    assert blob.exists()
    assert uploaded["content_md5"] == hashlib.md5(b"one").digest()
    assert uploaded["request_server_encrypted"] is True
    found = blob.get_blob_properties()
    assert found.etag == uploaded["etag"]
    assert found.size == 3
    assert found.blob_type == "BlockBlob"
    assert found.metadata == {"name": "digits", "version": "1"}
    assert found.content_settings.content_type == "application/octet-stream"
    assert bytes(found.content_settings.content_md5) == hashlib.md5(b"one").digest()
    assert found.server_encrypted
    assert found.blob_tier == "Hot"
    assert found.lease.state == "available"
    assert abs(found.creation_time - datetime.now(UTC)) < timedelta(minutes=1)
    assert blob.download_blob().readall() == b"one"
    blob.upload_blob(b"two", overwrite=True)
    after = blob.get_blob_properties()
    assert after.etag != found.etag
    assert after.metadata == {}  # content is replaced with all that belongs to it
    assert after.creation_time == found.creation_time
    assert blob.download_blob().readall() == b"two"
    blob.delete_blob()
    assert not blob.exists()
    with pytest.raises(ResourceNotFoundError, match="BlobNotFound"):
        blob.download_blob()
    with pytest.raises(ResourceNotFoundError, match="BlobNotFound"):
        blob.delete_blob()


def test_an_empty_blob(container):
    blob = container.upload_blob("empty", b"")
    # The client asks for a range, is told 416, and asks again without one.
    assert blob.download_blob().readall() == b""
    assert blob.get_blob_properties().size == 0


def test_the_answer_echoes_the_clients_request_id_and_version(container):
    answers = []
    blob = container.get_blob_client("headers")
    blob.upload_blob(b"x", client_request_id="from-the-client", raw_response_hook=answers.append)
    headers = answers[0].http_response.headers
    sent = answers[0].http_request.headers
    assert headers["x-ms-client-request-id"] == "from-the-client"
    assert headers["x-ms-version"] == sent["x-ms-version"]
    assert len(headers["x-ms-request-id"]) == 36
    assert headers["Date"]


def test_content_settings_are_kept_and_replaced(container):
    settings = {
        "content_type": "text/plain; charset=utf-8",
        "content_encoding": "identity",
        "content_language": "en-GB",
        "content_disposition": 'attachment; filename="a.txt"',
        "cache_control": "no-cache",
    }
    blob = container.upload_blob("text", b"text", content_settings=ContentSettings(**settings))
    for found in (
        blob.get_blob_properties(),
        blob.download_blob().properties,
        next(container.list_blobs()),
    ):
        assert {key: found.content_settings[key] for key in settings} == settings
    blob.set_http_headers(ContentSettings(content_type="text/html"))
    found = blob.get_blob_properties().content_settings
    assert (found.content_type, found.content_encoding) == ("text/html", None)
    assert found.content_md5 is None  # what is not repeated is cleared
    assert blob.download_blob().readall() == b"text"


def test_metadata_is_replaced_as_a_whole(container):
    blob = container.upload_blob("marked", b"x", metadata={"first": "1"})
    before = blob.get_blob_properties()
    blob.set_blob_metadata({"upload_status": "completed", "name": "m", "a_b": "1", "a1": "2"})
    after = blob.get_blob_properties()
    assert after.metadata == {"upload_status": "completed", "name": "m", "a_b": "1", "a1": "2"}
    assert after.etag != before.etag
    assert blob.download_blob().readall() == b"x"
    with pytest.raises(HttpResponseError, match="InvalidMetadata"):
        blob.set_blob_metadata({"not-an-identifier": "1"})
    with pytest.raises(HttpResponseError, match="MetadataTooLarge"):
        blob.set_blob_metadata({"long": "x" * 8192})


def test_content_md5_is_verified(container):
    blob = container.get_blob_client("checked")
    blob.upload_blob(b"content", validate_content=True)
    assert blob.download_blob(validate_content=True).readall() == b"content"
    with pytest.raises(HttpResponseError, match="Md5Mismatch"):
        blob.upload_blob(
            b"content", overwrite=True, headers={"Content-MD5": _md5(b"something else")}
        )
    with pytest.raises(HttpResponseError, match="InvalidMd5"):
        blob.upload_blob(b"content", overwrite=True, headers={"Content-MD5": "short"})
    wrong = ContentSettings(content_md5=bytearray(hashlib.md5(b"something else").digest()))
    with pytest.raises(HttpResponseError, match="Md5Mismatch"):
        blob.upload_blob(b"content", overwrite=True, content_settings=wrong)
    assert blob.download_blob().readall() == b"content"


def _md5(content: bytes) -> str:
    return base64.b64encode(hashlib.md5(content).digest()).decode()


# Conditions


def test_upload_does_not_overwrite_unless_told(container):
    blob = container.upload_blob("once", b"first")
    with pytest.raises(ResourceExistsError, match="BlobAlreadyExists"):
        blob.upload_blob(b"second")
    assert blob.download_blob().readall() == b"first"


def test_conditions_of_writes(container):
    blob = container.upload_blob("condition", b"1")
    first = blob.get_blob_properties()
    blob.upload_blob(
        b"2", overwrite=True, etag=first.etag, match_condition=MatchConditions.IfNotModified
    )
    with pytest.raises(ResourceModifiedError, match="ConditionNotMet"):
        blob.upload_blob(
            b"3", overwrite=True, etag=first.etag, match_condition=MatchConditions.IfNotModified
        )
    with pytest.raises(HttpResponseError) as caught:
        blob.delete_blob(etag=first.etag, match_condition=MatchConditions.IfNotModified)
    assert caught.value.status_code == 412
    long_ago = first.last_modified - timedelta(hours=1)
    with pytest.raises(HttpResponseError) as caught:
        blob.set_blob_metadata({"a": "1"}, if_unmodified_since=long_ago)
    assert caught.value.status_code == 412
    with pytest.raises(HttpResponseError) as caught:
        blob.set_blob_metadata({"a": "1"}, if_modified_since=datetime.now(UTC) + timedelta(hours=1))
    assert caught.value.status_code == 412
    with pytest.raises(HttpResponseError) as caught:
        container.get_blob_client("absent").upload_blob(
            b"", overwrite=True, match_condition=MatchConditions.IfPresent
        )
    assert caught.value.status_code == 412
    assert blob.download_blob().readall() == b"2"


def test_conditions_of_reads(container):
    blob = container.upload_blob("condition", b"1")
    found = blob.get_blob_properties()
    with pytest.raises(HttpResponseError, match="ConditionNotMet") as caught:
        blob.download_blob(etag=found.etag, match_condition=MatchConditions.IfModified)
    assert caught.value.status_code == 304
    with pytest.raises(HttpResponseError) as caught:
        blob.get_blob_properties(if_modified_since=found.last_modified)
    assert caught.value.status_code == 304
    with pytest.raises(HttpResponseError) as caught:
        blob.download_blob(etag='"0x0"', match_condition=MatchConditions.IfNotModified)
    assert caught.value.status_code == 412
    # Lists give tags without their quotes; both forms are the same tag.
    listed = next(container.list_blobs())
    assert listed.etag == found.etag.strip('"')
    read = blob.download_blob(etag=listed.etag, match_condition=MatchConditions.IfNotModified)
    assert read.readall() == b"1"


# Copies


def test_copying_within_the_account(container, service, unique):
    settings = ContentSettings(content_type="text/plain")
    source = container.upload_blob(
        "source é", b"content", metadata={"a": "1"}, content_settings=settings
    )
    copy = container.get_blob_client("folder/copy")
    answer = copy.start_copy_from_url(source.url)
    assert answer["copy_status"] == "success"
    source.delete_blob()
    found = copy.get_blob_properties()
    assert found.copy.id == answer["copy_id"]
    assert (found.copy.status, found.copy.progress) == ("success", "7/7")
    assert found.metadata == {"a": "1"}
    assert found.content_settings.content_type == "text/plain"
    assert copy.download_blob().readall() == b"content"
    another = container.get_blob_client("another")
    another.start_copy_from_url(copy.url, metadata={"b": "2"}, requires_sync=True)
    assert another.get_blob_properties().metadata == {"b": "2"}
    another.upload_blob_from_url(copy.url, overwrite=True)
    assert another.download_blob().readall() == b"content"
    with pytest.raises(ResourceNotFoundError, match="CannotVerifyCopySource"):
        copy.start_copy_from_url(source.url)
    with pytest.raises(HttpResponseError, match="NotEmulated"):
        copy.start_copy_from_url("https://example.com/a")


# Containers


def test_the_life_of_a_container(service, unique):
    client = service.get_container_client(f"life-{unique}")
    assert not client.exists()
    client.create_container(metadata={"team": "digits"})
    with pytest.raises(ResourceExistsError, match="ContainerAlreadyExists"):
        client.create_container()
    found = client.get_container_properties()
    assert found.metadata == {"team": "digits"}
    client.set_container_metadata({"team": "letters"})
    changed = client.get_container_properties()
    assert changed.metadata == {"team": "letters"}
    assert changed.etag != found.etag
    client.upload_blob("a", b"1")
    client.upload_blob("b", b"2")
    client.delete_container()
    assert not client.exists()
    for call in (client.delete_container, lambda: list(client.list_blobs())):
        with pytest.raises(ResourceNotFoundError, match="ContainerNotFound"):
            call()
    with pytest.raises(ResourceNotFoundError, match="ContainerNotFound"):
        client.upload_blob("a", b"1")
    with pytest.raises(ResourceNotFoundError, match="ContainerNotFound"):
        client.get_blob_client("a").download_blob()
    client.create_container()
    assert list(client.list_blobs()) == []
    client.delete_container()


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("ab", "OutOfRangeInput"),
        ("a" * 64, "OutOfRangeInput"),
        ("Upper", "InvalidResourceName"),
        ("two--dashes", "InvalidResourceName"),
        ("-first", "InvalidResourceName"),
        ("last-", "InvalidResourceName"),
        ("under_score", "InvalidResourceName"),
    ],
)
def test_container_names_follow_azures_rules(service, name, code):
    with pytest.raises(HttpResponseError, match=code):
        service.create_container(name)


def test_containers_are_listed_in_pages(service, unique):
    names = [f"list-{unique}-{n}" for n in range(5)]
    for name in names:
        service.create_container(name, metadata={"n": name[-1]})
    prefix = f"list-{unique}"
    pages = service.list_containers(prefix, include_metadata=True, results_per_page=2).by_page()
    found = [[container.name for container in page] for page in pages]
    assert found == [names[:2], names[2:4], names[4:]]
    listed = list(service.list_containers(prefix, include_metadata=True))
    assert [container.metadata for container in listed] == [{"n": str(n)} for n in range(5)]
    for name in names:
        service.delete_container(name)


def test_the_account_says_what_it_is(service):
    found = service.get_account_information()
    assert (found["sku_name"], found["account_kind"]) == ("Standard_LRS", "StorageV2")


# As azure-ai-ml uses it


def test_azure_ai_ml_uploads_and_downloads_folders(container, service, tmp_path):
    source = tmp_path / "model"
    (source / "data").mkdir(parents=True)
    (source / "MLmodel").write_text("flavors:")
    (source / "data" / "weights.bin").write_bytes(b"\0" * 100_000)
    (source / "empty.txt").touch()

    def client() -> BlobStorageClient:
        return BlobStorageClient(DefaultAzureCredential(), service.url, container.container_name)

    def upload() -> dict[str, str]:
        return client().upload(
            str(source), "digits", "1", asset_hash="0123abcd", show_progress=False
        )

    uploaded = upload()
    assert uploaded["remote path"].endswith("model")
    names = {blob.name: blob.etag for blob in container.list_blobs()}
    assert len(names) == 3
    assert upload()["name"] == "digits"  # found by the metadata of the first upload
    assert {blob.name: blob.etag for blob in container.list_blobs()} == names
    assert client().exists(uploaded["remote path"])
    assert not client().exists("LocalUpload/other")
    client().download(uploaded["remote path"], tmp_path / "downloaded")
    for path in source.rglob("*"):
        if path.is_file():
            copy = tmp_path / "downloaded" / path.relative_to(source)
            assert copy.read_bytes() == path.read_bytes()


# What is not there


def test_what_is_not_emulated_says_so(container, service):
    blob = container.upload_blob("plain", b"x")
    for call in (
        blob.create_snapshot,
        blob.acquire_lease,
        blob.get_blob_tags,
        blob.create_append_blob,
        container.get_container_access_policy,
        service.get_service_properties,
        lambda: blob.set_standard_blob_tier("Cool"),
        lambda: container.delete_blobs("plain"),
        lambda: blob.upload_blob(b"y", overwrite=True, tags={"a": "b"}),
        lambda: blob.upload_blob(b"y", overwrite=True, standard_blob_tier=StandardBlobTier.COOL),
        lambda: list(container.list_blobs(include=["uncommittedblobs"])),
    ):
        with pytest.raises(HttpResponseError, match="NotEmulated") as caught:
            call()
        assert caught.value.status_code == 501
    assert blob.download_blob().readall() == b"x"


def test_an_account_that_does_not_exist(local_azure):
    nobody = BlobServiceClient(
        "https://nosuchaccount.blob.core.windows.net", credential=DefaultAzureCredential()
    )
    with pytest.raises(ResourceNotFoundError, match="nosuchaccount"):
        list(nobody.list_containers())
