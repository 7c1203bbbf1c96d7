"""Who may use a registry: the admin user, the service principal, and the registry's own tokens.

https://learn.microsoft.com/azure/container-registry/container-registry-authentication
https://distribution.github.io/distribution/spec/auth/token/

    somebody has               trades it at        for
    an Entra ID token          /oauth2/exchange    a refresh token
    a refresh token            /oauth2/token       an access token for a scope
    a user name and password   /oauth2/token       an access token for a scope
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Callable
from typing import Any, Protocol

import jwt

from emulator.defaults import CLIENT_ID

# Audiences of the Entra ID tokens that a registry takes.
AUDIENCES = (
    "https://containerregistry.azure.net",
    "https://containerregistry.azure.net/",
    "https://management.azure.com",
    "https://management.azure.com/",
    "https://management.core.windows.net/",
)
# The user name that goes with a token as the password.
TOKEN_USER = "00000000-0000-0000-0000-000000000000"
REFRESH_LIFETIME, ACCESS_LIFETIME = 3 * 3600, 75 * 60  # seconds, as Azure has them


class Issue(Protocol):
    def __call__(self, audience: str, lifetime: int | None = None, **claims: Any) -> str: ...


Verify = Callable[[str, tuple[str, ...]], dict[str, Any]]


class Access:
    """`is_admin` checks a login server's admin user, `client_secret` is the service principal's.

    `issue` and `verify` sign and check tokens; `verify` raises jwt.PyJWTError.
    """

    def __init__(
        self,
        is_admin: Callable[[str, str, str], bool],
        client_secret: str,
        issue: Issue,
        verify: Verify,
    ) -> None:
        self.is_admin = is_admin
        self.client_secret = client_secret
        self.issue = issue
        self.verify = verify

    def may_pull(self, server: str, username: str, password: str) -> bool:
        """Whether a user name and password open the registry, as `docker login` would try."""
        if username == TOKEN_USER:
            return bool(self._claims(server, password))
        if username.lower() == CLIENT_ID:
            return secrets.compare_digest(password.encode(), self.client_secret.encode())
        return self.is_admin(server, username, password)

    def refresh_token(self, server: str, entra_token: str) -> str | None:
        """A refresh token for one that Entra ID issued; None when that is not valid."""
        try:
            self.verify(entra_token, AUDIENCES)
        except jwt.PyJWTError:
            return None
        return self.issue(server, REFRESH_LIFETIME, grant_type="refresh_token", version=2)

    def access_token(self, server: str, scope: str) -> str:
        """An access token for "repository:digits:pull" or "registry:catalog:*"."""
        access = []
        for one in scope.split():
            kind, _, rest = one.partition(":")
            name, _, actions = rest.rpartition(":")
            access.append({"type": kind, "name": name, "actions": actions.split(",")})
        return self.issue(server, ACCESS_LIFETIME, grant_type="access_token", access=access)

    def is_refresh_token(self, server: str, token: str) -> bool:
        return self._claims(server, token).get("grant_type") == "refresh_token"

    def allowed(self, server: str, authorization: str) -> bool:
        """Whether an Authorization header opens the registry: Basic, or Bearer of ours."""
        scheme, _, value = authorization.partition(" ")
        if scheme.lower() == "bearer":
            return self._claims(server, value).get("grant_type") == "access_token"
        if scheme.lower() == "basic" and (user := basic(value)):
            return self.may_pull(server, *user)
        return False

    def _claims(self, server: str, token: str) -> dict[str, Any]:
        try:
            return self.verify(token, (server,))
        except jwt.PyJWTError:
            return {}


def basic(value: str) -> tuple[str, str] | None:
    """User name and password of a Basic Authorization header's value."""
    try:
        name, separator, password = base64.b64decode(value, validate=True).decode().partition(":")
    except ValueError:
        return None
    return (name, password) if separator else None
