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
from xml.sax.saxutils import escape, quoteattr

from emulator.services.storage.catalogue import Blob, Block, Container
from emulator.services.storage.errors import StorageError, invalid_query
from emulator.services.storage.http import http_date

LARGEST_PAGE = 5000
XML = '<?xml version="1.0" encoding="utf-8"?>'
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
        if maxresults and not maxresults.isdecimal():
            raise invalid_query("maxresults", maxresults)
        if maxresults and int(maxresults) == 0:
            raise StorageError("OutOfRangeQueryParameterValue")
        try:
            start = base64.urlsafe_b64decode(marker).decode()
        except ValueError:
            raise invalid_query("marker", marker) from None
        return cls(
            query.get("prefix", ""),
            query.get("delimiter", ""),
            marker,
            start,
            maxresults,
            min(int(maxresults or LARGEST_PAGE), LARGEST_PAGE),
            frozenset(query.get("include", "").split(",")),
        )

    def xml(self, attributes: str, name: str, items: str, following: str) -> bytes:
        """The whole document; `following` is the name that the next page begins with."""
        asked = _element("Prefix", self.prefix) + _element("Marker", self.marker)
        # Only when asked for: clients repeat with their next call what they read here.
        if self.maxresults:
            asked += _element("MaxResults", str(self.size))
        if self.delimiter:
            asked += _element("Delimiter", self.delimiter)
        next_marker = base64.urlsafe_b64encode(following.encode()).decode()
        return (
            f"{XML}<EnumerationResults {attributes}>{asked}<{name}>{items}</{name}>"
            f"{_element('NextMarker', next_marker)}</EnumerationResults>"
        ).encode()


def containers_xml(endpoint: str, page: Page, found: list[Container]) -> bytes:
    """`found` may hold one more than the page does."""
    items = "".join(
        "<Container>"
        + _element("Name", container.name)
        + "<Properties>"
        + _element("Last-Modified", http_date(container.modified))
        + _element("Etag", container.etag)
        + "<LeaseStatus>unlocked</LeaseStatus><LeaseState>available</LeaseState>"
        "<HasImmutabilityPolicy>false</HasImmutabilityPolicy><HasLegalHold>false</HasLegalHold>"
        "</Properties>"
        + (_metadata(container.metadata) if "metadata" in page.include else "")
        + "</Container>"
        for container in found[: page.size]
    )
    following = found[page.size].name if len(found) > page.size else ""
    return page.xml(f"ServiceEndpoint={quoteattr(endpoint)}", "Containers", items, following)


def blobs_xml(endpoint: str, container: str, page: Page, found: Iterable[Blob]) -> bytes:
    """`found` are the blobs with the prefix from the page's start on, as many as there are."""
    items: list[str] = []
    following = ""
    for name, blob in _entries(page, found):
        if len(items) == page.size:
            following = name
            break
        if blob is None:
            items.append(f"<BlobPrefix>{_element('Name', name)}</BlobPrefix>")
        else:
            items.append(_blob(blob, page.include))
    attributes = f"ServiceEndpoint={quoteattr(endpoint)} ContainerName={quoteattr(container)}"
    return page.xml(attributes, "Blobs", "".join(items), following)


def block_list_xml(which: str, committed: Iterable[tuple[str, int]], staged: list[Block]) -> bytes:
    """`which` is committed, uncommitted or all."""
    lists = {
        "CommittedBlocks": committed if which in ("committed", "all") else None,
        "UncommittedBlocks": ((block.id, block.length) for block in staged)
        if which in ("uncommitted", "all")
        else None,
    }
    inner = "".join(
        f"<{name}>"
        + "".join(
            f"<Block>{_element('Name', block_id)}{_element('Size', str(length))}</Block>"
            for block_id, length in blocks
        )
        + f"</{name}>"
        for name, blocks in lists.items()
        if blocks is not None
    )
    return f"{XML}<BlockList>{inner}</BlockList>".encode()


def parse_block_list(body: bytes) -> list[tuple[str, str]]:
    """What Put Block List sends: (Committed, Uncommitted or Latest; block id), in order.

    Raises StorageError 400 when it is not such a document.
    """
    try:
        root = ElementTree.fromstring(body)
    except ElementTree.ParseError:
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


def _blob(blob: Blob, include: frozenset[str]) -> str:
    parts = [
        "<Blob>",
        _element("Name", blob.name),
        "<Properties>",
        _element("Creation-Time", http_date(blob.created)),
        _element("Last-Modified", http_date(blob.modified)),
        _element("Etag", blob.etag.strip('"')),
        _element("Content-Length", str(blob.length)),
        *(_element(name, blob.headers.get(header, "")) for name, header in _FROM_HEADERS.items()),
        "<BlobType>BlockBlob</BlobType><AccessTier>Hot</AccessTier>"
        "<AccessTierInferred>true</AccessTierInferred><LeaseStatus>unlocked</LeaseStatus>"
        "<LeaseState>available</LeaseState><ServerEncrypted>true</ServerEncrypted>",
    ]
    if "copy" in include and "x-ms-copy-id" in blob.headers:
        parts += [_element(name, blob.headers[header]) for name, header in _COPY.items()]
    parts += ["</Properties>"]
    if "metadata" in include:
        parts += [_metadata(blob.metadata)]
    return "".join([*parts, "</Blob>"])


def _metadata(metadata: Mapping[str, str]) -> str:
    inner = "".join(_element(name, value) for name, value in metadata.items())
    return f"<Metadata>{inner}</Metadata>"


def _element(name: str, text: str) -> str:
    return f"<{name}>{escape(text)}</{name}>" if text else f"<{name} />"
