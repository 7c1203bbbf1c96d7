"""The token with which the logs of an app, of a job or of an environment are read."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from emulator.arm.http import ArmResponse
from emulator.store import Resource

LIFETIME = 3600  # seconds

# Signs a token for an audience that is good for some seconds.
IssueToken = Callable[[str, int], str]


def stream_token(owner: Resource, issue: IssueToken) -> ArmResponse:
    """The answer to getAuthToken."""
    expires = datetime.now(UTC) + timedelta(seconds=LIFETIME)
    return ArmResponse(
        {
            "id": owner.id,
            "name": owner.name,
            "type": f"{owner.type}/accesstoken",
            "location": owner.body["location"],
            "properties": {
                "token": issue(owner.id.lower(), LIFETIME),
                "expires": expires.isoformat().replace("+00:00", "Z"),
            },
        }
    )
