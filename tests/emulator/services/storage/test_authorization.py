"""Who may call the Blob service with an account's key or a shared access signature."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from urllib.parse import parse_qs, quote

import pytest
import requests
from azure.core.credentials import AzureSasCredential
from azure.core.exceptions import ClientAuthenticationError, HttpResponseError
from azure.identity import DefaultAzureCredential
from azure.storage.blob import (
    BlobClient,
    BlobServiceClient,
    ContainerClient,
    generate_account_sas,
    generate_blob_sas,
    generate_container_sas,
)

from emulator.defaults import RESOURCE_GROUP, STORAGE_ACCOUNT, SUBSCRIPTION
from emulator.services.storage.sas import container_sas

URL = f"https://{STORAGE_ACCOUNT}.blob.core.windows.net"
ACCOUNT = (
    f"https://management.azure.com/subscriptions/{SUBSCRIPTION}/resourceGroups/{RESOURCE_GROUP}"
    f"/providers/Microsoft.Storage/storageAccounts/{STORAGE_ACCOUNT}"
)
SOON = timedelta(hours=1)


def arm(action: str, body: object = None) -> dict:
    token = DefaultAzureCredential().get_token("https://management.azure.com/.default").token
    answer = requests.post(
        f"{ACCOUNT}/{action}?api-version=2023-05-01",
        json=body,
        headers={"Authorization": f"Bearer {token}"},
        timeout=10,
    )
    answer.raise_for_status()
    return answer.json()


@pytest.fixture(scope="module")
def keys(local_azure) -> list[str]:
    return [key["value"] for key in arm("listKeys")["keys"]]


@pytest.fixture(scope="module")
def service(keys) -> BlobServiceClient:
    return BlobServiceClient(URL, credential=keys[0])


@pytest.fixture
def container(service, unique: str) -> Iterator[ContainerClient]:
    made = service.create_container(f"auth-{unique}")
    made.upload_blob("there", b"content")
    yield made
    made.delete_container()


# Shared Key


def test_both_keys_open_the_account(keys, container):
    clients = [BlobServiceClient(URL, credential=key) for key in keys]
    blobs = [client.get_blob_client(container.container_name, "there") for client in clients]
    assert [blob.download_blob().readall() for blob in blobs] == [b"content", b"content"]


def test_a_wrong_key_is_refused(container):
    wrong = base64.b64encode(secrets.token_bytes(64)).decode()
    blob = BlobClient(URL, container.container_name, "there", credential=wrong)
    with pytest.raises(ClientAuthenticationError, match="AuthenticationFailed") as caught:
        blob.download_blob()
    assert caught.value.status_code == 403
    with pytest.raises(ClientAuthenticationError):
        blob.upload_blob(b"x" * 100_000, overwrite=True)


def test_the_signature_covers_the_request(keys, container):
    """Signed by hand as the documentation says; then each signed part is changed."""
    path = f"/{container.container_name}/a%20b"
    sent = {
        "x-ms-date": format_datetime(datetime.now(UTC), usegmt=True),
        "x-ms-version": "2021-12-02",
        "x-ms-blob-type": "BlockBlob",
        "x-ms-meta-a_b": "1",
        "x-ms-meta-a1": "2",
        "Content-Type": "text/plain",
    }
    signed = (
        "PUT\n\n\n4\n\ntext/plain\n\n\n\n\n\n\nx-ms-blob-type:BlockBlob\n"
        f"x-ms-date:{sent['x-ms-date']}\nx-ms-meta-a_b:1\nx-ms-meta-a1:2\n"
        f"x-ms-version:2021-12-02\n/{STORAGE_ACCOUNT}{path}\ntimeout:30"
    )
    digest = hmac.digest(base64.b64decode(keys[1]), signed.encode(), hashlib.sha256)
    sent["Authorization"] = f"SharedKey {STORAGE_ACCOUNT}:{base64.b64encode(digest).decode()}"

    def put(path: str = path, query: str = "timeout=30", body: bytes = b"body", **changes: str):
        headers = {**sent, **{name.replace("_", "-"): text for name, text in changes.items()}}
        return requests.put(f"{URL}{path}?{query}", body, headers=headers, timeout=10)

    assert put().status_code == 201
    for changed in (
        put(path + "c"),
        put(query="timeout=31"),
        put(body=b"longer"),
        put(Content_Type="text/html"),
        put(x_ms_version="2021-12-03"),
        put(x_ms_meta_b="added"),
        put(Authorization=sent["Authorization"].replace(STORAGE_ACCOUNT, "another")),
        put(Authorization=sent["Authorization"][:-8] + "AAAAAAA="),
    ):
        assert changed.status_code == 403
        assert changed.headers["x-ms-error-code"] == "AuthenticationFailed"
        assert "<AuthenticationErrorDetail>" in changed.text


def test_a_request_that_was_signed_long_ago_is_refused(keys, container):
    date = format_datetime(datetime.now(UTC) - timedelta(minutes=20), usegmt=True)
    text = f"GET{chr(10) * 12}x-ms-date:{date}\nx-ms-version:2021-12-02\n/{STORAGE_ACCOUNT}/\n"
    digest = hmac.digest(base64.b64decode(keys[0]), f"{text}comp:list".encode(), hashlib.sha256)
    answer = requests.get(
        f"{URL}/?comp=list",
        headers={
            "x-ms-date": date,
            "x-ms-version": "2021-12-02",
            "Authorization": f"SharedKey {STORAGE_ACCOUNT}:{base64.b64encode(digest).decode()}",
        },
        timeout=10,
    )
    assert answer.status_code == 403
    assert "too old" in answer.text


@pytest.mark.parametrize("authorization", ["Basic abc", "SharedKey", "SharedKey nocolon"])
def test_authorization_in_another_form(container, authorization):
    answer = requests.get(
        f"{container.url}/there", headers={"Authorization": authorization}, timeout=10
    )
    assert answer.status_code == 400
    assert answer.headers["x-ms-error-code"] == "InvalidAuthenticationInfo"


def test_a_new_key_takes_the_place_of_the_old_one(container, keys):
    fresh = arm("regenerateKey", {"keyName": "key2"})["keys"][1]["value"]
    old = BlobClient(URL, container.container_name, "there", credential=keys[1])
    with pytest.raises(ClientAuthenticationError):
        old.download_blob()
    new = BlobClient(URL, container.container_name, "there", credential=fresh)
    assert new.download_blob().readall() == b"content"
    keys[1] = fresh


# Shared access signatures


def client_with(sas: str, container: ContainerClient) -> ContainerClient:
    return ContainerClient(URL, container.container_name, credential=AzureSasCredential(sas))


def sas_of(container: ContainerClient, key: str, permission: str, **options) -> str:
    options = {"expiry": datetime.now(UTC) + SOON, **options}
    return generate_container_sas(
        STORAGE_ACCOUNT, container.container_name, key, permission=permission, **options
    )


def refused(call, code: str) -> None:
    with pytest.raises(HttpResponseError) as caught:
        call()
    assert caught.value.status_code == 403
    assert caught.value.response.headers["x-ms-error-code"] == code


def test_a_container_sas_allows_what_it_says(keys, container):
    client = client_with(sas_of(container, keys[0], "racwdl"), container)
    client.upload_blob("new", b"1")
    client.upload_blob("new", b"2", overwrite=True, metadata={"a": "1"})
    client.get_blob_client("blocks").stage_block("AAAA", b"3")
    client.get_blob_client("blocks").commit_block_list(["AAAA"])
    assert [blob.name for blob in client.list_blobs()] == ["blocks", "new", "there"]
    assert client.download_blob("new").readall() == b"2"
    client.delete_blob("new")
    # A service SAS is for the blobs in the container, never for the container itself.
    refused(client.get_container_properties, "AuthorizationFailure")
    refused(client.delete_container, "AuthorizationFailure")
    refused(client.create_container, "AuthorizationFailure")


MISMATCH = "AuthorizationPermissionMismatch"


@pytest.mark.parametrize(
    ("lacking", "code", "call"),
    [
        ("r", MISMATCH, lambda client: client.download_blob("there")),
        ("r", MISMATCH, lambda client: client.get_blob_client("there").get_blob_properties()),
        ("cw", MISMATCH, lambda client: client.upload_blob("new", b"1")),
        ("w", "UnauthorizedBlobOverwrite", lambda c: c.upload_blob("there", b"", overwrite=True)),
        ("w", MISMATCH, lambda c: c.get_blob_client("there").set_blob_metadata({"a": "1"})),
        ("w", MISMATCH, lambda c: c.get_blob_client("new").stage_block("AAAA", b"1")),
        ("w", MISMATCH, lambda c: c.get_blob_client("new").commit_block_list([])),
        ("d", MISMATCH, lambda client: client.delete_blob("there")),
        ("l", MISMATCH, lambda client: list(client.list_blobs())),
    ],
)
def test_a_sas_that_lacks_a_permission(keys, container, lacking, code, call):
    permissions = "".join(letter for letter in "rcwdl" if letter not in lacking)
    refused(lambda: call(client_with(sas_of(container, keys[0], permissions), container)), code)
    assert container.download_blob("there").readall() == b"content"


def test_a_sas_has_its_time(keys, container):
    moment = datetime.now(UTC)
    expired = sas_of(container, keys[0], "r", expiry=moment - timedelta(seconds=1))
    early = sas_of(container, keys[0], "r", start=moment + SOON, expiry=moment + 2 * SOON)
    for sas in (expired, early):
        client = client_with(sas, container)
        refused(lambda c=client: c.download_blob("there"), "AuthenticationFailed")
    with pytest.raises(ClientAuthenticationError, match="not valid in the specified time frame"):
        client_with(expired, container).download_blob("there")


def test_a_sas_cannot_be_tampered_with(keys, container, service, unique):
    good = sas_of(container, keys[0], "r")
    fields = {name: values[0] for name, values in parse_qs(good).items()}
    assert client_with(good, container).download_blob("there").readall() == b"content"
    signature = fields["sig"]
    for name, value in {
        "sp": "rw",
        "se": "2099-01-01T00:00:00Z",
        "sv": "2020-12-06",
        "sr": "b",
        "sip": "127.0.0.1",
        "rsct": "text/html",
        "sig": ("B" if signature[0] == "A" else "A") + signature[1:],
    }.items():
        changed = "&".join(f"{k}={quote(v, safe='')}" for k, v in {**fields, name: value}.items())
        client = client_with(changed, container)
        refused(lambda c=client: c.download_blob("there"), "AuthenticationFailed")
    other = service.create_container(f"other-{unique}")
    other.upload_blob("there", b"secret")
    refused(lambda: client_with(good, other).download_blob("there"), "AuthenticationFailed")
    other.delete_container()


def test_a_sas_for_another_key_or_without_fields(keys, container):
    wrong = base64.b64encode(secrets.token_bytes(64)).decode()
    sas = sas_of(container, wrong, "r")
    refused(lambda: client_with(sas, container).download_blob("there"), "AuthenticationFailed")
    for incomplete in ("sv=2021-12-02&sig=AAAA", "sv=2021-12-02&sr=c&sig=AAAA"):
        answer = requests.get(f"{container.url}/there?{incomplete}", timeout=10)
        assert answer.headers["x-ms-error-code"] == "AuthenticationFailed"


def test_a_sas_may_be_for_addresses(keys, container):
    here = sas_of(container, keys[0], "r", ip="127.0.0.0-127.0.0.255", protocol="https")
    assert client_with(here, container).download_blob("there").readall() == b"content"
    elsewhere = sas_of(container, keys[0], "r", ip="168.1.5.60-168.1.5.70")
    refused(
        lambda: client_with(elsewhere, container).download_blob("there"),
        "AuthorizationSourceIPMismatch",
    )


def test_a_blob_sas_opens_one_blob(keys, container):
    name = "a folder/blåb #1?.txt"
    container.upload_blob(name, b"one")
    sas = generate_blob_sas(
        STORAGE_ACCOUNT,
        container.container_name,
        name,
        account_key=keys[0],
        permission="r",
        expiry=datetime.now(UTC) + SOON,
        content_type="text/plain",
        content_disposition="inline",
    )
    blob = BlobClient(URL, container.container_name, name, credential=AzureSasCredential(sas))
    read = blob.download_blob()
    assert read.readall() == b"one"
    # The SAS decides how the blob is served.
    assert read.properties.content_settings.content_type == "text/plain"
    assert read.properties.content_settings.content_disposition == "inline"
    client = client_with(sas, container)
    refused(lambda: client.download_blob("there"), "AuthenticationFailed")
    refused(lambda: list(client.list_blobs()), "AuthenticationFailed")
    # The same URL in the hands of a program that knows nothing of Azure.
    assert requests.get(f"{container.url}/{quote(name)}?{sas}", timeout=10).content == b"one"


def account_sas(key: str, resource_types: str, permission: str, services: str = "b") -> str:
    return generate_account_sas(
        STORAGE_ACCOUNT,
        key,
        resource_types=resource_types,
        permission=permission,
        expiry=datetime.now(UTC) + SOON,
        services=services,
    )


def test_an_account_sas_is_for_resource_types(keys, container, unique):
    everything = account_sas(keys[0], "sco", "rwdlc")
    client = BlobServiceClient(URL, credential=AzureSasCredential(everything))
    made = client.create_container(f"made-{unique}")
    made.upload_blob("a", b"1")
    assert made.container_name in [found.name for found in client.list_containers()]
    assert [blob.name for blob in made.list_blobs()] == ["a"]
    made.delete_container()
    mismatch = "AuthorizationResourceTypeMismatch"
    for types, calls in {
        "s": [lambda c: c.download_blob("there"), lambda c: list(c.list_blobs())],
        "o": [lambda c: list(c.list_blobs()), lambda c: c.get_container_properties()],
        "c": [lambda c: c.upload_blob("new", b"1")],
    }.items():
        limited = client_with(account_sas(keys[0], types, "rwdlc"), container)
        for call in calls:
            refused(lambda c=call, to=limited: c(to), mismatch)
    queues = client_with(account_sas(keys[0], "sco", "rwdlc", services="q"), container)
    refused(lambda: queues.download_blob("there"), "AuthorizationServiceMismatch")
    reader = client_with(account_sas(keys[0], "sco", "r"), container)
    assert reader.download_blob("there").readall() == b"content"
    refused(lambda: reader.delete_blob("there"), MISMATCH)
    refused(reader.delete_container, MISMATCH)


def test_the_sas_that_local_azure_gives_out(keys, container):
    """What startPendingUpload and listSecrets answer with."""
    sas = container_sas(STORAGE_ACCOUNT, keys[0], container.container_name, "rwl", 0.5)
    client = client_with(sas, container)
    client.upload_blob("uploaded", b"1")
    assert [blob.name for blob in client.list_blobs()] == ["there", "uploaded"]
    refused(lambda: client.delete_blob("there"), MISMATCH)
    expired = container_sas(STORAGE_ACCOUNT, keys[0], container.container_name, "rwl", -0.01)
    refused(lambda: list(client_with(expired, container).list_blobs()), "AuthenticationFailed")


def test_copying_needs_the_right_to_read_the_source(keys, container):
    writer = client_with(sas_of(container, keys[0], "cw"), container)
    source = f"{container.url}/there"
    copy = writer.get_blob_client("copy")
    refused(lambda: copy.start_copy_from_url(source), "CannotVerifyCopySource")
    unreadable = f"{source}?{sas_of(container, keys[0], 'w')}"
    refused(lambda: copy.start_copy_from_url(unreadable), "CannotVerifyCopySource")
    copy.start_copy_from_url(f"{source}?{sas_of(container, keys[0], 'r')}")
    assert container.download_blob("copy").readall() == b"content"
    stored = container.get_blob_client("copy").get_blob_properties()
    assert "sig=" not in stored.copy.source
