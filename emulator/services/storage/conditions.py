"""Conditional headers.

https://learn.microsoft.com/rest/api/storageservices/specifying-conditional-headers-for-blob-service-operations
"""

from __future__ import annotations

from collections.abc import Mapping
from email.utils import parsedate_to_datetime

from emulator.services.storage.errors import StorageError, invalid_header


def check_read(headers: Mapping[str, str], etag: str, modified: int) -> None:
    """Raises StorageError 304 or 412 when a condition of a GET or HEAD is not met."""
    _check_match(headers, etag, modified)
    fresh = [
        _matches(value, etag) if name == "if-none-match" else modified <= _seconds(name, value)
        for name, value in headers.items()
        if name in ("if-none-match", "if-modified-since")
    ]
    if fresh and all(fresh):
        raise StorageError("ConditionNotMet", status=304)


def check_write(headers: Mapping[str, str], etag: str | None, modified: int) -> None:
    """Raises StorageError 409 or 412 when a condition of a write is not met.

    `etag` is None when there is nothing to write over yet.
    """
    _check_match(headers, etag, modified)
    if etag is None:
        return
    if none_match := headers.get("if-none-match"):
        if none_match.strip() == "*":
            raise StorageError("BlobAlreadyExists")
        if _matches(none_match, etag):
            raise StorageError("ConditionNotMet")
        return
    since = headers.get("if-modified-since")
    if since and modified <= _seconds("if-modified-since", since):
        raise StorageError("ConditionNotMet")


def _check_match(headers: Mapping[str, str], etag: str | None, modified: int) -> None:
    match = headers.get("if-match")
    if match and (etag is None or not _matches(match, etag)):
        raise StorageError("ConditionNotMet")
    since = headers.get("if-unmodified-since")
    if since and etag is not None and modified > _seconds("if-unmodified-since", since):
        raise StorageError("ConditionNotMet")


def _matches(value: str, etag: str) -> bool:
    """Whether a list of entity tags names this one; lists give it without its quotes."""
    tags = [tag.strip().removeprefix("W/").strip('"') for tag in value.split(",")]
    return "*" in tags or etag.strip('"') in tags


def _seconds(name: str, value: str) -> int:
    try:
        return int(parsedate_to_datetime(value).timestamp())
    except (TypeError, ValueError, OverflowError):
        raise invalid_header(name, value) from None
