"""Who may call the Blob service: Shared Key, shared access signatures, Entra ID tokens.

https://learn.microsoft.com/rest/api/storageservices/authorize-requests-to-azure-storage
https://learn.microsoft.com/rest/api/storageservices/authorize-with-shared-key
https://learn.microsoft.com/rest/api/storageservices/authorize-with-azure-active-directory

    a request with                   may do
    Authorization: SharedKey         everything
    Authorization: Bearer            everything: roles are not emulated, the caller is an owner
    sig and sr (service SAS)         what `sp` says, to the blobs of one container or to one blob
    sig and ss, srt (account SAS)    what `sp` says, to the resource types in `srt`
    nothing                          nothing
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from ipaddress import ip_address
from typing import Any

import jwt

from emulator.defaults import TENANT
from emulator.services.storage import sas
from emulator.services.storage.errors import (
    NOT_AUTHENTICATED,
    StorageError,
    invalid_query,
    not_emulated,
)
from emulator.services.storage.http import BlobRequest, Caller, Operation
from emulator.services.storage.sas import failed

AUDIENCE = "https://storage.azure.com"
LARGEST_CLOCK_SKEW = 15 * 60  # seconds between a signed request's date and now
# From this version on a request without authorization is asked for a token.
CHALLENGE_VERSION = "2019-12-12"
SIGNED_HEADERS = (
    "content-encoding",
    "content-language",
    "content-length",
    "content-md5",
    "content-type",
    "date",
    "if-modified-since",
    "if-match",
    "if-none-match",
    "if-unmodified-since",
    "range",
)
_SIGNED_TYPES = {"service": "s", "container": "c", "blob": "o"}
_CHALLENGE = {
    "www-authenticate": "Bearer authorization_uri="
    f"https://login.microsoftonline.com/{TENANT}/oauth2/authorize resource_id={AUDIENCE}"
}

Verify = Callable[[str, tuple[str, ...]], dict[str, Any]]


class Authorizer:
    """`verify` turns a token and the audiences it may be for into claims, or raises PyJWTError;
    `keys` returns the two keys of an account."""

    def __init__(self, verify: Verify, keys: Callable[[str], list[str]], suffix: str) -> None:
        self.verify = verify
        self.keys = keys
        self.suffix = suffix

    def authorize(self, request: BlobRequest, operation: Operation) -> Caller:
        """Who asks. Raises StorageError 401 or 403 when they may not call this operation."""
        if authorization := request.headers.get("authorization", ""):
            scheme, _, credential = authorization.partition(" ")
            if scheme == "SharedKey":
                return self._shared_key(request, credential)
            if scheme == "Bearer":
                return self._bearer(request, credential)
            if scheme == "SharedKeyLite":
                raise not_emulated("the authorization scheme SharedKeyLite of the Blob service")
            raise StorageError("InvalidAuthenticationInfo")
        if "sig" in request.query:
            caller = self.signed(request, request.query, request.container, request.blob)
            if "srt" in request.query:
                if _SIGNED_TYPES[operation.resource] not in request.query["srt"]:
                    raise StorageError("AuthorizationResourceTypeMismatch")
            elif operation.resource != "blob" and operation.permissions != "l":
                raise StorageError("AuthorizationFailure")
            if not caller.may(operation.permissions):
                raise StorageError("AuthorizationPermissionMismatch")
            return caller
        if request.headers.get("x-ms-version", "") >= CHALLENGE_VERSION:
            raise StorageError("NoAuthenticationInformation", headers=_CHALLENGE)
        raise StorageError("PublicAccessNotPermitted")

    def _shared_key(self, request: BlobRequest, credential: str) -> Caller:
        account, _, signature = credential.partition(":")
        if not signature:
            raise StorageError("InvalidAuthenticationInfo")
        text = string_to_sign(request)
        if account != request.account or not self._matches(account, text, signature):
            raise failed(
                f"The MAC signature found in the HTTP request '{signature}' is not the same as "
                f"any computed signature. Server used following string to sign: '{text}'."
            )
        _check_date(request.headers.get("x-ms-date") or request.headers.get("date", ""))
        return Caller()

    def _bearer(self, request: BlobRequest, token: str) -> Caller:
        names = (AUDIENCE, f"https://{request.account}{self.suffix}")
        try:
            self.verify(token, tuple(name + slash for name in names for slash in ("", "/")))
        except jwt.PyJWTError as error:
            raise StorageError(
                "InvalidAuthenticationInfo",
                NOT_AUTHENTICATED,
                status=401,
                detail={"AuthenticationErrorDetail": f"{error}."},
                headers=_CHALLENGE,
            ) from None
        return Caller()

    def signed(
        self, request: BlobRequest, query: dict[str, str], container: str, blob: str
    ) -> Caller:
        """What a SAS allows. Raises StorageError 403 when it is not valid for this place or now."""
        if any("\n" in value for value in query.values()):
            raise failed("A field of the SAS holds a line feed")
        if query.get("sv", "") < sas.OLDEST:
            raise not_emulated(f"a SAS of a version before {sas.OLDEST}")
        if "skoid" in query:
            raise not_emulated("a user delegation SAS")
        if "srt" in query:
            text = sas.account_string_to_sign(query, request.account)
        elif "sr" in query:
            text = sas.service_string_to_sign(query, request.account, container, blob)
        else:
            raise failed("sr is mandatory. Cannot be empty")
        if not self._matches(request.account, text, query["sig"]):
            raise failed(f"Signature did not match. String to sign used was {text}")
        if "si" in query:
            raise failed("The signed identifier names no stored access policy")
        sas.check_time(query, datetime.now(UTC))
        if not _in_range(request.address, query.get("sip", "")):
            raise StorageError("AuthorizationSourceIPMismatch")
        if "srt" in query and "b" not in query.get("ss", ""):
            raise StorageError("AuthorizationServiceMismatch")
        overrides = {
            header: query[name] for name, header in sas.OVERRIDES.items() if query.get(name)
        }
        for value in overrides.values():
            if not (value.isascii() and value.isprintable()):
                raise invalid_query("rsc*", value)
        return Caller(query.get("sp", ""), overrides)

    def _matches(self, account: str, text: str, signature: str) -> bool:
        # Both keys are always tried: the time that it takes says nothing about either.
        found = [
            hmac.compare_digest(sas.sign(key, text).encode(), signature.encode())
            for key in self.keys(account)
        ]
        return any(found)


def string_to_sign(request: BlobRequest) -> str:
    """What SharedKey signs of a request."""
    headers = dict(request.headers)
    if headers.get("content-length") == "0":
        headers["content-length"] = ""
    if "x-ms-date" in headers:
        headers["date"] = ""
    special = sorted((name for name in headers if name.startswith("x-ms-")), key=_service_order)
    return "\n".join(
        [
            request.method,
            *(headers.get(name, "") for name in SIGNED_HEADERS),
            *(f"{name}:{headers[name]}" for name in special),
            f"/{request.account}{request.raw_path}",
            *(f"{name}:{value}" for name, value in sorted(request.query.items())),
        ]
    )


def _service_order(name: str) -> tuple[str, list[bool]]:
    """The documentation says lexicographic order; the service, and so its clients, sort by a
    culture in which a dash counts only between equals and an underscore comes before digits."""
    return name.replace("-", "").replace("_", " "), [letter == "-" for letter in name]


def _check_date(date: str) -> None:
    try:
        skew = datetime.now(UTC) - parsedate_to_datetime(date)
    except (TypeError, ValueError):
        raise failed(f"The date of the request is missing or not a date: '{date}'") from None
    if abs(skew.total_seconds()) > LARGEST_CLOCK_SKEW:
        raise failed(f"Request date header too old: '{date}'")


def _in_range(address: str, allowed: str) -> bool:
    if not allowed:
        return True
    first, _, last = allowed.partition("-")
    try:
        found, low, high = (ip_address(text) for text in (address, first, last or first))
    except ValueError:
        return False
    return found.version == low.version == high.version and int(low) <= int(found) <= int(high)
