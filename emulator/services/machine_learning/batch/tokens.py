"""Who may call the hosts of machine learning that are not Resource Manager's.

https://learn.microsoft.com/azure/machine-learning/how-to-authenticate-batch-endpoint
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jwt

from emulator.arm.errors import ArmError

AUDIENCE = "https://ml.azure.com"

# The claims of a token for one of the audiences. Raises jwt.PyJWTError when it is not valid now.
Verify = Callable[[str, tuple[str, ...]], dict[str, Any]]
# The claims of an Authorization header's token. Raises ArmError 401.
Authenticate = Callable[[str | None], dict[str, Any]]


def authenticator(verify: Verify, *audiences: str) -> Authenticate:
    """For tokens of Microsoft Entra ID, of AUDIENCE or one of `audiences`."""
    taken = (AUDIENCE, f"{AUDIENCE}/", *audiences)

    def authenticate(authorization: str | None) -> dict[str, Any]:
        scheme, _, token = (authorization or "").strip().partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise _unauthorized("Jwt is missing")
        try:
            return verify(token.strip(), taken)
        except jwt.ExpiredSignatureError:
            raise _unauthorized("Jwt is expired") from None
        except jwt.InvalidAudienceError:
            raise _unauthorized("Audiences in Jwt are not allowed") from None
        except jwt.PyJWTError:
            raise _unauthorized("Jwt verification fails") from None

    return authenticate


def _unauthorized(message: str) -> ArmError:
    return ArmError(401, "Unauthorized", message, headers={"www-authenticate": "Bearer"})
