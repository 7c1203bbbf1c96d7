"""Operations on the blocks of block blobs.

https://learn.microsoft.com/rest/api/storageservices/operations-on-block-blobs
"""

from __future__ import annotations

import base64
import hashlib
from typing import ClassVar

from emulator.services.storage.blobs import (
    check_container,
    check_may_write,
    check_md5,
    content_headers,
    content_md5,
    save,
    version,
)
from emulator.services.storage.catalogue import Block, Catalogue
from emulator.services.storage.errors import StorageError, invalid_header, invalid_query
from emulator.services.storage.files import Files, Part
from emulator.services.storage.http import BlobRequest, BlobResponse, Rows, http_date
from emulator.services.storage.listing import block_list_xml, parse_block_list

LARGEST_BLOCK = 4000 * 1024 * 1024  # bytes
LARGEST_BLOCK_ID = 64  # bytes before base64
MOST_BLOCKS = 50_000
LARGEST_LIST = 10 * 1024 * 1024  # bytes of XML, room for that many of the longest ids


class Blocks:
    OPERATIONS: ClassVar[Rows] = (
        ("PUT", "blob", "", "block", "w", "put_block"),
        ("PUT", "blob", "", "blocklist", "w", "put_block_list"),
        ("GET", "blob", "", "blocklist", "r", "get_block_list"),
    )

    def __init__(self, catalogue: Catalogue, files: Files) -> None:
        self.catalogue = catalogue
        self.files = files

    async def put_block(self, request: BlobRequest) -> BlobResponse:
        block_id = _block_id(request)
        length = request.content_length(LARGEST_BLOCK)
        if length == 0:
            raise invalid_header("Content-Length", "0")
        expected = content_md5(request.headers)
        check_container(self.catalogue, request)
        async with self.files.receive(request.stream()) as content:
            check_md5(expected, content.md5)
            check_container(self.catalogue, request)
            other = self.catalogue.some_block_id(*request.place)
            if other and len(other) != len(block_id):
                raise StorageError("InvalidBlobOrBlock")
            replaced = self.catalogue.put_block(
                *request.place, Block(block_id, content.file, content.length)
            )
        await self.files.remove(replaced)
        headers = {"x-ms-request-server-encrypted": "true"}
        if expected:
            headers["content-md5"] = request.headers["content-md5"]
        return BlobResponse(201, headers)

    async def put_block_list(self, request: BlobRequest) -> BlobResponse:
        body = await request.body(LARGEST_LIST)
        check_md5(content_md5(request.headers), hashlib.md5(body, usedforsecurity=False).digest())
        wanted = parse_block_list(body)
        if len(wanted) > MOST_BLOCKS:
            raise StorageError("BlockListTooLong")
        headers = content_headers(request.headers, prefix_only=True)
        # Stored as the client says: the blocks were verified one by one, the whole is not.
        if content_md5(request.headers, "x-ms-blob-content-md5"):
            headers["content-md5"] = request.headers["x-ms-blob-content-md5"]
        check_may_write(self.catalogue, request)
        parts = self._parts(request, wanted)
        blocks = [
            (block_id, part.length) for (_, block_id), part in zip(wanted, parts, strict=True)
        ]
        try:
            async with self.files.join(parts) as content:
                blob, replaced = save(self.catalogue, request, content, headers, blocks=blocks)
        except FileNotFoundError:
            # Another commit, or a deletion, took the blocks away while they were being joined.
            raise StorageError("InvalidBlockList") from None
        await self.files.remove(replaced)
        return BlobResponse(201, {**version(blob), "x-ms-request-server-encrypted": "true"})

    async def get_block_list(self, request: BlobRequest) -> BlobResponse:
        which = request.query.get("blocklisttype", "committed").lower()
        if which not in ("committed", "uncommitted", "all"):
            raise invalid_query("blocklisttype", which)
        blob = self.catalogue.blob(*request.place)
        staged = self.catalogue.blocks(*request.place)
        if blob is None and not staged:
            check_container(self.catalogue, request)
            raise StorageError("BlobNotFound")
        headers = {"content-type": "application/xml"}
        if blob:
            headers |= {**version(blob), "x-ms-blob-content-length": str(blob.length)}
        else:
            headers |= {"last-modified": http_date(), "x-ms-blob-content-length": "0"}
        body = block_list_xml(which, blob.blocks if blob else [], staged)
        return BlobResponse(200, headers, body)

    def _parts(self, request: BlobRequest, wanted: list[tuple[str, str]]) -> list[Part]:
        """Where the content of each listed block is. Raises StorageError 400 if one is unknown."""
        staged = {
            block.id: Part(block.file, 0, block.length)
            for block in self.catalogue.blocks(*request.place)
        }
        committed: dict[str, Part] = {}
        if blob := self.catalogue.blob(*request.place):
            start = 0
            for block_id, length in blob.blocks:
                committed[block_id] = Part(blob.file, start, length)
                start += length
        places = {
            "Committed": committed,
            "Uncommitted": staged,
            "Latest": {**committed, **staged},
        }
        try:
            return [places[kind][block_id] for kind, block_id in wanted]
        except KeyError:
            raise StorageError("InvalidBlockList") from None


def _block_id(request: BlobRequest) -> str:
    text = request.query.get("blockid", "")
    if not text:
        raise StorageError(
            "MissingRequiredQueryParameter", detail={"QueryParameterName": "blockid"}
        )
    try:
        length = len(base64.b64decode(text, validate=True))
    except ValueError:
        raise invalid_query("blockid", text, "Not a valid base64 string.") from None
    if length > LARGEST_BLOCK_ID:
        raise invalid_query("blockid", text, f"It may have {LARGEST_BLOCK_ID} bytes at most.")
    return text
