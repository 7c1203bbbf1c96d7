"""Who may call the Blob service with a token of Entra ID, and that nobody may without anything."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
import requests
from azure.core.credentials import AccessToken
from azure.core.exceptions import ClientAuthenticationError
from azure.identity import DefaultAzureCredential
from azure.storage.blob import BlobServiceClient, ContainerClient

from emulator.defaults import STORAGE_ACCOUNT

URL = f"https://{STORAGE_ACCOUNT}.blob.core.windows.net"


@pytest.fixture
def container(local_azure, unique: str) -> Iterator[ContainerClient]:
    service = BlobServiceClient(URL, credential=DefaultAzureCredential())
    made = service.create_container(f"token-{unique}")
    made.upload_blob("there", b"content")
    yield made
    made.delete_container()


def test_a_token_for_storage_opens_the_account(container):
    client = ContainerClient(URL, container.container_name, credential=DefaultAzureCredential())
    assert client.download_blob("there").readall() == b"content"


class _Fixed:
    """A credential with one token, whatever it is asked for."""

    def __init__(self, token: str) -> None:
        self.token = token

    def get_token(self, *scopes: str, **options: object) -> AccessToken:
        return AccessToken(self.token, int(datetime.now(UTC).timestamp()) + 3600)


def test_any_other_token_is_refused(container):
    for_arm = DefaultAzureCredential().get_token("https://management.azure.com/.default").token
    for_storage = DefaultAzureCredential().get_token("https://storage.azure.com/.default").token
    for token in (for_arm, for_storage[:-6] + "AAAAAA", "nonsense"):
        client = ContainerClient(URL, container.container_name, credential=_Fixed(token))
        with pytest.raises(ClientAuthenticationError, match="InvalidAuthenticationInfo") as caught:
            client.download_blob("there")
        assert caught.value.status_code == 401
        assert (
            "resource_id=https://storage.azure.com"
            in caught.value.response.headers["www-authenticate"]
        )


def test_nobody_may_do_anything(container):
    for method, path in [
        ("GET", "/there"),
        ("HEAD", "/there"),
        ("PUT", "/new"),
        ("DELETE", "/there"),
        ("GET", "?restype=container&comp=list"),
        ("DELETE", "?restype=container"),
    ]:
        plain = requests.request(method, container.url + path, timeout=10)
        assert plain.status_code == 409
        assert plain.headers["x-ms-error-code"] == "PublicAccessNotPermitted"
        versioned = requests.request(
            method, container.url + path, headers={"x-ms-version": "2021-12-02"}, timeout=10
        )
        assert versioned.status_code == 401
        assert versioned.headers["x-ms-error-code"] == "NoAuthenticationInformation"
        assert versioned.headers["www-authenticate"].startswith("Bearer authorization_uri=")
    anonymous = ContainerClient(URL, container.container_name)
    with pytest.raises(ClientAuthenticationError, match="NoAuthenticationInformation"):
        anonymous.download_blob("there")
    assert container.download_blob("there").readall() == b"content"


def test_plain_http_is_refused(container):
    answer = requests.get(container.url.replace("https:", "http:") + "/there", timeout=10)
    assert answer.status_code == 400
    assert answer.headers["x-ms-error-code"] == "AccountRequiresHttps"
