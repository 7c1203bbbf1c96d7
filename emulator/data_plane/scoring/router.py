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

from emulator.data_plane.refusal import Refusal
from emulator.data_plane.routes.endpoints import DeploymentRoute, EndpointRoute
from emulator.data_plane.scoring.refusals import (
    NO_TRAFFIC,
    NOT_READY,
    no_deployment,
    unauthorized,
)
from emulator.data_plane.traffic import drawn

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
        found = endpoint.deployments.get(name)
        return found or no_deployment(name, list(endpoint.deployments))
    by_weight = drawn(tuple(endpoint.traffic.items()), random)
    return NO_TRAFFIC if by_weight is None else endpoint.deployments.get(by_weight, NOT_READY)


def mirrors(endpoint: EndpointRoute, random: Random) -> list[DeploymentRoute]:
    """The deployments that get a copy of a request, each by its per cent."""
    return [
        endpoint.deployments[name]
        for name, share in endpoint.mirror_traffic.items()
        if share > 0 and random.random() * 100 < share and name in endpoint.deployments
    ]
