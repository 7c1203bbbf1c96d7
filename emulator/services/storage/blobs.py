"""Operations on blobs, and Put Blob of a block blob.

https://learn.microsoft.com/rest/api/storageservices/operations-on-blobs
https://learn.microsoft.com/rest/api/storageservices/put-blob
"""

from __future__ import annotations

import base64
import hashlib
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import ClassVar
from urllib.parse import unquote, urlsplit

from emulator.arm.ids import new_guid
from emulator.services.storage.catalogue import Blob, Catalogue, new_etag
from emulator.services.storage.conditions import check_read, check_write
from emulator.services.storage.errors import StorageError, invalid_header, not_emulated
from emulator.services.storage.files import Content, Files, read
from emulator.services.storage.http import (
    BlobRequest,
    BlobResponse,
    Caller,
    Rows,
    http_date,
    parse_query,
)

LARGEST_BLOB = 5000 * 1024 * 1024  # bytes in one Put Blob
LARGEST_HASHED_RANGE = 4 * 1024 * 1024  # bytes; no MD5 is answered for a longer one
CONTENT_HEADERS = (
    "content-type",
    "content-encoding",
    "content-language",
    "content-disposition",
    "cache-control",
)
_RANGE = re.compile(r"bytes=(\d{1,18})-(\d{0,18})", re.ASCII)

# What a SAS in the URL of a copy's source allows: (request, query, container, blob) -> caller.
Signed = Callable[[BlobRequest, dict[str, str], str, str], Caller]


