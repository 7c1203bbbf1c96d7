"""Which deployment a request is for, and whether it may pass.

Authentication: https://learn.microsoft.com/azure/machine-learning/concept-endpoints-online-auth
Traffic: https://learn.microsoft.com/azure/machine-learning/how-to-safely-rollout-online-endpoints

    auth mode  Authorization: Bearer ...
    Key        the primary or the secondary key
    AMLToken   a token whose audience is the endpoint's ARM id, as the /token operation issues it
    AADToken   a token of Entra ID whose audience is https://ml.azure.com
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from random import Random
from typing import Any

import jwt

from emulator.data_plane.routes import DeploymentRoute, EndpointRoute
from emulator.data_plane.scoring.answers import (
    NO_TRAFFIC,
    NOT_READY,
    Refusal,
    no_deployment,
    unauthorized,
)

ENTRA_AUDIENCE = "https://ml.azure.com"

# Claims of a token for an audience. Raises an exception when the token is not valid now.
VerifyToken = Callable[[str, str], dict[str, Any]]


def authenticate(
    endpoint: EndpointRoute, authorization: bytes | None, verify_token: VerifyToken
) -> Refusal | None:
    """None when a request may pass, else 401."""
    scheme, _, credential = (authorization or b"").strip().partition(b" ")
    credential = credential.strip()
    good = scheme.lower() == b"bearer" and credential != b""
    if endpoint.auth_mode == "Key":
        if not good:
            return unauthorized(endpoint.host, "key_auth_bad_header_forbidden")
        # Both are compared, each in constant time: the time taken says nothing about either.
        matches = [hmac.compare_digest(credential, key.encode()) for key in endpoint.keys if key]
        if not any(matches):
            return unauthorized(endpoint.host, "key_auth_access_denied")
        return None
    if not good:
        return unauthorized(endpoint.host, "Jwt is missing")
    audience = endpoint.endpoint_id if endpoint.auth_mode == "AMLToken" else ENTRA_AUDIENCE
    try:
        verify_token(credential.decode("latin-1"), audience)
    except jwt.ExpiredSignatureError:
        return unauthorized(endpoint.host, "Jwt is expired")
    except jwt.InvalidAudienceError:
        return unauthorized(endpoint.host, "Audiences in Jwt are not allowed")
    except Exception:
        # Whatever a verifier raises, an unverified token never passes.
        return unauthorized(endpoint.host, "Jwt verification fails")
    return None


def choose(
    endpoint: EndpointRoute, asked: bytes | None, random: Random
) -> DeploymentRoute | Refusal:
    """The deployment that answers: the one asked for, else one by the weights of the traffic.

    `asked` is the header `azureml-model-deployment`. 404 when there is none, 424 when the chosen
    one has never been ready.
    """
    if asked is not None:
        name = asked.decode("latin-1").strip()
        if name not in endpoint.deployments:
            return no_deployment(name, list(endpoint.deployments))
        return endpoint.deployments[name]
    drawn = weighted(endpoint.traffic, random)
    if drawn is None:
        return NO_TRAFFIC
    return endpoint.deployments.get(drawn, NOT_READY)


def weighted(traffic: dict[str, int], random: Random) -> str | None:
    """A name drawn by its share, None when no share is above 0."""
    total = sum(share for share in traffic.values() if share > 0)
    if total == 0:
        return None
    point = random.random() * total
    for name, share in traffic.items():
        if share > 0:
            if point < share:
                return name
            point -= share
    raise AssertionError("a point below the total lies in one of the shares")


def mirrors(endpoint: EndpointRoute, random: Random) -> list[DeploymentRoute]:
    """The deployments that get a copy of a request, each by its per cent."""
    return [
        endpoint.deployments[name]
        for name, share in endpoint.mirror_traffic.items()
        if share > 0 and random.random() * 100 < share and name in endpoint.deployments
    ]


class Rate:
    """Requests in the present second, for one endpoint."""

    def __init__(self) -> None:
        self.began = float("-inf")
        self.count = 0

    def take(self, limit: int, now: float) -> bool:
        """Count a request at `now` (seconds of any clock). False when it is over the limit."""
        if now - self.began >= 1:
            self.began, self.count = now, 0
        if self.count >= limit:
            return False
        self.count += 1
        return True
