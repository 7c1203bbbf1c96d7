"""Names of blobs, whatever they hold, and the lists that show them."""

from __future__ import annotations

import http.client
import secrets
import ssl
from collections.abc import Iterator
from urllib.parse import quote

import pytest
from azure.core.exceptions import HttpResponseError
from azure.identity import DefaultAzureCredential
from azure.storage.blob import BlobPrefix, BlobServiceClient, ContainerClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from emulator.defaults import STORAGE_ACCOUNT

HOST = f"{STORAGE_ACCOUNT}.blob.core.windows.net"


@pytest.fixture(scope="module")
def container(local_azure) -> Iterator[ContainerClient]:
    service = BlobServiceClient(f"https://{HOST}", credential=DefaultAzureCredential())
    made = service.create_container(f"names-{secrets.token_hex(3)}")
    yield made
    made.delete_container()


@pytest.fixture
def send(local_azure, container):
    """Sends a path exactly as it is written: clients fold `..` before they send it."""
    token = DefaultAzureCredential().get_token("https://storage.azure.com/.default").token
    context = ssl.create_default_context(cafile=local_azure.environment["SSL_CERT_FILE"])

    def call(method: str, path: str, body: bytes | None = None, query: str = ""):
        connection = http.client.HTTPSConnection(
            "127.0.0.1", local_azure.process.port, context=context, timeout=10
        )
        connection.set_tunnel(HOST, 443, local_azure.proxy_authorization)
        connection.request(
            method,
            f"/{container.container_name}/{path}{query}",
            body,
            {
                "Authorization": f"Bearer {token}",
                "x-ms-version": "2021-12-02",
                "x-ms-blob-type": "BlockBlob",
            },
        )
        answer = connection.getresponse()
        found = answer.status, answer.headers.get("x-ms-error-code"), answer.read()
        connection.close()
        return found

    return call


UNUSUAL = [
    "with space",
    " leading and trailing ",
    "a+b",
    "100%",
    "%2e%2e",
    "50%25",
    "what?",
    "#1",
    "a&b=c",
    "<tag>&amp;",
    "quote'\"",
    "semi;colon,comma",
    "back\\slash",
    "tilde~",
    "[brackets]{braces}|pipe^`",
    "日本語/模型.pt",
    "émoji 🧠",
    "e\u0301 and \u00e9 are two names",
    "deep/" * 20 + "file",
    "double//slash",
    "ends with slash/",
    "/begins with slash",
    ".hidden",
    "CON",
    "a:b",
]


@pytest.mark.parametrize("name", UNUSUAL)
def test_unusual_names(container, name):
    content = secrets.token_bytes(16)
    blob = container.upload_blob(name, content, overwrite=True)
    assert container.get_blob_client(name).download_blob().readall() == content
    assert [found.name for found in container.list_blobs(name_starts_with=name)] == [name]
    copy = container.get_blob_client("copy of an unusual name")
    copy.start_copy_from_url(blob.url)
    assert copy.download_blob().readall() == content
    blob.delete_blob()
    copy.delete_blob()
    assert not list(container.list_blobs(name_starts_with=name))


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("../../../../etc/passwd", "../../../../etc/passwd"),
        ("..", ".."),
        (".", "."),
        ("a/../b", "a/../b"),
        ("%2e%2e/%2e%2e/state.db", "../../state.db"),
        ("..%2f..%2fstate.db", "../../state.db"),
        ("..%5c..%5cstate.db", "..\\..\\state.db"),
        ("//etc/passwd", "//etc/passwd"),
        ("%252e%252e/x", "%2e%2e/x"),
    ],
)
def test_a_name_is_never_a_path(local_azure, container, send, path, name):
    def files() -> dict[str, bytes]:
        return {
            str(file): file.read_bytes()
            for file in local_azure.home.root.rglob("*")
            if file.is_file()
            and local_azure.home.blobs not in file.parents
            # These change by themselves.
            and not file.name.startswith(("state.db", "emulator.log"))
        }

    before = files()
    status, code, _ = send("PUT", path, b"content")
    assert (status, code) == (201, None)
    assert send("GET", path) == (200, None, b"content")
    assert name in [blob.name for blob in container.list_blobs()]
    assert send("DELETE", path)[0] == 202
    assert send("GET", path)[:2] == (404, "BlobNotFound")
    assert files() == before
    for file in local_azure.home.blobs.iterdir():
        assert file.is_file()
        assert len(file.name) == 32


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("a" * 1025, "OutOfRangeInput"),
        ("line%0afeed", "InvalidUri"),
        ("nul%00", "InvalidUri"),
        ("not%ffutf8", "InvalidUri"),
        ("surrogate%ed%a0%80", "InvalidUri"),
        ("noncharacter" + quote("\uffff"), "InvalidUri"),
        ("control" + quote("\x85"), "InvalidUri"),
    ],
)
def test_names_that_azure_refuses(send, path, code):
    assert send("PUT", path, b"content")[:2] == (400, code)