class Blobs:
    OPERATIONS: ClassVar[Rows] = (
        ("PUT", "blob", "", "", "cw", "put"),
        ("GET", "blob", "", "", "r", "get"),
        ("HEAD", "blob", "", "", "r", "get_properties"),
        ("PUT", "blob", "", "properties", "w", "set_properties"),
        ("GET", "blob", "", "metadata", "r", "get_metadata"),
        ("HEAD", "blob", "", "metadata", "r", "get_metadata"),
        ("PUT", "blob", "", "metadata", "w", "set_metadata"),
        ("DELETE", "blob", "", "", "d", "delete"),
    )

    def __init__(self, catalogue: Catalogue, files: Files, signed: Signed, suffix: str) -> None:
        self.catalogue = catalogue
        self.files = files
        self.signed = signed
        self.suffix = suffix

    async def put(self, request: BlobRequest) -> BlobResponse:
        """Put Blob; with x-ms-copy-source Copy Blob or Put Blob From URL."""
        if "x-ms-copy-source" in request.headers:
            return await self._copy(request)
        kind = request.headers.get("x-ms-blob-type")
        if not kind:
            raise StorageError("MissingRequiredHeader", detail={"HeaderName": "x-ms-blob-type"})
        if kind != "BlockBlob":
            raise not_emulated(f"blobs of the type {kind}")
        request.content_length(LARGEST_BLOB)
        headers, expected = content_headers(request.headers), content_md5(request.headers)
        check_may_write(self.catalogue, request)  # before the body is read, to fail early
        async with self.files.receive(request.stream()) as content:
            check_md5(expected, content.md5)
            given = content_md5(request.headers, "x-ms-blob-content-md5")
            check_md5(given, content.md5)
            headers["content-md5"] = _base64(content.md5 or b"")
            blob, replaced = save(self.catalogue, request, content, headers)
        await self.files.remove(replaced)
        return BlobResponse(
            201,
            {
                **version(blob),
                "content-md5": headers["content-md5"],
                "x-ms-request-server-encrypted": "true",
            },
        )

    async def get(self, request: BlobRequest) -> BlobResponse:
        blob = self._read(request)
        headers = {**_properties(blob), **request.caller.headers}
        asked = request.headers.get("x-ms-range") or request.headers.get("range", "")
        found = _RANGE.fullmatch(asked.strip())
        # A range in another form is not one that the service knows; it answers the whole.
        start, end = (int(found[1]), int(found[2] or blob.length)) if found else (0, blob.length)
        if not found:
            headers["content-length"] = str(blob.length)
            body = read(self.files.open(blob.file), 0, blob.length)
            return BlobResponse(200, headers, body)
        if start >= blob.length or end < start:
            raise StorageError("InvalidRange", headers={"content-range": f"bytes */{blob.length}"})
        length = min(end + 1, blob.length) - start
        headers["content-length"] = str(length)
        headers["content-range"] = f"bytes {start}-{start + length - 1}/{blob.length}"
        if whole := headers.pop("content-md5", ""):
            headers["x-ms-blob-content-md5"] = whole
        if request.headers.get("x-ms-range-get-content-md5", "").lower() == "true":
            if length > LARGEST_HASHED_RANGE:
                raise invalid_header("x-ms-range-get-content-md5", "true")
            pieces = read(self.files.open(blob.file), start, length)
            content = b"".join([piece async for piece in pieces])
            headers["content-md5"] = _base64(hashlib.md5(content, usedforsecurity=False).digest())
            return BlobResponse(206, headers, content)
        return BlobResponse(206, headers, read(self.files.open(blob.file), start, length))

    async def get_properties(self, request: BlobRequest) -> BlobResponse:
        blob = self._read(request)
        headers = {
            **_properties(blob),
            **request.caller.headers,
            "content-length": str(blob.length),
            "x-ms-access-tier": "Hot",
            "x-ms-access-tier-inferred": "true",
        }
        return BlobResponse(200, headers)

    async def set_properties(self, request: BlobRequest) -> BlobResponse:
        if "x-ms-blob-content-length" in request.headers:
            raise not_emulated("page blobs")
        before = self._existing(request)
        check_write(request.headers, before.etag, before.modified)
        headers = {
            **{name: value for name, value in before.headers.items() if name.startswith("x-ms-")},
            **content_headers(request.headers, prefix_only=True),
        }
        if md5 := content_md5(request.headers, "x-ms-blob-content-md5"):
            headers["content-md5"] = _base64(md5)
        return self._update(replace(before, headers=headers))

    async def get_metadata(self, request: BlobRequest) -> BlobResponse:
        blob = self._read(request)
        return BlobResponse(200, {**version(blob), **_metadata(blob)})

    async def set_metadata(self, request: BlobRequest) -> BlobResponse:
        before = self._existing(request)
        check_write(request.headers, before.etag, before.modified)
        response = self._update(replace(before, metadata=request.metadata))
        response.headers["x-ms-request-server-encrypted"] = "true"
        return response

    async def delete(self, request: BlobRequest) -> BlobResponse:
        blob = self._existing(request)
        check_write(request.headers, blob.etag, blob.modified)
        await self.files.remove(self.catalogue.delete_blob(*request.place))
        return BlobResponse(202, {"x-ms-delete-type-permanent": "true"})

    async def _copy(self, request: BlobRequest) -> BlobResponse:
        """A copy within the account, done when it is answered.

        https://learn.microsoft.com/rest/api/storageservices/copy-blob
        """
        url = request.headers["x-ms-copy-source"]
        source = self._source(request, url)
        conditions = {
            name.removeprefix("x-ms-source-"): value
            for name, value in request.headers.items()
            if name.startswith("x-ms-source-if-")
        }
        check_write(conditions, source.etag, source.modified)
        check_may_write(self.catalogue, request)
        copy_id = new_guid()
        headers = {
            **source.headers,
            **content_headers(request.headers, prefix_only=True),
            "x-ms-copy-id": copy_id,
            "x-ms-copy-source": url.partition("?")[0],
            "x-ms-copy-status": "success",
            "x-ms-copy-progress": f"{source.length}/{source.length}",
            "x-ms-copy-completion-time": http_date(),
        }
        async with self.files.copy(source.file, source.length) as content:
            blob, replaced = save(
                self.catalogue,
                request,
                content,
                headers,
                metadata=request.metadata or source.metadata,
                blocks=source.blocks,
            )
        await self.files.remove(replaced)
        return BlobResponse(
            201 if "x-ms-blob-type" in request.headers else 202,
            {**version(blob), "x-ms-copy-id": copy_id, "x-ms-copy-status": "success"},
        )

    def _source(self, request: BlobRequest, url: str) -> Blob:
        try:
            parts = urlsplit(url)
        except ValueError:
            raise invalid_header("x-ms-copy-source", url) from None
        if parts.netloc.lower() != f"{request.account}{self.suffix}":
            raise not_emulated(f"a copy from outside of the account, from '{parts.netloc}'")
        container, _, name = unquote(parts.path).removeprefix("/").partition("/")
        query = parse_query(parts.query)
        # The source's own SAS counts; without one, only who may do everything may read it.
        if "sig" in query:
            allowed = self.signed(request, query, container, name).may("r")
        else:
            allowed = request.caller.permissions is None
        if not allowed:
            raise StorageError(
                "CannotVerifyCopySource",
                "This request is not authorized to perform this operation.",
                status=403,
            )
        source = self.catalogue.blob(request.account, container, name)
        if source is None:
            raise StorageError("CannotVerifyCopySource")
        return source

    def _update(self, blob: Blob) -> BlobResponse:
        after = replace(blob, etag=new_etag(), modified=int(time.time()))
        self.catalogue.update_blob(after)
        return BlobResponse(200, version(after))

    def _read(self, request: BlobRequest) -> Blob:
        blob = self._existing(request)
        check_read(request.headers, blob.etag, blob.modified)
        return blob

    def _existing(self, request: BlobRequest) -> Blob:
        blob = self.catalogue.blob(*request.place)
        if blob is None:
            check_container(self.catalogue, request)
            raise StorageError("BlobNotFound")
        return blob


