"""The statuses, headers and words in which a managed online endpoint answers.

https://learn.microsoft.com/azure/machine-learning/how-to-troubleshoot-online-endpoints#http-status-codes
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from http import HTTPStatus
from wsgiref.handlers import format_date_time

GUIDE = (
    "Please check this guide to understand why this error code might have been returned\n"
    "https://learn.microsoft.com/azure/machine-learning/how-to-troubleshoot-online-endpoints"
    "#http-status-codes\n"
)
MODEL_STATUS = b"ms-azureml-model-error-statuscode"
MODEL_REASON = b"ms-azureml-model-error-reason"
REASONS = {status.value: status.phrase.encode() for status in HTTPStatus}

Headers = tuple[tuple[bytes, bytes], ...]


@dataclass(frozen=True)
class Refusal:
    """An answer that the gateway gives itself. `headers` are further response headers."""

    status: int
    message: str
    headers: Headers = ()

    @property
    def body(self) -> bytes:
        return f"{self.message}\n{GUIDE}".encode()


def unauthorized(host: str, message: str) -> Refusal:
    challenge = f'Bearer realm="https://{host}/score"'.encode("ascii", "replace")
    return Refusal(401, message, ((b"www-authenticate", challenge),))


def no_endpoint(host: str) -> Refusal:
    return Refusal(
        404,
        f"There is no online endpoint at {host}. Its scoring_uri says where it is: "
        "ml_client.online_endpoints.get(name).scoring_uri.",
    )


def no_deployment(name: str, others: list[str]) -> Refusal:
    has = ", ".join(sorted(others)) or "none"
    return Refusal(404, f"Specified deployment could not be found: {name!r}. There is: {has}.")


NO_TRAFFIC = Refusal(
    404,
    "No valid deployments to route to. Please check that the endpoint has at least one deployment "
    "with positive weight values or use a deployment specific header to route.",
)
TIMED_OUT = Refusal(408, "upstream request timeout")
TOO_MANY_PENDING = Refusal(
    429,
    "Too many pending requests: more than 2 * max_concurrent_requests_per_instance * "
    "instance_count. Send fewer at once, or raise one of the two in the deployment.",
    ((MODEL_REASON, b"too_many_pending_request"),),
)
RATE_LIMITED = Refusal(429, "Too many requests per second for this endpoint.")
# An Envoy proxy stands before the model in Azure: these are its words.
NOT_READY = Refusal(
    424,
    "no healthy upstream: no instance of the deployment is ready. Its logs say why: "
    "ml_client.online_deployments.get_logs(...).",
    ((MODEL_STATUS, b"503"), (MODEL_REASON, b"model_not_ready")),
)
LOST = Refusal(
    424,
    "upstream connect error or disconnect/reset before headers: the scoring server closed the "
    "connection or did not answer in HTTP. The deployment's logs say more.",
    ((MODEL_STATUS, b"502"), (MODEL_REASON, b"model_error")),
)

BAD_REQUEST = Refusal(400, "This is not an HTTP/1.1 request that the gateway can read.")
NEEDS_TLS = Refusal(403, "Online endpoints answer over https only.")
BODY_TOO_LARGE = Refusal(413, "The request's body is too large.")
HEAD_TOO_LARGE = Refusal(431, "The request's headers are too large.")
OUR_FAULT = Refusal(500, "Local Azure failed; see `python -m emulator logs`.")

_date = (0, b"")


def head(status: int, headers: list[tuple[bytes, bytes]]) -> bytes:
    """The status line and headers of an answer, the date and the server's name among them."""
    global _date
    now = int(time.time())
    if _date[0] != now:
        _date = (now, format_date_time(now).encode())
    lines = [
        b"HTTP/1.1 %d %b\r\nserver: azureml-frontdoor\r\ndate: %b\r\n"
        % (status, REASONS.get(status, b"Unknown"), _date[1])
    ]
    lines += [b"%b: %b\r\n" % field for field in headers]
    lines.append(b"\r\n")
    return b"".join(lines)
