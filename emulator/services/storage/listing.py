"""The XML of List Containers, List Blobs and the block lists.

https://learn.microsoft.com/rest/api/storageservices/list-blobs
https://learn.microsoft.com/rest/api/storageservices/list-containers2
https://learn.microsoft.com/rest/api/storageservices/get-block-list
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from emulator.services.storage.catalogue import Blob, BlobContainer, Block
from emulator.services.storage.errors import StorageError, invalid_query
from emulator.services.storage.http import NOT_IN_NAMES, decimal, http_date

LARGEST_PAGE = 5000
# Elements of a blob's Properties -> the header with the same value.
_FROM_HEADERS = {
    "Content-Type": "content-type",
    "Content-Encoding": "content-encoding",
    "Content-Language": "content-language",
    "Content-MD5": "content-md5",
    "Content-Disposition": "content-disposition",
    "Cache-Control": "cache-control",
}
_COPY = {
    "CopyId": "x-ms-copy-id",
    "CopyStatus": "x-ms-copy-status",
    "CopySource": "x-ms-copy-source",
    "CopyProgress": "x-ms-copy-progress",
    "CopyCompletionTime": "x-ms-copy-completion-time",
}
# What is the same of every container, and of every blob.
_CONTAINER_ALWAYS = {
    "LeaseStatus": "unlocked",
    "LeaseState": "available",
    "HasImmutabilityPolicy": "false",
    "HasLegalHold": "false",
}
_BLOB_ALWAYS = {
    "BlobType": "BlockBlob",
    "AccessTier": "Hot",
    "AccessTierInferred": "true",
    "LeaseStatus": "unlocked",
    "LeaseState": "available",
    "ServerEncrypted": "true",
}


@dataclass(frozen=True)
class Page:
    """What a list call asks for: the query's prefix, delimiter, marker, maxresults, include."""

    prefix: str
    delimiter: str
    marker: str
    start: str
    maxresults: str
    size: int
    include: frozenset[str]

    @classmethod
    def of(cls, query: Mapping[str, str]) -> Page:
        """Raises StorageError 400 for a marker or a maxresults that is not valid."""
        marker, maxresults = query.get("marker", ""), query.get("maxresults", "")
        size = decimal(maxresults) if maxresults else LARGEST_PAGE
        if size is None:
            raise invalid_query("maxresults", maxresults)
        if size == 0:
            raise StorageError("OutOfRangeQueryParameterValue")
        try:
            start = base64.urlsafe_b64decode(marker).decode()
        except ValueError:
            raise invalid_query("marker", marker) from None
        for name in ("prefix", "delimiter", "marker"):
            if NOT_IN_NAMES.search(query.get(name, "")):
                raise invalid_query(name, query[name])
        return cls(
            query.get("prefix", ""),
            query.get("delimiter", ""),
            marker,
            start,
            maxresults,
            min(size, LARGEST_PAGE),
            frozenset(query.get("include", "").split(",")),
        )

    def document(self, attributes: dict[str, str], items: Element, following: str) -> bytes:
        """The whole document; `following` is the name that the next page begins with."""
        root = Element("EnumerationResults", attributes)
        _add(root, "Prefix", self.prefix)
        _add(root, "Marker", self.marker)
        # Only when asked for: clients repeat with their next call what they read here.
        if self.maxresults:
            _add(root, "MaxResults", str(self.size))
        if self.delimiter:
            _add(root, "Delimiter", self.delimiter)
        root.append(items)
        _add(root, "NextMarker", base64.urlsafe_b64encode(following.encode()).decode())
        return _written(root)


def containers_xml(endpoint: str, page: Page, found: list[BlobContainer]) -> bytes:
    """`found` may hold one more than the page does."""
    items = Element("Containers")
    for container in found[: page.size]:
        item = SubElement(items, "Container")
        _add(item, "Name", container.name)
        properties = SubElement(item, "Properties")
        _add(properties, "Last-Modified", http_date(container.modified))
        _add(properties, "Etag", container.etag)
        _add_all(properties, _CONTAINER_ALWAYS)
        if "metadata" in page.include:
            _add_all(SubElement(item, "Metadata"), container.metadata)
    following = found[page.size].name if len(found) > page.size else ""
    return page.document({"ServiceEndpoint": endpoint}, items, following)


