"""{region}.azurecontainerapps.dev: what containers print, what the platform did, and terminals.

    GET .../replicas/{replica}/containers/{container}/logstream    console output
    GET .../containerApps/{app}/eventstream                        the system log
    GET .../replicas/{replica}/containers/{container}/exec         a terminal, over a web socket

Query: `follow=true`, `tailLines` (0 to 300, 20 by default), `output=json` or `text`. Each wants the
token that getAuthToken of the app returns, as `Authorization: Bearer`.

https://learn.microsoft.com/azure/container-apps/log-streaming
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import jwt
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from emulator.arm.errors import ArmError, not_emulated, not_found
from emulator.arm.ids import now
from emulator.services.container_apps.paths import APPS
from emulator.services.container_apps.replica import ReplicaContainer
from emulator.services.container_apps.runners import Runners
from emulator.services.container_apps.terminals import run_terminal
from emulator.store import Resource, Store

MOST_LINES, DEFAULT_LINES = 300, 20
PERIOD = 0.2  # seconds between two looks at a log that is followed
_APP = r"(?P<scope>/subscriptions/[^/]+/resourceGroups/[^/]+)/containerApps/(?P<app>[^/]+)"
_CONTAINER = (
    _APP + r"/revisions/(?P<revision>[^/]+)/replicas/(?P<replica>[^/]+)"
    r"/containers/(?P<container>[^/]+)/(?P<what>logstream|exec)"
)
_PATHS = [re.compile(path, re.IGNORECASE) for path in (_CONTAINER, _APP + "/(?P<what>eventstream)")]

Verify = Callable[[str, tuple[str, ...]], dict[str, Any]]


class LogStream:
    """The ASGI application. `verify(token, audiences)` raises jwt.PyJWTError."""

    def __init__(self, store: Store, runners: Runners, verify: Verify) -> None:
        self.store = store
        self.runners = runners
        self.verify = verify

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            what, app, container = self._find(scope)
            if scope["type"] == "websocket":
                if container is None or what != "exec":
                    raise not_emulated("this web socket")
                return await run_terminal(self.runners.runtime, container, scope, receive, send)
            if what == "exec":
                raise ArmError(426, "UpgradeRequired", "A terminal is a web socket.")
            request = Request(scope, receive)
            response: Response = StreamingResponse(
                self._console(request, container) if container else self._events(request, app),
                media_type="text/plain; charset=utf-8",
            )
        except ArmError as error:
            if scope["type"] == "websocket":
                await receive()
                return await send({"type": "websocket.close", "code": 1008, "reason": error.code})
            response = JSONResponse(error.body(), error.status)
        return await response(scope, receive, send)

    def _find(self, scope: Scope) -> tuple[str, Resource, ReplicaContainer | None]:
        """What is asked for. Raises ArmError 401, 404 or 501."""
        path = scope["path"]
        match = next((found for one in _PATHS if (found := one.fullmatch(path))), None)
        if match is None:
            raise not_emulated(f"{path} of the log stream")
        names = match.groupdict()
        prefix = APPS.partition("/providers/")[2]
        app_id = f"{names['scope']}/providers/{prefix}/{names['app']}"
        app = self.store.get(app_id)
        headers = {key: value.decode("latin-1") for key, value in scope["headers"]}
        self._authorize(headers.get(b"authorization", ""), app_id)
        if app is None:
            raise not_found(app_id)
        if "replica" not in names:
            return names["what"].lower(), app, None
        runner = self.runners.get(f"{app.id}/revisions/{names['revision']}")
        for replica in runner.replicas if runner else []:
            for container in replica.inits + replica.containers:
                if replica.name == names["replica"] and container.plan.name == names["container"]:
                    return names["what"].lower(), app, container
        raise not_found(f"{app.id}{path.partition(names['app'])[2]}")

    def _authorize(self, authorization: str, app_id: str) -> None:
        scheme, _, token = authorization.partition(" ")
        try:
            if scheme.lower() == "bearer":
                self.verify(token.strip(), (app_id.lower(),))
                return
        except jwt.PyJWTError:
            pass
        raise ArmError(
            401, "Unauthorized", "A log stream wants the token that getAuthToken of its app gives."
        )

    # Streams

    async def _console(self, request: Request, container: ReplicaContainer) -> AsyncIterator[str]:
        line = _text if request.query_params.get("output") == "text" else _json
        name, replica = container.plan.name, container.replica
        yield line(f"{now()} Connecting to the container '{name}'...")
        yield line(
            f"{now()} Successfully Connected to container: '{name}' "
            f"[Revision: '{replica.plan.revision}', Replica: '{replica.name}']"
        )
        reader = LogReader(container.log_file)
        for found in await asyncio.to_thread(reader.last, _lines(request)):
            yield line(found)
        while _follows(request) and not replica.is_stopping:
            await asyncio.sleep(PERIOD)
            for found in await asyncio.to_thread(reader.new):
                yield line(found)

    async def _events(self, request: Request, app: Resource) -> AsyncIterator[str]:
        greeting = "Connecting to the events collector..."
        yield json.dumps({"TimeStamp": now(), "Type": "Normal", "Msg": greeting}) + "\n"
        events, seen = self.runners.events.since(app.id, 0)
        count = _lines(request)
        for event in events[-count:] if count else []:
            yield json.dumps(event) + "\n"
        while _follows(request) and self.store.get(app.id):
            await asyncio.sleep(PERIOD)
            events, seen = self.runners.events.since(app.id, seen)
            for event in events:
                yield json.dumps(event) + "\n"


class LogReader:
    """Reads a log file's lines as they come; the file may be cut at its beginning meanwhile."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.offset = 0
        self.rest = b""

    def last(self, count: int) -> list[str]:
        lines = self.new()
        return lines[-count:] if count else []

    def new(self) -> list[str]:
        """The lines that are complete and were not read yet."""
        try:
            with self.file.open("rb") as log:
                end = log.seek(0, 2)
                if end < self.offset:
                    self.offset, self.rest = 0, b""
                log.seek(self.offset)
                data = self.rest + log.read()
        except FileNotFoundError:
            return []
        self.offset = end
        *lines, self.rest = data.split(b"\n")
        return [line.decode(errors="replace") for line in lines]


def _follows(request: Request) -> bool:
    return request.query_params.get("follow", "").lower() == "true"


def _lines(request: Request) -> int:
    text = request.query_params.get("tailLines") or str(DEFAULT_LINES)
    return min(int(text), MOST_LINES) if re.fullmatch(r"[0-9]{1,9}", text) else DEFAULT_LINES


def _text(line: str) -> str:
    return line + "\n"


def _json(line: str) -> str:
    """A log line is an RFC 3339 time, a space and what was printed."""
    moment, _, text = line.partition(" ")
    return json.dumps({"TimeStamp": moment, "Log": text}) + "\n"
