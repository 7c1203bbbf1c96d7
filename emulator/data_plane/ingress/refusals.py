"""What the ingress answers itself, in the words of the Envoy proxy that stands there on Azure.

https://learn.microsoft.com/azure/container-apps/ingress-overview
"""

from __future__ import annotations

from emulator.data_plane.refusal import ProtocolRefusals, Refusal

# Azure's page for a host name that nothing answers, cut to its words.
NO_APP = Refusal(
    404,
    "<!DOCTYPE html><html><head><title>Azure Container App - Unavailable</title></head><body>"
    "<h1>Error 404 - This Container App is stopped or does not exist.</h1></body></html>",
    media_type=b"text/html",
)
# https://github.com/microsoft/azure-container-apps/issues/835
ADDRESS_DENIED = Refusal(403, "RBAC: access denied")
NO_REPLICA = Refusal(503, "no healthy upstream")
NOT_REACHED = Refusal(
    503,
    "upstream connect error or disconnect/reset before headers. reset reason: connection failure",
)
TIMED_OUT = Refusal(504, "stream timeout")

PROTOCOL = ProtocolRefusals(
    bad_request=Refusal(400, "Bad Request"),
    not_implemented=Refusal(501, "Not Implemented"),
    head_too_large=Refusal(431, "Request Header Fields Too Large"),
    lost=Refusal(
        502,
        "upstream connect error or disconnect/reset before headers. reset reason: "
        "connection termination",
    ),
    our_fault=Refusal(500, "Local Azure failed; see `python -m emulator logs`."),
)


def redirect(host: str, target: bytes) -> Refusal:
    """Plain http is sent to https: https://learn.microsoft.com/azure/container-apps/ingress-how-to"""
    return Refusal(301, "", ((b"location", b"https://" + host.encode() + target),))
