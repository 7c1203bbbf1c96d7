"""The Blob service over HTTP: what a request asks for, and how it is answered.

https://learn.microsoft.com/rest/api/storageservices/naming-and-referencing-containers--blobs--and-metadata
https://learn.microsoft.com/rest/api/storageservices/representation-of-date-time-values-in-headers
"""

from __future__ import annotations

import logging
import re
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import ClassVar, Literal, Protocol
from urllib.parse import unquote

from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope, Send

from emulator.arm.ids import new_guid
from emulator.services.storage.errors import StorageError, invalid_header, not_emulated

Resource = Literal["service", "container", "blob"]
VERSION = "2021-12-02"  # of the service, for a request that names none
LARGEST_METADATA = 8 * 1024  # bytes
_METADATA_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_CONTAINER_NAME = re.compile(r"\$root|\$web|\$logs|[a-z0-9](-?[a-z0-9])*")
# Control characters and code points that are no characters: the service refuses them in names.
_PLANE_ENDS = "".join(
    chr(plane + last) for plane in range(0x10000, 0x110000, 0x10000) for last in (0xFFFE, 0xFFFF)
)
NOT_IN_NAMES = re.compile(f"[\x00-\x1f\x7f-\x9f\ufdd0-\ufdef\ufff0-\uffff{_PLANE_ENDS}]")
# What these ask for is not done, so a request that has one must not seem to succeed.
_HEADERS_NOT_EMULATED = (
    "x-ms-content-crc64",
    "x-ms-default-encryption-scope",
    "x-ms-encryption-key",
    "x-ms-encryption-scope",
    "x-ms-if-tags",
    "x-ms-immutability-policy-until-date",
    "x-ms-lease-id",
    "x-ms-legal-hold",
    "x-ms-range-get-content-crc64",
    "x-ms-source-if-tags",
    "x-ms-structured-body",
    "x-ms-tags",
)
_QUERY_NOT_EMULATED = ("snapshot", "versionid", "startfrom", "endbefore", "showonly")
_log = logging.getLogger(__name__)


def decimal(text: str) -> int | None:
    """The number that a text of at most 18 ASCII digits spells; None for any other text."""
    return int(text) if re.fullmatch(r"\d{1,18}", text, re.ASCII) else None


@dataclass(frozen=True)
class Caller:
    """Who asks, and what they may do: everything, or with a SAS what its letters say.

    `headers` are those of an answer that the SAS overrides (rscc, rscd, rsce, rscl, rsct).
    """

    permissions: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    def may(self, any_of: str) -> bool:
        return self.permissions is None or any(letter in self.permissions for letter in any_of)


@dataclass
class BlobRequest:
    """One call. Header and query names are lower case; `raw_path` is the path as it was sent."""

    method: str
    account: str
    container: str
    blob: str
    raw_path: str
    query: dict[str, str]
    headers: dict[str, str]
    secure: bool
    address: str
    receive: Receive
    caller: Caller = field(default_factory=Caller)

    @property
    def resource(self) -> Resource:
        if self.blob:
            return "blob"
        return "container" if self.container else "service"

    @property
    def place(self) -> tuple[str, str, str]:
        """Account, container and blob: the key of a blob in the catalogue."""
        return self.account, self.container, self.blob

    @property
    def metadata(self) -> dict[str, str]:
        """What the x-ms-meta- headers say. Raises StorageError 400 when they are not valid.

        Names are in lower case here, where Azure keeps the case they were sent with.
        """
        prefix = "x-ms-meta-"
        found = {
            name.removeprefix(prefix): value
            for name, value in self.headers.items()
            if name.startswith(prefix)
        }
        if "" in found:
            raise StorageError("EmptyMetadataKey")
        if not all(_METADATA_NAME.fullmatch(name) for name in found):
            raise StorageError("InvalidMetadata")
        if sum(len(name) + len(value) for name, value in found.items()) > LARGEST_METADATA:
            raise StorageError("MetadataTooLarge")
        return found

    def content_length(self, most: int) -> int:
        """Bytes of the body. Raises StorageError 411 when not said, 413 when more than `most`."""
        text = self.headers.get("content-length", "")
        if not text:
            raise StorageError("MissingContentLengthHeader")
        length = decimal(text)
        if length is None:
            raise invalid_header("Content-Length", text)
        if length > most:
            raise StorageError("RequestBodyTooLarge", detail={"MaxLimit": str(most)})
        return length

    async def stream(self) -> AsyncIterator[bytes]:
        """The body as it arrives. Raises ClientDisconnect when it ends before its time."""
        more = True
        while more:
            message = await self.receive()
            if message["type"] == "http.disconnect":
                raise ClientDisconnect
            yield message.get("body", b"")
            more = message.get("more_body", False)

    async def body(self, most: int) -> bytes:
        """The whole body, of at most `most` bytes."""
        self.content_length(most)
        return b"".join([chunk async for chunk in self.stream()])


