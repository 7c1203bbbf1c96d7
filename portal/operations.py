"""Changes that take a while, each with a notification that says how far it is.

https://learn.microsoft.com/azure/azure-resource-manager/management/async-operations
"""

from __future__ import annotations

import asyncio
import itertools
from collections import deque
from collections.abc import Coroutine
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from azure.core.rest import AsyncHttpResponse

from portal.azure import Azure, Json, RefusedError, body_of

KEPT = 20
SHOWN = 20.0  # seconds that a success stays on the page
ENDED = ("succeeded", "failed", "canceled")
LONGEST_WAIT = 30.0  # seconds between two looks


_numbers = itertools.count(1)


@dataclass
class Notification:
    """`link`: the page of what is changed, below the portal's root. `at`: of its last state."""

    title: str
    link: str = ""
    state: str = "InProgress"
    detail: str = ""
    at: datetime = field(default_factory=lambda: datetime.now(UTC))
    number: int = field(default_factory=lambda: next(_numbers))

    @property
    def ended(self) -> bool:
        return self.state.lower() in ENDED

    @property
    def old(self) -> bool:
        """Whether a page need not show it any more: a failure stays until it is dismissed."""
        seconds = (datetime.now(UTC) - self.at).total_seconds()
        return self.state.lower() == "succeeded" and seconds > SHOWN

    def end(self, state: str, detail: str = "") -> None:
        self.state, self.detail, self.at = state, detail, datetime.now(UTC)


class Operations:
    def __init__(self, azure: Azure) -> None:
        self.azure = azure
        self.notifications: deque[Notification] = deque(maxlen=KEPT)
        self._tasks: set[asyncio.Task[None]] = set()

    async def change(
        self,
        method: str,
        path: str,
        body: Json | None = None,
        *,
        title: str,
        link: str = "",
        version: str = "",
    ) -> Json:
        """Ask Azure for a change and return its first answer; a notification follows it to its end.

        Raises RefusedError where Azure refuses at once.
        """
        answer, _, _ = await self._begin(method, path, body, Notification(title, link), version)
        return body_of(answer)

    async def complete(
        self, method: str, path: str, body: Json | None = None, *, title: str, link: str = ""
    ) -> Notification:
        """As `change`, but return its notification when it has ended. Raises RefusedError."""
        _, notification, task = await self._begin(method, path, body, Notification(title, link))
        if task:
            await task
        return notification

    async def _begin(
        self,
        method: str,
        path: str,
        body: Json | None,
        notification: Notification,
        version: str = "",
    ) -> tuple[AsyncHttpResponse, Notification, asyncio.Task[None] | None]:
        answer = await self.azure.send(method, path, version, body)
        self.notifications.appendleft(notification)
        asynchronous = answer.headers.get("azure-asyncoperation")
        following = asynchronous or answer.headers.get("location")
        if following and (asynchronous or answer.status_code in (201, 202)):
            return answer, notification, self.run(self._follow(notification, answer, following))
        notification.end("Succeeded")
        return answer, notification, None

    def run(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Do this beside the pages; it ends with the portal at the latest."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _follow(
        self, notification: Notification, answer: AsyncHttpResponse, url: str
    ) -> None:
        address = urlsplit(url)
        path, arguments = address.path, dict(parse_qsl(address.query))
        version = arguments.pop("api-version", "")
        while True:
            pause = float(answer.headers.get("retry-after", "1"))
            await asyncio.sleep(min(pause, LONGEST_WAIT))
            try:
                answer = await self.azure.send("GET", path, version, query=arguments)
            except RefusedError as refusal:
                notification.end("Failed", str(refusal))
                return
            status = str(body_of(answer).get("status") or "")
            if not status and answer.status_code != 202:
                status = "Succeeded"  # a Location answers 202 until it is done
            if status.lower() in ENDED:
                error = body_of(answer).get("error") or {}
                parts = (str(error.get("code") or ""), str(error.get("message") or ""))
                notification.end(status, ": ".join(part for part in parts if part))
                return

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
