"""What machine learning needs of blob storage, and where in it an asset's files are."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol
from urllib.parse import quote, unquote, urlencode, urlsplit

from emulator.services.machine_learning.errors import user_error

ENDPOINT = "core.windows.net"
LARGEST_TEXT = 1024 * 1024  # bytes that are read of a file


class BlobStorage(Protocol):
    """The storage accounts of local Azure; the composition root hands the service in."""

    def account_key(self, account: str) -> str:
        """The account's first key, base64. Raises LookupError when there is no such account."""
        ...

    def create_container(self, account: str, name: str) -> None:
        """Make the container; one that exists stays as it is."""
        ...

    def container_sas(self, account: str, container: str, permissions: str, hours: float) -> str:
        """A signed query string, without "?", that opens one container for `hours`."""
        ...

    def exists(self, account: str, container: str, path: str) -> bool:
        """Whether there is a blob of that name, or any below it as a folder."""
        ...

    def is_blob(self, account: str, container: str, path: str) -> bool:
        """Whether there is a blob of exactly that name: a file, not a folder of files."""
        ...

    def read(self, account: str, container: str, path: str, most: int) -> bytes | None:
        """The first `most` bytes of a blob; None when there is no such blob."""
        ...

    def names(self, account: str, container: str, prefix: str) -> Iterable[str]:
        """The names of the blobs that begin with the prefix, in order."""
        ...

    async def write(
        self,
        account: str,
        container: str,
        name: str,
        content: bytes,
        *,
        content_type: str,
        metadata: dict[str, str],
    ) -> None:
        """Create or replace a blob in a container that is there."""
        ...

    async def materialize(self, account: str, container: str, prefix: str, target: Path) -> int:
        """Copy a blob, or a folder of blobs, to a folder of this machine. Returns the number of
        files. Raises LookupError when there are none."""
        ...


@dataclass(frozen=True)
class BlobLocation:
    """The blob at `path`, or all blobs below it when it is a folder; "" is the container."""

    account: str
    container: str
    path: str

    @property
    def url(self) -> str:
        return f"https://{self.account}.blob.{ENDPOINT}/{self.container}/{self.path}"

    def text_of(self, blobs: BlobStorage, name: str) -> str | None:
        """The text of a small file of the folder, given its path there; None when there is none."""
        path = f"{self.path.rstrip('/')}/{name}" if self.path else name
        content = blobs.read(self.account, self.container, path, LARGEST_TEXT)
        return None if content is None else content.decode(errors="replace")


_HOST = re.compile(rf"([a-z0-9]{{3,24}})\.blob\.{re.escape(ENDPOINT)}", re.IGNORECASE)


def parse_blob_url(url: str) -> BlobLocation:
    """Where https://{account}.blob.core.windows.net/{container}/{path} points.

    Raises ArmError 400 for any other URL.
    """
    try:
        parts = urlsplit(url)
    except ValueError:  # of "https://[", say
        parts = urlsplit("")
    host = _HOST.fullmatch(parts.hostname or "")
    container, _, path = unquote(parts.path).strip("/").partition("/")
    if parts.scheme != "https" or not host or not container:
        raise user_error(
            400,
            f"'{url}' is not the address of a blob: "
            f"https://<account>.blob.{ENDPOINT}/<container>/<path>.",
        )
    return BlobLocation(host[1].lower(), container, path)


@contextmanager
def account_must_exist(account: str) -> Iterator[None]:
    """An account can be deleted while a workspace still refers to it: 400, not a failure."""
    try:
        yield
    except LookupError:
        raise user_error(400, f"The storage account '{account}' does not exist.") from None


def account_sas(account: str, key: str, hours: float) -> str:
    """What a datastore gives for its account key: an account SAS for blobs, without "?".

    https://learn.microsoft.com/rest/api/storageservices/create-account-sas
    """
    expiry = datetime.now(UTC) + timedelta(hours=hours)
    query = {
        "sv": "2021-12-02",
        "ss": "b",
        "srt": "co",
        "sp": "rwdlac",
        "se": expiry.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "spr": "https",
    }
    signed = ("sp", "ss", "srt", "st", "se", "sip", "spr", "sv", "ses")
    text = "\n".join([account, *(query.get(name, "") for name in signed), ""])
    signature = hmac.digest(base64.b64decode(key), text.encode(), hashlib.sha256)
    query["sig"] = base64.b64encode(signature).decode()
    return urlencode(query, quote_via=quote, safe="")
