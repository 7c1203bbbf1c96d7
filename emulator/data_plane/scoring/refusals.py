"""The statuses, headers and words in which a managed online endpoint answers.

https://learn.microsoft.com/azure/machine-learning/how-to-troubleshoot-online-endpoints#http-status-codes
"""

from __future__ import annotations

from functools import partial

from emulator.data_plane.refusal import ProtocolRefusals, Refusal

MODEL_STATUS = b"ms-azureml-model-error-statuscode"
MODEL_REASON = b"ms-azureml-model-error-reason"

_refusal = partial(
    Refusal,
    guide="Please check this guide to understand why this error code might have been returned\n"
    "https://learn.microsoft.com/azure/machine-learning/how-to-troubleshoot-online-endpoints"
    "#http-status-codes\n",
)


def unauthorized(host: str, message: str) -> Refusal:
    challenge = f'Bearer realm="https://{host}/score"'.encode("ascii", "replace")
    return _refusal(401, message, ((b"www-authenticate", challenge),))


def no_endpoint(host: str) -> Refusal:
    return _refusal(
        404,
        f"There is no online endpoint at {host}. Its scoring_uri says where it is: "
        "ml_client.online_endpoints.get(name).scoring_uri.",
    )


def no_deployment(name: str, others: list[str]) -> Refusal:
    has = ", ".join(sorted(others)) or "none"
    return _refusal(404, f"Specified deployment could not be found: {name!r}. There is: {has}.")


NO_TRAFFIC = _refusal(
    404,
    "No valid deployments to route to. Please check that the endpoint has at least one deployment "
    "with positive weight values or use a deployment specific header to route.",
)
TIMED_OUT = _refusal(408, "upstream request timeout")
TOO_MANY_PENDING = _refusal(
    429,
    "Too many pending requests: more than 2 * max_concurrent_requests_per_instance * "
    "instance_count. Send fewer at once, or raise one of the two in the deployment.",
    ((MODEL_REASON, b"too_many_pending_request"),),
)
RATE_LIMITED = _refusal(429, "Too many requests per second for this endpoint.")
# An Envoy proxy stands before the model in Azure: these are its words.
NOT_READY = _refusal(
    424,
    "no healthy upstream: no instance of the deployment is ready. Its logs say why: "
    "ml_client.online_deployments.get_logs(...).",
    ((MODEL_STATUS, b"503"), (MODEL_REASON, b"model_not_ready")),
)
NEEDS_TLS = _refusal(403, "Online endpoints answer over https only.")
BODY_TOO_LARGE = _refusal(413, "The request's body is too large.")

PROTOCOL = ProtocolRefusals(
    bad_request=_refusal(400, "This is not an HTTP/1.1 request that the gateway can read."),
    not_implemented=_refusal(501, "The gateway knows no transfer encoding but chunked."),
    head_too_large=_refusal(431, "The request's headers are too large or too many."),
    lost=_refusal(
        424,
        "upstream connect error or disconnect/reset before headers: the scoring server closed the "
        "connection or did not answer in HTTP. The deployment's logs say more.",
        ((MODEL_STATUS, b"502"), (MODEL_REASON, b"model_error")),
    ),
    our_fault=_refusal(500, "Local Azure failed; see `python -m emulator logs`."),
)
