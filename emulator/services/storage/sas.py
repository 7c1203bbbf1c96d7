"""Shared access signatures: what is signed, for a service SAS and for an account SAS.

https://learn.microsoft.com/rest/api/storageservices/create-service-sas
https://learn.microsoft.com/rest/api/storageservices/create-account-sas
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from urllib.parse import quote, urlencode

from emulator.services.storage.errors import StorageError, not_emulated

VERSION = "2021-12-02"
OLDEST = "2015-04-05"
# Query parameter -> the response header that it overrides.
OVERRIDES = {
    "rscc": "cache-control",
    "rscd": "content-disposition",
    "rsce": "content-encoding",
    "rscl": "content-language",
    "rsct": "content-type",
}


def sign(key: str, text: str) -> str:
    """HMAC-SHA256 of the text with a base64 account key, in base64."""
    digest = hmac.digest(base64.b64decode(key), text.encode(), hashlib.sha256)
    return base64.b64encode(digest).decode()


def service_string_to_sign(
    query: Mapping[str, str], account: str, container: str, blob: str
) -> str:
    """What `sig` signs when `sr` is c (the container) or b (the blob)."""
    if query["sr"] not in ("c", "b"):
        raise not_emulated(f"a SAS with sr={query['sr']}")
    resource = f"/blob/{account}/{container}" + (f"/{blob}" if query["sr"] == "b" else "")
    version = query.get("sv", "")
    fields = [
        *_values(query, "sp", "st", "se"),
        resource,
        *_values(query, "si", "sip", "spr", "sv"),
        # Signed from these versions on; between them the time of a snapshot, which none has here.
        *([query["sr"], ""] if version >= "2018-11-09" else []),
        *(_values(query, "ses") if version >= "2020-12-06" else []),
        *_values(query, *OVERRIDES),
    ]
    return "\n".join(fields)


def account_string_to_sign(query: Mapping[str, str], account: str) -> str:
    """What `sig` signs when there are `ss` and `srt`. It ends with a line feed."""
    fields = [account, *_values(query, "sp", "ss", "srt", "st", "se", "sip", "spr", "sv")]
    if query.get("sv", "") >= "2020-12-06":
        fields += _values(query, "ses")
    return "\n".join([*fields, ""])


def container_sas(account: str, key: str, container: str, permissions: str, hours: float) -> str:
    """A service SAS for a container, over HTTPS only, as a query string without '?'.

    `permissions` are letters such as "rwl"; it is valid from now on for `hours`.
    """
    expiry = datetime.now(UTC) + timedelta(hours=hours)
    query = {
        "sv": VERSION,
        "sr": "c",
        "sp": "".join(letter for letter in "racwdxyltmeop" if letter in permissions),
        "se": expiry.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "spr": "https",
    }
    query["sig"] = sign(key, service_string_to_sign(query, account, container, ""))
    return urlencode(query, quote_via=quote, safe="")


def check_time(query: Mapping[str, str], moment: datetime) -> None:
    """Raises StorageError 403 before `st`, from `se` on, or when one of them is no time."""
    start, expiry = query.get("st", ""), query.get("se", "")
    if not expiry:
        raise failed("se is mandatory. Cannot be empty")
    try:
        valid = (not start or _time(start) <= moment) and moment < _time(expiry)
    except ValueError:
        raise failed("A time of the SAS is not in ISO 8601 format") from None
    if not valid:
        raise failed(
            f"Signature not valid in the specified time frame: Start [{start}] - Expiry "
            f"[{expiry}] - Current [{moment:%a, %d %b %Y %H:%M:%S} GMT]"
        )


def failed(detail: str) -> StorageError:
    return StorageError("AuthenticationFailed", detail={"AuthenticationErrorDetail": detail})


def _values(query: Mapping[str, str], *names: str) -> list[str]:
    return [query.get(name, "") for name in names]


def _time(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)