def test_the_longest_names(container):
    for name in ("n" * 1024, "é" * 1024):
        container.upload_blob(name, b"long")
        assert container.download_blob(name).readall() == b"long"
        assert name in [blob.name for blob in container.list_blobs()]
        container.delete_blob(name)


segments = st.text(
    st.characters(
        codec="utf-8",
        exclude_categories=["Cc", "Cn"],
        exclude_characters="/\ufff9\ufffa\ufffb\ufffc\ufffd",
    ),
    min_size=1,
    max_size=20,
).filter(lambda segment: segment not in (".", ".."))


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.lists(segments, min_size=1, max_size=4).map("/".join),
    st.binary(max_size=2000),
    st.dictionaries(
        st.from_regex(r"[a-z_][a-z0-9_]{0,10}", fullmatch=True),
        st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=20),
        max_size=3,
    ),
)
def test_what_goes_in_comes_out(container, name, content, metadata):
    blob = container.upload_blob(name, content, overwrite=True, metadata=metadata)
    read = container.get_blob_client(name).download_blob()
    assert read.readall() == content
    assert read.properties.metadata == metadata
    listed = list(container.list_blobs(name_starts_with=name, include=["metadata"]))
    # The client reads no metadata as None in a list.
    assert [(found.name, found.size, found.metadata or {}) for found in listed] == [
        (name, len(content), metadata)
    ]
    blob.delete_blob()


# Lists


@pytest.fixture
def tree(container, unique: str) -> Iterator[str]:
    """a, b/1 to b/5, b/c/1, d/e/f, z below a prefix."""
    prefix = f"tree-{unique}/"
    names = ["a", *(f"b/{n}" for n in range(1, 6)), "b/c/1", "d/e/f", "z"]
    for name in names:
        container.upload_blob(prefix + name, name.encode(), metadata={"n": name})
    yield prefix
    for name in names:
        container.delete_blob(prefix + name)


def test_lists_come_in_pages(container, tree):
    whole = [blob.name for blob in container.list_blobs(name_starts_with=tree)]
    assert whole == sorted(whole)
    assert len(whole) == 9
    for size in (1, 2, 4, 9, 10):
        pages = container.list_blobs(name_starts_with=tree, results_per_page=size).by_page()
        found = [[blob.name for blob in page] for page in pages]
        assert [len(page) for page in found[:-1]] == [size] * (len(found) - 1)
        assert [name for page in found for name in page] == whole
    assert list(container.list_blob_names(name_starts_with=tree)) == whole
    with_metadata = container.list_blobs(name_starts_with=f"{tree}b/c", include="metadata")
    assert [blob.metadata for blob in with_metadata] == [{"n": "b/c/1"}]
    assert next(container.list_blobs(name_starts_with=tree)).metadata == {}


def test_folders_are_what_a_delimiter_makes(container, tree):
    def walk(prefix: str, size: int | None) -> list[str]:
        items = container.walk_blobs(prefix, delimiter="/", results_per_page=size)
        return [
            f"folder {item.name[len(tree) :]}"
            if isinstance(item, BlobPrefix)
            else item.name[len(tree) :]
            for item in items
        ]

    assert walk(tree, None) == ["folder b/", "folder d/", "a", "z"]
    # Page by page, no folder comes twice and none is missing.
    for size in (1, 2, 3):
        assert sorted(walk(tree, size)) == ["a", "folder b/", "folder d/", "z"]
        assert sorted(walk(f"{tree}b/", size)) == [
            *(f"b/{n}" for n in range(1, 6)),
            "folder b/c/",
        ]
    assert walk(f"{tree}none/", None) == []


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("maxresults=0", "OutOfRangeQueryParameterValue"),
        ("maxresults=many", "InvalidQueryParameterValue"),
        ("marker=%C3%A9", "InvalidQueryParameterValue"),
        ("marker=abcde", "InvalidQueryParameterValue"),
    ],
)
def test_a_list_that_cannot_be_made(container, send, query, code):
    status, found, _ = send("GET", "", query=f"?restype=container&comp=list&{query}")
    assert (status, found) == (400, code)


def test_an_error_is_xml(send):
    status, code, body = send("GET", "absent")
    assert (status, code) == (404, "BlobNotFound")
    assert body.startswith(
        b'<?xml version="1.0" encoding="utf-8"?><Error><Code>BlobNotFound</Code>'
    )
    assert b"RequestId:" in body
    status, code, body = send("HEAD", "absent")
    assert (status, code, body) == (404, "BlobNotFound", b"")


def test_the_clients_own_names_for_errors(container):
    with pytest.raises(HttpResponseError) as caught:
        container.download_blob("absent")
    assert caught.value.error_code == "BlobNotFound"
    assert "The specified blob does not exist." in caught.value.message
