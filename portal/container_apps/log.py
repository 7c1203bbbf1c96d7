"""The log stream of a container app: what its containers print, and what the platform did.

https://learn.microsoft.com/azure/container-apps/log-streaming
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta

from portal.azure import Azure, Json, RefusedError, body_of
from portal.pages import moment

# What each stream begins with, which is new each time.
GREETING = re.compile(
    r"Connecting to the (container '|events collector)|Successfully Connected to container: '"
)
LINES = "300"  # the most that Azure streams of what was
SYSTEM = "system"


class LogStream:
    """Reads logs with a token of the app, which is kept for as long as it is good."""

    def __init__(self, azure: Azure) -> None:
        self.azure = azure
        self._tokens: dict[str, tuple[str, datetime]] = {}

    async def read(self, app: Json, url: str) -> str:
        """Return the last lines of a stream; `url` is its endpoint. Raises RefusedError."""
        token = await self._token(app["id"])
        is_system = url.endswith("/eventstream")
        kind = "json" if is_system else "text"
        answer = await self.azure.request(
            "GET",
            f"{url}?follow=false&tailLines={LINES}&output={kind}",
            {"authorization": f"Bearer {token}"},
        )
        if answer.status_code >= 400:
            error = body_of(answer).get("error") or {}
            raise RefusedError(
                answer.status_code, str(error.get("code", "")), str(error.get("message", ""))
            )
        lines = [line for line in answer.text().splitlines() if not GREETING.search(line)]
        return "\n".join(_event(line) for line in lines) if is_system else "\n".join(lines)

    async def _token(self, app_id: str) -> str:
        token, until = self._tokens.get(app_id, ("", datetime.min.replace(tzinfo=UTC)))
        if until > datetime.now(UTC) + timedelta(minutes=1):
            return token
        answer = await self.azure.send("POST", f"{app_id}/getAuthToken")
        given = body_of(answer)["properties"]
        until = moment(given.get("expires")) or datetime.now(UTC)
        self._tokens[app_id] = (str(given["token"]), until)
        return str(given["token"])


def _event(line: str) -> str:
    """Return a line of the system log as time, reason and message."""
    try:
        event = json.loads(line)
    except ValueError:
        return line
    parts = ("TimeStamp", "Type", "RevisionName", "ReplicaName", "Reason", "Msg")
    return "  ".join(str(event[part]) for part in parts if event.get(part))