def blobs_xml(endpoint: str, container: str, page: Page, found: Iterable[Blob]) -> bytes:
    """`found` are the blobs with the prefix from the page's start on, as many as there are."""
    items = Element("Blobs")
    following = ""
    for name, blob in _entries(page, found):
        if len(items) == page.size:
            following = name
            break
        if blob is None:
            _add(SubElement(items, "BlobPrefix"), "Name", name)
        else:
            _add_blob(items, blob, page.include)
    attributes = {"ServiceEndpoint": endpoint, "ContainerName": container}
    return page.document(attributes, items, following)


def block_list_xml(which: str, committed: Iterable[tuple[str, int]], staged: list[Block]) -> bytes:
    """`which` is committed, uncommitted or all."""
    root = Element("BlockList")
    if which in ("committed", "all"):
        _add_blocks(SubElement(root, "CommittedBlocks"), committed)
    if which in ("uncommitted", "all"):
        blocks = ((block.id, block.length) for block in staged)
        _add_blocks(SubElement(root, "UncommittedBlocks"), blocks)
    return _written(root)


def parse_block_list(body: bytes) -> list[tuple[str, str]]:
    """What Put Block List sends: (Committed, Uncommitted or Latest; block id), in order.

    Raises StorageError 400 when it is not such a document.
    """
    try:
        root = ElementTree.fromstring(body)
    except (ElementTree.ParseError, LookupError, ValueError):  # an encoding that is none, say
        raise StorageError("InvalidXmlDocument") from None
    found = [(item.tag, item.text or "") for item in root]
    if root.tag != "BlockList" or any(
        kind not in ("Committed", "Uncommitted", "Latest") for kind, _ in found
    ):
        raise StorageError("InvalidXmlDocument")
    return found


def _entries(page: Page, found: Iterable[Blob]) -> Iterator[tuple[str, Blob | None]]:
    """The blobs, those with the delimiter behind the prefix as one entry without a blob."""
    last = ""
    for blob in found:
        head, delimiter, _ = blob.name[len(page.prefix) :].partition(page.delimiter or "\0")
        if not delimiter:
            yield blob.name, blob
            continue
        group = page.prefix + head + delimiter
        if group != last:
            last = group
            yield group, None


def _add_blob(items: Element, blob: Blob, include: frozenset[str]) -> None:
    item = SubElement(items, "Blob")
    _add(item, "Name", blob.name)
    properties = SubElement(item, "Properties")
    _add(properties, "Creation-Time", http_date(blob.created))
    _add(properties, "Last-Modified", http_date(blob.modified))
    _add(properties, "Etag", blob.etag.strip('"'))
    _add(properties, "Content-Length", str(blob.length))
    for name, header in _FROM_HEADERS.items():
        _add(properties, name, blob.headers.get(header, ""))
    _add_all(properties, _BLOB_ALWAYS)
    if "copy" in include and "x-ms-copy-id" in blob.headers:
        for name, header in _COPY.items():
            _add(properties, name, blob.headers[header])
    if "metadata" in include:
        _add_all(SubElement(item, "Metadata"), blob.metadata)


def _add_blocks(parent: Element, blocks: Iterable[tuple[str, int]]) -> None:
    for block_id, length in blocks:
        block = SubElement(parent, "Block")
        _add(block, "Name", block_id)
        _add(block, "Size", str(length))


def _add(parent: Element, name: str, text: str) -> None:
    SubElement(parent, name).text = text


def _add_all(parent: Element, texts: Mapping[str, str]) -> None:
    for name, text in texts.items():
        _add(parent, name, text)


def _written(root: Element) -> bytes:
    content: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return content