@dataclass
class BlobResponse:
    """An answer. A body that is a generator comes with its Content-Length among the headers."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | AsyncGenerator[bytes, None] = b""


Handler = Callable[[BlobRequest], Awaitable[BlobResponse]]


@dataclass(frozen=True)
class Operation:
    """One row of the REST reference.

    `restype` and `comp` are the query parameters that name it. A SAS needs any of the letters of
    `permissions` for it.
    """

    method: str
    resource: Resource
    restype: str
    comp: str
    permissions: str
    handler: Handler


# Method, resource, restype, comp, letters of a SAS that allow it, handler's name.
Rows = tuple[tuple[str, Resource, str, str, str, str], ...]


class Room(Protocol):
    """Some operations, in the order of the REST reference, with the names of their handlers."""

    OPERATIONS: ClassVar[Rows]


def operations(*rooms: Room) -> dict[tuple[str, Resource, str, str], Operation]:
    """Every operation of the rooms by what names it in a request."""
    return {
        row[:4]: Operation(*row[:5], getattr(room, row[5]))
        for room in rooms
        for row in room.OPERATIONS
    }


class BlobApplication:
    """The ASGI application behind {account}.blob.core.windows.net.

    `known` says whether an account exists; `authorize` answers who asks, or raises StorageError.
    """

    def __init__(
        self,
        suffix: str,
        table: Mapping[tuple[str, Resource, str, str], Operation],
        *,
        known: Callable[[str], bool],
        authorize: Callable[[BlobRequest, Operation], Caller],
    ) -> None:
        self.suffix = suffix
        self.table = table
        self.known = known
        self.authorize = authorize

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request_id = new_guid()
        headers = _headers(scope)
        try:
            response = await self.answer(_request(scope, headers, self.suffix, receive))
        except ClientDisconnect:
            return
        except StorageError as error:
            response = _error(error, request_id)
        except Exception:
            # A bug of ours. The client learns that it is ours, the log has the traceback.
            _log.exception("%s %s", scope["method"], scope["path"])
            response = _error(StorageError("InternalError"), request_id)
        response.headers |= {
            "date": http_date(),
            "server": "Windows-Azure-Blob/1.0 Microsoft-HTTPAPI/2.0",
            "x-ms-request-id": request_id,
            "x-ms-version": headers.get("x-ms-version", VERSION),
        }
        client_id = headers.get("x-ms-client-request-id", "")
        if client_id and len(client_id) <= 1024:
            response.headers["x-ms-client-request-id"] = client_id
        await _send(response, send)

    async def answer(self, request: BlobRequest) -> BlobResponse:
        if not self.known(request.account):
            raise StorageError(
                "ResourceNotFound", f"There is no storage account named '{request.account}'."
            )
        if not request.secure:
            raise StorageError("AccountRequiresHttps")
        restype, comp = (request.query.get(name, "").lower() for name in ("restype", "comp"))
        operation = self.table.get((request.method, request.resource, restype, comp))
        if operation is None:
            names = {"restype": restype, "comp": comp}
            asked = "&".join(f"{name}={value}" for name, value in names.items() if value)
            raise not_emulated(
                f"{request.method} on a {request.resource} of the Blob service with the query "
                f"'{asked}'"
            )
        check_container_name(request.container)
        _check_blob_name(request.blob)
        request.caller = self.authorize(request, operation)
        for name in _HEADERS_NOT_EMULATED:
            if name in request.headers:
                raise not_emulated(f"the header {name} of the Blob service")
        for name in _QUERY_NOT_EMULATED:
            if name in request.query:
                raise not_emulated(f"the query parameter {name} of the Blob service")
        return await operation.handler(request)


def http_date(moment: float | None = None) -> str:
    """A time (seconds since 1970; now if None) as HTTP headers have it."""
    return formatdate(moment, usegmt=True)


def check_container_name(name: str) -> None:
    """Raises StorageError 400: 3 to 63 lower-case letters, digits and single dashes."""
    if name and not 3 <= len(name) <= 63:
        raise StorageError("OutOfRangeInput")
    if name and not _CONTAINER_NAME.fullmatch(name):
        raise StorageError("InvalidResourceName")


def _check_blob_name(name: str) -> None:
    if len(name) > 1024:
        raise StorageError("OutOfRangeInput")
    if NOT_IN_NAMES.search(name):
        raise StorageError("InvalidUri")


def _headers(scope: Scope) -> dict[str, str]:
    found: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        found[name] = f"{found[name]},{value}" if name in found else value
    return found


def _request(scope: Scope, headers: dict[str, str], suffix: str, receive: Receive) -> BlobRequest:
    host = headers.get("host", "").partition(":")[0].lower()
    raw_path = scope["raw_path"].decode("latin-1")
    container, _, blob = raw_path.removeprefix("/").partition("/")
    return BlobRequest(
        scope["method"],
        host.removesuffix(suffix),
        _decode(container),
        _decode(blob),
        raw_path,
        parse_query(scope["query_string"].decode("latin-1")),
        headers,
        scope["scheme"] == "https",
        (scope.get("client") or ("",))[0],
        receive,
    )


def parse_query(text: str) -> dict[str, str]:
    """The parameters, names in lower case. A plus sign is a plus sign: it is in signatures."""
    pairs = (pair.partition("=") for pair in text.split("&"))
    return {_decode(name).lower(): _decode(value) for name, _, value in pairs if name}


def _decode(text: str) -> str:
    try:
        return unquote(text, errors="strict")
    except UnicodeDecodeError:
        raise StorageError("InvalidUri") from None


def _error(error: StorageError, request_id: str) -> BlobResponse:
    body = error.body(request_id)
    headers = {**error.headers, "x-ms-error-code": error.code}
    if body:
        headers["content-type"] = "application/xml"
    return BlobResponse(error.status, headers, body)


async def _send(response: BlobResponse, send: Send) -> None:
    body = response.body
    if isinstance(body, bytes):
        response.headers.setdefault("content-length", str(len(body)))
    headers = [
        (name.lower().encode("latin-1"), value.encode("latin-1"))
        for name, value in response.headers.items()
    ]
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    if not isinstance(body, bytes):
        async for chunk in body:
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
        body = b""
    await send({"type": "http.response.body", "body": body})
