"""Code as a deployment uploads it: a place for each upload, and the same code only once."""

from __future__ import annotations

from pathlib import Path

import pytest
from azure.ai.ml.entities._assets._artifacts.code import Code
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.storage.blob import ContainerClient

from tests.emulator.services.arm import HOME, call


@pytest.fixture
def folder(tmp_path: Path, unique: str) -> Path:
    made = tmp_path / "scoring"
    (made / "helpers").mkdir(parents=True)
    (made / "score.py").write_text(f"# {unique}\n")
    (made / "helpers" / "images.py").write_text("SIZE = 8\n")
    return made


@pytest.fixture
def upload(ml_client, folder):
    """Uploads the folder as a deployment does; MLClient has no public property for it."""

    def put(**wanted) -> Code:
        return ml_client._code.create_or_update(Code(path=str(folder), **wanted))

    return put


def pending(name: str) -> dict:
    path = f"{HOME}/codes/{name}/versions/1/startPendingUpload"
    return call("POST", path, {"pendingUploadType": "TemporaryBlobReference"}).json()


def test_code_comes_back_as_it_was(ml_client, upload, folder, tmp_path):
    made = upload()
    assert made.path.endswith("/scoring")
    ml_client._code.download(made.name, made.version, str(tmp_path / "back"))
    for name in ("score.py", "helpers/images.py"):
        assert (tmp_path / "back" / name).read_text() == (folder / name).read_text()


def test_the_same_code_is_found_again_under_whatever_name(upload, folder):
    first = upload()
    assert upload().id == first.id
    assert upload(name="mine", version="1").id == first.id
    (folder / "score.py").write_text("# changed\n")
    second = upload()
    assert second.id != first.id
    # In a container of its own, where no older file can be taken for it.
    assert second.path.split("/")[3] != first.path.split("/")[3]


def test_the_hash_is_kept_in_words(local_azure, upload):
    made = upload()
    properties = call("GET", made.id).json()["properties"]["properties"]
    assert properties["hash_version"] == "202208"
    found = call(
        "GET",
        f"{HOME}/codes/anything/versions",
        hash=properties["hash_sha256"],
        hashVersion="202208",
    ).json()["value"]
    assert [one["id"] for one in found] == [made.id]
    other = call("GET", f"{HOME}/codes/anything/versions", hash="0", hashVersion="202208")
    assert other.json()["value"] == []


def test_each_pending_upload_has_a_place_that_only_its_own_signature_opens(local_azure, unique):
    first, second = pending(f"p-{unique}"), pending(f"p-{unique}")
    assert first["pendingUploadType"] == "TemporaryBlobReference"
    places = [answer["blobReferenceForConsumption"] for answer in (first, second)]
    assert places[0]["blobUri"] != places[1]["blobUri"]
    assert places[0]["credential"]["credentialType"] == "SAS"
    assert places[0]["credential"]["sasUri"].startswith(f"{places[0]['blobUri']}?")
    container = ContainerClient.from_container_url(places[0]["credential"]["sasUri"])
    container.upload_blob("score.py", b"print()")
    assert [blob.name for blob in container.list_blobs()] == ["score.py"]
    signature = places[0]["credential"]["sasUri"].partition("?")[2]
    stranger = ContainerClient.from_container_url(f"{places[1]['blobUri']}?{signature}")
    with pytest.raises(HttpResponseError, match="AuthenticationFailed"):
        stranger.upload_blob("score.py", b"print()")


def test_code_that_cannot_be(local_azure, upload, unique):
    path = f"{HOME}/codes/c-{unique}/versions/1"
    uri = pending(f"c-{unique}")["blobReferenceForConsumption"]["blobUri"]
    answer = call("PUT", path, {"properties": {"codeUri": uri}})
    assert answer.status_code == 400
    assert "Upload the code first" in answer.json()["error"]["message"]
    made = upload(name=f"d-{unique}", version="1")
    other = call("PUT", made.id, {"properties": {"codeUri": f"{made.path}/helpers"}})
    assert other.status_code == 400
    assert other.json()["error"]["message"] == "Asset paths cannot be updated."


def test_code_that_is_not_there(ml_client):
    with pytest.raises(ResourceNotFoundError, match="name: nothing not found"):
        ml_client._code.get("nothing", "1")
    assert call("GET", f"{HOME}/codes/nothing/versions").status_code == 404
