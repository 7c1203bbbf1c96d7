"""The errors of the Blob service, in its XML and with `x-ms-error-code`.

https://learn.microsoft.com/rest/api/storageservices/blob-service-error-codes
https://learn.microsoft.com/rest/api/storageservices/common-rest-api-error-codes
https://learn.microsoft.com/rest/api/storageservices/sas-error-codes
"""

from __future__ import annotations

from xml.sax.saxutils import escape

from emulator.arm import errors as arm
from emulator.arm.ids import now

NOT_AUTHENTICATED = (
    "Server failed to authenticate the request. Please refer to the information in the "
    "www-authenticate header."
)
NOT_AUTHORIZED = "This request is not authorized to perform this operation"

# Code -> status and message, as the service words them.
ERRORS = {
    "AccountRequiresHttps": (400, "The account being accessed does not support http."),
    "AuthenticationFailed": (
        403,
        "Server failed to authenticate the request. Make sure the value of Authorization header "
        "is formed correctly including the signature.",
    ),
    "AuthorizationFailure": (403, f"{NOT_AUTHORIZED}."),
    "AuthorizationPermissionMismatch": (403, f"{NOT_AUTHORIZED} using this permission."),
    "AuthorizationResourceTypeMismatch": (403, f"{NOT_AUTHORIZED} using this resource type."),
    "AuthorizationServiceMismatch": (403, f"{NOT_AUTHORIZED} using this service."),
    "AuthorizationSourceIPMismatch": (403, f"{NOT_AUTHORIZED} using this source IP."),
    "BlobAlreadyExists": (409, "The specified blob already exists."),
    "BlobNotFound": (404, "The specified blob does not exist."),
    "BlockListTooLong": (400, "The block list may not contain more than 50,000 blocks."),
    "CannotVerifyCopySource": (404, "The specified blob does not exist."),
    "ConditionNotMet": (
        412,
        "The condition specified using HTTP conditional header(s) is not met.",
    ),
    "ContainerAlreadyExists": (409, "The specified container already exists."),
    "ContainerNotFound": (404, "The specified container does not exist."),
    "EmptyMetadataKey": (400, "The key for one of the metadata key-value pairs is empty."),
    "InternalError": (500, "Local Azure failed; see `python -m emulator logs`."),
    "InvalidAuthenticationInfo": (
        400,
        "Authentication information is not given in the correct format. Check the value of "
        "Authorization header.",
    ),
    "InvalidBlobOrBlock": (400, "The specified blob or block content is invalid."),
    "InvalidBlockList": (400, "The specified block list is invalid."),
    "InvalidHeaderValue": (
        400,
        "The value for one of the HTTP headers is not in the correct format.",
    ),
    "InvalidMd5": (
        400,
        "The MD5 value specified in the request is invalid. MD5 value must be 128 bits and base64 "
        "encoded.",
    ),
    "InvalidMetadata": (
        400,
        "The metadata specified is invalid. It has characters that are not permitted.",
    ),
    "InvalidQueryParameterValue": (
        400,
        "Value for one of the query parameters specified in the request URI is invalid.",
    ),
    "InvalidRange": (416, "The range specified is invalid for the current size of the resource."),
    "InvalidResourceName": (400, "The specified resource name contains invalid characters."),
    "InvalidUri": (400, "The requested URI does not represent any resource on the server."),
    "InvalidXmlDocument": (400, "XML specified is not syntactically valid."),
    "Md5Mismatch": (
        400,
        "The MD5 value specified in the request did not match with the MD5 value calculated by "
        "the server.",
    ),
    "MetadataTooLarge": (
        400,
        "The metadata specified exceeds the maximum permissible limit (8KB).",
    ),
    "MissingContentLengthHeader": (411, "Content-Length HTTP header was not specified."),
    "MissingRequiredHeader": (
        400,
        "An HTTP header that's mandatory for this request is not specified.",
    ),
    "MissingRequiredQueryParameter": (
        400,
        "A query parameter that's mandatory for this request is not specified.",
    ),
    "NoAuthenticationInformation": (401, NOT_AUTHENTICATED),
    "OutOfRangeInput": (
        400,
        "The specified resource name length is not within the permissible limits.",
    ),
    "OutOfRangeQueryParameterValue": (
        400,
        "One of the query parameters specified in the request URI is outside the permissible "
        "range.",
    ),
    "PublicAccessNotPermitted": (409, "Public access is not permitted on this storage account."),
    "RequestBodyTooLarge": (
        413,
        "The request body is too large and exceeds the maximum permissible limit.",
    ),
    "ResourceNotFound": (404, "The specified resource does not exist."),
    "UnauthorizedBlobOverwrite": (
        403,
        "This request is not authorized to perform blob overwrites.",
    ),
}


class StorageError(Exception):
    """An answer of the Blob service that says what was wrong.

    `detail` become elements beside Code and Message, for instance AuthenticationErrorDetail.
    """

    def __init__(
        self,
        code: str,
        message: str = "",
        *,
        status: int = 0,
        detail: dict[str, str] | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        usual_status, usual_message = ERRORS.get(code, (500, code))
        self.code = code
        self.status = status or usual_status
        self.message = message or usual_message
        self.detail = detail or {}
        self.headers = headers or {}
        super().__init__(f"{code}: {self.message}")

    def body(self, request_id: str) -> bytes:
        """The XML document. A 304 has none."""
        if self.status == 304:
            return b""
        message = escape(f"{self.message}\nRequestId:{request_id}\nTime:{now()}")
        detail = "".join(f"<{name}>{escape(text)}</{name}>" for name, text in self.detail.items())
        return (
            '<?xml version="1.0" encoding="utf-8"?>'
            f"<Error><Code>{self.code}</Code><Message>{message}</Message>{detail}</Error>"
        ).encode()


def not_emulated(what: str) -> StorageError:
    """501, naming what the emulator does not do."""
    return StorageError("NotEmulated", arm.not_emulated(what).message, status=501)


def invalid_header(name: str, value: str) -> StorageError:
    return StorageError("InvalidHeaderValue", detail={"HeaderName": name, "HeaderValue": value})


def invalid_query(name: str, value: str, reason: str = "") -> StorageError:
    return StorageError(
        "InvalidQueryParameterValue",
        detail={"QueryParameterName": name, "QueryParameterValue": value, "Reason": reason},
    )
