"""CORS: what a browser is told of an app whose ingress has a CORS policy.

As the CORS filter of the Envoy proxy does it, which stands there on Azure: the ingress answers the
question that a browser asks before a request (the preflight) itself, and adds headers to every
answer to a page of an origin that is allowed. What comes from another origin is passed on as it is;
it is for the browser to keep the answer from the page.

https://learn.microsoft.com/azure/container-apps/cors
https://github.com/envoyproxy/envoy/blob/main/source/extensions/filters/http/cors/cors_filter.cc
"""

from __future__ import annotations

from collections.abc import Mapping

from emulator.data_plane.http import Fields
from emulator.data_plane.refusal import Refusal
from emulator.data_plane.routes.ingress_rules import CorsRules


def answer_fields(rules: CorsRules | None, sent: Mapping[bytes, bytes]) -> Fields:
    """The headers of every answer to a request with these fields; none without an allowed
    origin."""
    origin = sent.get(b"origin", b"")
    if rules is None or not origin or not rules.allow(origin.decode("latin-1")):
        return []
    fields = [(b"access-control-allow-origin", origin)]
    if rules.credentials:
        fields.append((b"access-control-allow-credentials", b"true"))
    if rules.exposed:
        fields.append((b"access-control-expose-headers", ",".join(rules.exposed).encode("latin-1")))
    return fields


def preflight(rules: CorsRules) -> Refusal:
    """What is answered, beside `answer_fields`, to a browser that asks before a request."""
    told = {
        b"access-control-allow-methods": ",".join(rules.methods),
        b"access-control-allow-headers": ",".join(rules.headers),
        b"access-control-max-age": "" if rules.max_age is None else str(rules.max_age),
    }
    return Refusal(
        200, "", tuple((name, value.encode("latin-1")) for name, value in told.items() if value)
    )


def is_preflight(method: bytes, sent: Mapping[bytes, bytes]) -> bool:
    return method == b"OPTIONS" and bool(sent.get(b"access-control-request-method"))