# What every write of a blob's content does


def check_container(catalogue: Catalogue, request: BlobRequest) -> None:
    if catalogue.container(request.account, request.container) is None:
        raise StorageError("ContainerNotFound")


def check_may_write(catalogue: Catalogue, request: BlobRequest) -> Blob | None:
    """The blob that this write replaces. Raises StorageError when it may not be written."""
    check_container(catalogue, request)
    before = catalogue.blob(*request.place)
    check_write(request.headers, before.etag if before else None, before.modified if before else 0)
    if before and not request.caller.may("w"):
        raise StorageError("UnauthorizedBlobOverwrite")
    if request.headers.get("x-ms-access-tier", "Hot") != "Hot":
        raise not_emulated(f"the access tier {request.headers['x-ms-access-tier']}")
    return before


def save(
    catalogue: Catalogue,
    request: BlobRequest,
    content: Content,
    headers: dict[str, str],
    *,
    metadata: dict[str, str] | None = None,
    blocks: list[tuple[str, int]] | None = None,
) -> tuple[Blob, list[str]]:
    """Make the content the blob's; return the blob and the files that are no longer needed.

    Conditions are checked here, in the same breath: while the content was on its way somebody
    else may have written the blob. Nothing here may await.
    """
    check_may_write(catalogue, request)
    moment = int(time.time())
    blob = Blob(
        *request.place,
        content.file,
        content.length,
        new_etag(),
        moment,
        moment,
        headers,
        request.metadata if metadata is None else metadata,
        blocks or [],
    )
    return blob, catalogue.put_blob(blob)


def version(blob: Blob) -> dict[str, str]:
    return {"etag": blob.etag, "last-modified": http_date(blob.modified)}


def content_headers(headers: Mapping[str, str], *, prefix_only: bool = False) -> dict[str, str]:
    """The headers that the blob will be read with: x-ms-blob-content-type or Content-Type, ..."""
    found = {}
    for name in CONTENT_HEADERS:
        value = headers.get(f"x-ms-blob-{name}") or ("" if prefix_only else headers.get(name))
        if value:
            found[name] = value
    if not prefix_only:
        found.setdefault("content-type", "application/octet-stream")
    return found


def content_md5(headers: Mapping[str, str], name: str = "content-md5") -> bytes | None:
    """The digest in a header. Raises StorageError 400 when it is not 128 bits in base64."""
    value = headers.get(name)
    if not value:
        return None
    try:
        digest = base64.b64decode(value, validate=True)
    except ValueError:
        raise StorageError("InvalidMd5") from None
    if len(digest) != 16:
        raise StorageError("InvalidMd5")
    return digest


def check_md5(expected: bytes | None, found: bytes | None) -> None:
    """Raises StorageError 400 when the client said another digest than the content has."""
    if expected is not None and found is not None and expected != found:
        raise StorageError(
            "Md5Mismatch",
            detail={
                "UserSpecifiedMd5": _base64(expected),
                "ServerCalculatedMd5": _base64(found),
            },
        )


def _properties(blob: Blob) -> dict[str, str]:
    return {
        "accept-ranges": "bytes",
        **version(blob),
        "content-type": "application/octet-stream",
        **blob.headers,
        **_metadata(blob),
        "x-ms-creation-time": http_date(blob.created),
        "x-ms-blob-type": "BlockBlob",
        "x-ms-lease-status": "unlocked",
        "x-ms-lease-state": "available",
        "x-ms-server-encrypted": "true",
    }


def _metadata(blob: Blob) -> dict[str, str]:
    return {f"x-ms-meta-{name}": value for name, value in blob.metadata.items()}


def _base64(digest: bytes) -> str:
    return base64.b64encode(digest).decode()
