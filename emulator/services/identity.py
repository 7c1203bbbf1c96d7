"""Microsoft Entra ID: discovery, client-credential tokens, signing keys.

https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow
https://learn.microsoft.com/entra/identity-platform/access-token-claims-reference

Host: login.microsoftonline.com
"""

from __future__ import annotations

import base64
import hmac
import json
import secrets
import time
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, Router

from emulator.arm.errors import ArmError
from emulator.arm.forms import read_form
from emulator.arm.ids import new_guid, stable_guid
from emulator.defaults import CLIENT_ID, TENANT
from emulator.state_file import damaged, read_object, write_private

AUTHORITY = "https://login.microsoftonline.com"
# Both names of Resource Manager, with and without the slash that some clients add.
MANAGEMENT_AUDIENCES = tuple(
    f"https://{host}{slash}"
    for host in ("management.azure.com", "management.core.windows.net")
    for slash in ("", "/")
)
TOKEN_LIFETIME = 3599  # seconds, as Entra ID issues to a service principal


class Identity:
    """The tenant with its one service principal, and the key that signs its tokens."""

    def __init__(self, path: Path, token_lifetime: int = TOKEN_LIFETIME) -> None:
        """Raises StateError when what `path` holds is damaged, OSError when it cannot be made."""
        saved = read_object(path) if path.exists() else _create(path)
        match saved:
            case {"client_secret": str(secret), "key_id": str(key_id), "key": str(pem)}:
                self.client_secret, self.key_id = secret, key_id
            case _:
                raise damaged(path)
        self.token_lifetime = token_lifetime
        try:
            # Checking the key would be a tenth of the emulator's start; it is the one made below.
            key = serialization.load_pem_private_key(
                pem.encode(), password=None, unsafe_skip_rsa_key_validation=True
            )
        except ValueError:
            raise damaged(path) from None
        if not isinstance(key, rsa.RSAPrivateKey):
            raise damaged(path)
        self._key = key
        self._public = key.public_key()

    # Tokens

    def issue(self, audience: str, lifetime: int | None = None, **claims: Any) -> str:
        """A signed JWT (RS256) for `audience`, valid for `lifetime` seconds from now."""
        moment = int(time.time())
        payload = {
            "aud": audience,
            "iss": f"https://sts.windows.net/{TENANT}/",
            "iat": moment,
            "nbf": moment,
            "exp": moment + (self.token_lifetime if lifetime is None else lifetime),
            "appid": CLIENT_ID,
            "oid": stable_guid(CLIENT_ID),
            "tid": TENANT,
            "ver": "1.0",
            "uti": secrets.token_urlsafe(16),
            **claims,
        }
        return jwt.encode(payload, self._key, "RS256", headers={"kid": self.key_id})

    def verify(self, token: str, audiences: tuple[str, ...]) -> dict[str, Any]:
        """The claims of a token of ours. Raises jwt.PyJWTError when it is not valid now."""
        claims: dict[str, Any] = jwt.decode(
            token,
            self._public,
            ["RS256"],
            audience=audiences,
            options={"require": ["exp", "aud", "iss"]},
        )
        return claims

    def authenticate(self, authorization: str | None) -> dict[str, Any]:
        """The claims of a Resource Manager call's token. Raises ArmError 401 in Azure's words."""
        scheme, _, token = (authorization or "").partition(" ")
        if not token:
            raise _unauthorized(
                "AuthenticationFailed",
                "Authentication failed. The 'Authorization' header is missing.",
            )
        if scheme.lower() != "bearer":
            raise _unauthorized(
                "AuthenticationFailedInvalidHeader",
                "Authentication failed. The 'Authorization' header is provided in an invalid "
                "format: it must be 'Bearer' and an access token.",
            )
        try:
            return self.verify(token, MANAGEMENT_AUDIENCES)
        except jwt.ExpiredSignatureError:
            raise _unauthorized(
                "ExpiredAuthenticationToken",
                "The access token expiry is in the past. Ask the credential for a new token.",
            ) from None
        except jwt.InvalidAudienceError:
            raise _unauthorized(
                "InvalidAuthenticationTokenAudience",
                "The access token has been obtained for the wrong audience or resource. It must "
                f"be one of {', '.join(MANAGEMENT_AUDIENCES)}.",
            ) from None
        except jwt.PyJWTError:
            raise _unauthorized(
                "InvalidAuthenticationToken", "The access token is invalid."
            ) from None

    # The host login.microsoftonline.com

    def application(self) -> Router:
        return Router(
            [
                Route("/common/discovery/instance", self.instance_discovery),
                Route("/{tenant}/v2.0/.well-known/openid-configuration", self.configuration),
                Route("/{tenant}/.well-known/openid-configuration", self.configuration),
                Route("/{tenant}/oauth2/v2.0/token", self.token, methods=["POST"]),
                Route("/{tenant}/oauth2/token", self.token, methods=["POST"]),
                Route("/{tenant}/discovery/v2.0/keys", self.keys),
            ]
        )

    async def instance_discovery(self, request: Request) -> Response:
        host = AUTHORITY.removeprefix("https://")
        return JSONResponse(
            {
                "tenant_discovery_endpoint": f"{AUTHORITY}/{TENANT}/v2.0/.well-known/"
                "openid-configuration",
                "api-version": "1.1",
                "metadata": [
                    {
                        "preferred_network": host,
                        "preferred_cache": "login.windows.net",
                        "aliases": [host, "login.windows.net", "login.microsoft.com"],
                    }
                ],
            }
        )

    async def configuration(self, request: Request) -> Response:
        tenant = request.path_params["tenant"]
        if tenant.lower() not in (TENANT, "common", "organizations"):
            return _oauth_error(
                "invalid_tenant",
                90002,
                f"Tenant '{tenant}' not found. Local Azure has the one tenant {TENANT}.",
                400,
            )
        base = f"{AUTHORITY}/{TENANT}"
        return JSONResponse(
            {
                "issuer": f"{base}/v2.0",
                "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
                "token_endpoint": f"{base}/oauth2/v2.0/token",
                "jwks_uri": f"{base}/discovery/v2.0/keys",
                "token_endpoint_auth_methods_supported": ["client_secret_post"],
                "response_types_supported": ["token"],
                "subject_types_supported": ["pairwise"],
                "id_token_signing_alg_values_supported": ["RS256"],
                "tenant_region_scope": "EU",
                "cloud_instance_name": "microsoftonline.com",
                "msgraph_host": "graph.microsoft.com",
            }
        )

    async def token(self, request: Request) -> Response:
        try:
            fields = await read_form(request)
        except ValueError as error:
            return _oauth_error("invalid_request", 900144, str(error), 400)
        if fields.get("grant_type") != "client_credentials":
            return _oauth_error(
                "unsupported_grant_type",
                70003,
                "Local Azure signs in with client_credentials only: a client id and its secret.",
                400,
            )
        if fields.get("client_id") != CLIENT_ID:
            return _oauth_error(
                "unauthorized_client",
                700016,
                f"Application with identifier '{fields.get('client_id', '')}' was not found in "
                f"the directory '{TENANT}'.",
                400,
            )
        if not hmac.compare_digest(
            fields.get("client_secret", "").encode(), self.client_secret.encode()
        ):
            return _oauth_error("invalid_client", 7000215, "Invalid client secret provided.", 401)
        scope = fields.get("scope", "").split(" ")[0]
        audience = scope.removesuffix("/.default") or fields.get("resource", "")
        if not audience:
            return _oauth_error("invalid_request", 90014, "The scope is missing.", 400)
        return JSONResponse(
            {
                "token_type": "Bearer",
                "expires_in": self.token_lifetime,
                "ext_expires_in": self.token_lifetime,
                "access_token": self.issue(audience),
            },
            headers={"cache-control": "no-store"},
        )

    async def keys(self, request: Request) -> Response:
        numbers = self._public.public_numbers()
        return JSONResponse(
            {
                "keys": [
                    {
                        "kty": "RSA",
                        "use": "sig",
                        "alg": "RS256",
                        "kid": self.key_id,
                        "n": _base64url(numbers.n),
                        "e": _base64url(numbers.e),
                    }
                ]
            }
        )


def _create(path: Path) -> dict[str, str]:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    saved = {
        # Letters and digits: one that begins with a dash would be an option to a command line.
        "client_secret": secrets.token_hex(24),
        "key_id": secrets.token_hex(12),
        "key": pem.decode(),
    }
    write_private(path, json.dumps(saved).encode())
    return saved


def _unauthorized(code: str, message: str) -> ArmError:
    challenge = (
        f'Bearer authorization_uri="{AUTHORITY}/{TENANT}", '
        f'error="invalid_token", error_description="{message}"'
    )
    return ArmError(401, code, message, headers={"WWW-Authenticate": challenge})


def _oauth_error(error: str, code: int, message: str, status: int) -> Response:
    trace = new_guid()
    return JSONResponse(
        {
            "error": error,
            "error_description": f"AADSTS{code}: {message} Trace ID: {trace}",
            "error_codes": [code],
            "trace_id": trace,
            "correlation_id": trace,
            "error_uri": f"{AUTHORITY}/error?code={code}",
        },
        status,
    )


def _base64url(number: int) -> str:
    raw = number.to_bytes((number.bit_length() + 7) // 8, "big")
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
